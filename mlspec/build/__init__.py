"""The build stage: BuildKit's stream, failures, and reports of finished builds."""
