"""The progress of a build: BuildKit's stream, the steps of the plan, what to show of them, and why one failed."""
