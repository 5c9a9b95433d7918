"""Spec and lock to a plan: every choice, no text."""
