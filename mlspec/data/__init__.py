"""Facts with a source and a date, read through :mod:`mlspec.facts.python`."""
