"""Where a pyproject.toml says that packages come from: the tables of uv, poetry, pdm, pixi and hatch."""
