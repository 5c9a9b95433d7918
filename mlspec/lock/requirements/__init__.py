"""Parse pip's requirement syntax: the entries of a spec, and the files they name, to frozen requirements."""
