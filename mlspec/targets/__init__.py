"""The targets stage: a plan becomes files."""
