"""The explanation of generated files: the origin and the reason of each line."""
