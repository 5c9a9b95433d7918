"""Typed rows of ``data/variants.toml``: packages that come in variants for different accelerators."""

from __future__ import annotations

import fnmatch
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from packaging.requirements import Requirement as Pep508

from mlspec.requirements import Requirement


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A package, perhaps with an extra, that does not fit some accelerators, and what does instead of it.

    ``instead`` is by kinds of accelerator: cpu, cuda, rocm; empty where there is nothing. An extra of ``needs``, or a
    package of ``unless``, makes it fit; so does any index of the user's for one that has an ``index`` of its own.
    """

    package: str
    what: str
    instead: Mapping[str, str]
    extra: str = ""
    needs: str = ""
    unless: tuple[str, ...] = ()
    index: str = ""

    def is_wrong(self, requirement: Requirement, kind: str, packages: Collection[str]) -> bool:
        """Return whether a requirement does not fit the kind of accelerator, in an image with these packages."""
        if kind not in self.instead or not fnmatch.fnmatchcase(requirement.name, self.package):
            return False
        extras = Pep508(requirement.text).extras if requirement.kind == "index" else ()
        if self.extra and not _any(extras, self.extra):
            return False
        return not (self.needs and _any(extras, self.needs)) and not any(_any(packages, n) for n in self.unless)


def _any(names: Collection[str], pattern: str) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for name in names)


@cache
def variants() -> tuple[Variant, ...]:
    """Return what is known of packages in variants."""
    table = tomllib.loads(resources.files("mlspec.data").joinpath("variants.toml").read_text(encoding="utf-8"))
    return tuple(Variant(**{**row, "unless": tuple(row.get("unless", ()))}) for row in table["variant"])
