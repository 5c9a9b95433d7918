"""Results remembered between runs, by the content they came from."""
