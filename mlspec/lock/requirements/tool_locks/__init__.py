"""Read the locks of other tools: uv.lock, poetry.lock, pdm.lock, Pipfile.lock, pylock.toml."""
