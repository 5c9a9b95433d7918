"""What a build made and what it took: the report of a finished build, as lines, as JSON and as a page."""
