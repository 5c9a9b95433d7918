"""Typed readers of ``data/conda.toml`` and ``data/conda_packages.txt.xz``: the equivalents of conda packages."""

from __future__ import annotations

import lzma
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

from mlspec.facts.tables import table

CondaKind = Literal["index", "apt", "build_apt", "cuda", "base", "none"]


@dataclass(frozen=True, slots=True)
class CondaPackage:
    """The equivalent of a conda package: its kind, its name there, and whether a table has it."""

    kind: CondaKind
    name: str = ""
    is_known: bool = True


@cache
def _names() -> Mapping[str, str]:
    data = resources.files("mlspec.facts.data").joinpath("conda_packages.txt.xz").read_bytes()
    _, *lines = lzma.decompress(data).decode("ascii").splitlines()
    rows = (line.split(" ") for line in lines)
    return {row[0]: row[-1] for row in rows}


def conda_package(name: str) -> CondaPackage:
    """Return the equivalent of a conda package; for an unknown one, the package of that name on the index."""
    rows = table("conda")
    if name in rows["cuda"]:
        return CondaPackage("cuda", name)
    if name in rows["in_base"]:
        return CondaPackage("base", name)
    for kind in ("apt", "build"):
        if name in rows[kind]:
            return CondaPackage("apt" if kind == "apt" else "build_apt", rows[kind][name])
    if name in rows["names"]:
        found = rows["names"][name]
        return CondaPackage("index", found) if found else CondaPackage("none")
    if name in rows["no_equal"]:
        return CondaPackage("none")
    if name in rows["same"]:
        return CondaPackage("index", name)
    other = _names().get(name)
    return CondaPackage("index", other) if other else CondaPackage("index", name, is_known=False)
