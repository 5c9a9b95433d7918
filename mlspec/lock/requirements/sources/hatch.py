"""The indexes of `[tool.hatch]`, from the environment variables in its default environment."""

from __future__ import annotations

from mlspec.lock.requirements.sources.source_tables import Finds, ProjectIndex, Reach, Tables, TomlText

_DEFAULT = ("PIP_INDEX_URL", "UV_INDEX_URL", "UV_DEFAULT_INDEX")
_MORE = ("PIP_EXTRA_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_INDEX")


def read_hatch(toml: TomlText) -> Tables:
    """Return the indexes of hatch's default environment."""
    finds, path = Finds(), ("tool", "hatch", "envs", "default", "env-vars")
    for name, value in toml.table(*path).items():
        if name in (*_DEFAULT, *_MORE):
            reach: Reach = "rest" if name in _DEFAULT else "any"
            for url in str(value).split():
                # uv's own form is NAME=URL.
                address = url.partition("=")[2] if name == "UV_INDEX" and "=" in url.partition("://")[0] else url
                finds.indexes.append(ProjectIndex(url=address, place=toml.place(*path, name), reach=reach))
    return finds.tables()
