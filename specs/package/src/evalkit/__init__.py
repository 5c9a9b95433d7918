"""Scores predictions against labels."""
