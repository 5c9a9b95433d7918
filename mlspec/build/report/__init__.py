"""The report of a finished build, as lines, as JSON and as a page."""
