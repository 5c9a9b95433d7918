"""The same application and requirements, built by several Dockerfiles on one engine, measured side by side."""
