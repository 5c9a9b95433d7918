"""A benchmark of several Dockerfiles for the same application and requirements, on one engine."""
