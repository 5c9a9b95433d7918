"""Everything that touches the world: files, cache, network, engine, the resolver's process."""
