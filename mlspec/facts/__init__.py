"""Facts with a date: Pythons, Debian releases, package indexes, GPUs, compilers, codes."""
