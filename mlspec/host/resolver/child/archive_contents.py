"""What is in an unpacked source: the languages it is written in, and what its build asks for."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from mlspec.facts import compile_recipes

# What is never part of what is installed.
_ASIDE = {"benchmark", "benchmarks", "doc", "docs", "example", "examples", "test", "testing", "tests"}
# PEP 517, and the default of PEP 518 as pip has it.
_DEFAULT = {"requires": ["setuptools>=40.8.0"], "build-backend": "setuptools.build_meta:__legacy__"}


def contents_of(source: Path) -> dict[str, Any]:
    """Return ``languages``, and what the build of an unpacked source ``requires``, asked for later included."""
    requires, backend, _ = build_system(source)
    return {"languages": _languages(source), "requires": [*requires, *compile_recipes.asked_by(backend)]}


def build_system(source: Path) -> tuple[list[str], str, list[str]]:
    """Return what the build of an unpacked source requires, its backend, and the folders that this is found in."""
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
    """Return the languages that are compiled, or Python alone."""
    files = (path.relative_to(source) for path in source.rglob("*.*"))
    suffixes = {path.suffix.lower() for path in files if not _ASIDE & set(path.parts[:-1])}
    return [row.name for row in compile_recipes.languages() if suffixes & set(row.suffixes)] or ["Python"]
