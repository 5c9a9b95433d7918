"""The Docker Engine: images, builds, runs."""
