"""A build while it runs and when it is done: BuildKit's stream, failures, reports."""
