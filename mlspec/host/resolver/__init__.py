"""Resolution of requirements to pins: runs of the resolver, commits of git refs, and problems with their hints."""
