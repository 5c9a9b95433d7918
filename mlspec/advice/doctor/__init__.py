"""Checks of a host for problems that would stop a build or a run, each with its fix."""
