"""The sources of packages in a pyproject.toml, from the tables of uv, poetry, pdm, pixi and hatch."""
