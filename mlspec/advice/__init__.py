"""Advice about specs, hosts and projects: lint, explain, doctor, draft and imports."""
