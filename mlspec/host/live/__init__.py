"""Live work: a container with the folders of the project, whose program starts again after an edit."""
