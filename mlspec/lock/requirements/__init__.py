"""Pip's requirement syntax to frozen requirements: entries of a spec, and the files they name."""
