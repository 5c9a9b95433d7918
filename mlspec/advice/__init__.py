"""Advice, as a good engineer would give it: lint, explain, doctor, draft."""
