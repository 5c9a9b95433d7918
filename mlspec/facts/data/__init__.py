"""Facts with a source and a date, as TOML and text; :mod:`mlspec.facts` reads them."""
