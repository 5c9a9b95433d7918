"""The cache of results between runs, by the content of the files that they depend on."""
