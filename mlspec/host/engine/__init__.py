"""Access to the Docker Engine: images, builds, runs."""
