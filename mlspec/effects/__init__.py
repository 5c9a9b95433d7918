"""Everything that touches the world: disk, package index, registry and engine."""
