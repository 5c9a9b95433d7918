"""Facts from the files of an unpacked source: its programming languages and build requirements."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from mlspec.facts import compile_recipes

# Folders whose files are never installed.
_ASIDE = {"benchmark", "benchmarks", "doc", "docs", "example", "examples", "test", "testing", "tests"}
# The defaults of PEP 517 and PEP 518, as in pip.
_DEFAULT = {"requires": ["setuptools>=40.8.0"], "build-backend": "setuptools.build_meta:__legacy__"}


def contents_of(source: Path) -> dict[str, Any]:
    """Return ``languages`` and ``requires`` of an unpacked source.

    ``requires`` are the build requirements, with the ones that the backend adds during the build.
    """
    requires, backend, _ = build_system(source)
    return {"languages": _languages(source), "requires": [*requires, *compile_recipes.asked_by(backend)]}


def build_system(source: Path) -> tuple[list[str], str, list[str]]:
    """Return the build requirements of an unpacked source, its backend, and the backend's folders in the source."""
    system = _build_system(source / "pyproject.toml")
    requires = [str(text) for text in system.get("requires", _DEFAULT["requires"])]
    backend = str(system.get("build-backend", _DEFAULT["build-backend"]))
    return requires, backend, [str(path) for path in system.get("backend-path", ())]


def _build_system(project: Path) -> dict[str, Any]:
    try:
        table = tomllib.loads(project.read_text(encoding="utf-8")).get("build-system", {})
    except (OSError, ValueError):
        return {}
    return table if isinstance(table, dict) else {}


def _languages(source: Path) -> list[str]:
    """Return the languages that need a compiler; Python if there is no such language."""
    files = (path.relative_to(source) for path in source.rglob("*.*"))
    suffixes = {path.suffix.lower() for path in files if not _ASIDE & set(path.parts[:-1])}
    return [row.name for row in compile_recipes.languages() if suffixes & set(row.suffixes)] or ["Python"]
