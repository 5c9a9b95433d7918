"""The metadata of sources that have none before a build, from the image's build stage or from this host."""
