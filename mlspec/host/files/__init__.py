"""Files of a project: search, reading, comparison, writing."""
