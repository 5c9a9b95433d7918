"""All code that reads or writes outside this process: files, cache, network, engine, the resolver's process."""
