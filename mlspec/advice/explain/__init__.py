"""Where each line of the artifacts comes from, and why it is there."""
