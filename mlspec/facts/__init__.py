"""What was true on a dated day: Pythons, Debian releases, indexes, GPUs, compilers, codes."""
