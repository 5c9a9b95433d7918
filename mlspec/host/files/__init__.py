"""Reading and writing the files of a project."""
