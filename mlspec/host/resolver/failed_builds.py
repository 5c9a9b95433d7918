"""Problems for failed builds of sources: what the build lacked, where it ran, and how to fix it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mlspec.errors import Problem
from mlspec.facts import compile_recipes
from mlspec.lock.requirements.requirement_types import Requirement, Requirements
from mlspec.text import without_login

# Messages of setup.py files, shells, pkg-config and Python about a missing program or library; seen in builds of gdal,
# mysqlclient, psycopg2, av, pycairo and mmcv-full.
_PROGRAMS = (
    r"Could not find (?P<name>[\w.-]+-config)\b",
    r"\b(?P<name>[a-z]+_config)(?: executable)? not found",
    r"(?:^|[\s:])(?P<name>[\w.+-]+): (?:command )?not found",
    r"No such file or directory: '(?P<name>[\w.+-]+)'",
    r"Package '?(?P<name>[\w.+-]+)'?(?:, required by [^,]+,)? (?:was )?not found",
    r"No package '(?P<name>[\w.+-]+)' found",
    r"Dependency \"(?P<name>[\w.+-]+)\" not found",
)
_MODULE = r"No module named '(?P<name>\w+)"
# setuptools 82 removed pkg_resources, setuptools 58 removed the support of 2to3.
_SETUPTOOLS = ((r"No module named 'pkg_resources'", "setuptools<81"), (r"use_2to3 is invalid", "setuptools<58"))
_MOST_LINES = 8


@dataclass(frozen=True)
class FailedBuild:
    """A failed build of a source, from the resolver's report."""

    name: str
    version: str
    words: str
    place: str
    wheel_version: str

    @classmethod
    def of(cls, error: Mapping[str, Any]) -> FailedBuild:
        """Return the failed build in an error of the resolver."""
        return cls(error["name"], error["version"], error["message"], error["place"], error["wheel_version"])

    def problem(self, requirements: Requirements, requirement: Requirement | None) -> Problem:
        """Return the problem for the user."""
        where = f"on this host ({self.place})" if self.place else "in the image's build stage"
        missing = f", as it misses {self._missing}" if self._missing else ""
        message = f"{self.name} {self.version}".strip()
        message += f" is a source: only its build knows its dependencies, and that build failed {where}{missing}"
        hint = "; or ".join(self._ways())
        return requirements.problem("MLS249", message, f"{hint}\n{self._tail()}".strip(), requirement)

    @property
    def _programs(self) -> tuple[str, ...]:
        """The programs and libraries that the build did not find, each once."""
        found = (match["name"] for text in _PROGRAMS for match in re.finditer(text, self.words, re.MULTILINE))
        return tuple(dict.fromkeys(found))

    @property
    def _missing(self) -> str:
        module = re.search(_MODULE, self.words)
        return ", ".join(self._programs[:4]) or (f"Python's module {module['name']}" if module else "")

    def _ways(self) -> Iterator[str]:
        """Yield the remedies, best first."""
        bound = next((bound for text, bound in _SETUPTOOLS if re.search(text, self.words)), "")
        debian = ", ".join(sorted(set(filter(None, map(compile_recipes.package_of, self._programs)))))
        if bound:
            yield f"add: build_constraints: [{bound}]"
        if self.place and not bound:
            named = f"build_apt: [{debian}]" if debian else "the packages of build_apt"
            yield f"start a Docker engine: then the build runs in the image's build stage, with {named}"
        elif debian:
            yield f"add: build_apt: [{debian}]"
        if self.wheel_version:
            yield f"require {self.name}=={self.wheel_version}, the newest that has a wheel"
        row = f"name: {self.name}, {f'version: {self.version}, ' if self.version else ''}requires_dist: [...]"
        yield f"state its requirements, and nothing is built: dependency_metadata: [{{{row}}}]"

    def _tail(self) -> str:
        lines = [line.rstrip() for line in self.words.splitlines() if line.strip()]
        return "\n".join(map(without_login, lines[-_MOST_LINES:]))
