"""The tables of a pyproject.toml that name the sources of packages, in a form that all tools share."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from packaging.utils import canonicalize_name

from mlspec.errors import KeyPath, Problem, Span
from mlspec.facts.accelerator import CPU, Accelerator
from mlspec.lock.requirements.indexes import Index
from mlspec.lock.requirements.requirement_types import Stated, Unheeded
from mlspec.lock.requirements.toml_places import find_places
from mlspec.spec.place import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """The facts of an image that decide on such a table: its Python, platforms, indexes and accelerator.

    ``context`` leads from the spec's folder to the build context, such as ``../..``.
    """

    python: str = "3.12"
    platforms: tuple[str, ...] = ("linux/amd64",)
    indexes: tuple[Index, ...] = ()
    accelerator: Accelerator = CPU
    context: str = "."


@dataclass(frozen=True)
class TomlText:
    """A TOML text with its data, and the name of its file in messages."""

    text: str
    shown: str
    data: Mapping[str, Any]

    @cached_property
    def _places(self) -> Mapping[KeyPath, Span]:
        return find_places(self.text)

    def place(self, *path: str | int) -> Place:
        """Return the place of the value at ``path``, or of the nearest table above it that has a place."""
        while path and path not in self._places:
            path = path[:-1]
        span = self._places.get(path)
        excerpt = self.text.split("\n")[span.line - 1] if span else ""
        return Place(file=self.shown, span=span, excerpt=excerpt)

    def table(self, *path: str) -> Mapping[str, Any]:
        """Return the table at ``path``; an empty one if there is none."""
        found = self.value(*path)
        return found if isinstance(found, dict) else {}

    def tables(self, *path: str) -> tuple[tuple[int, Mapping[str, Any]], ...]:
        """Return the tables of the list at ``path`` with their numbers; none if there is no list."""
        found = self.value(*path)
        listed = enumerate(found) if isinstance(found, list) else ()
        return tuple((number, item) for number, item in listed if isinstance(item, dict))

    def value(self, *path: str) -> Any:  # noqa: ANN401 - whatever TOML can hold
        """Return the value at ``path``, or None."""
        found: Any = self.data
        for key in path:
            found = found.get(key) if isinstance(found, dict) else None
        return found

    @property
    def name(self) -> str:
        """The normalised name of the project; empty if it has none."""
        return canonicalize_name(str(self.value("project", "name") or self.value("tool", "poetry", "name") or ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageSource:
    """The source of one package: an address for pip, an index, or the problem of an impossible source.

    ``folder`` is that of a package beside the file that names it, as written, and ``is_member`` tells that it is one of
    the workspace. If such a source cannot be used, ``problem`` counts.
    ``extra`` and ``group`` are the ones of the project that the source is for; ``marker`` limits its environments.
    """

    name: str
    place: Place
    address: str = ""
    index: str = ""
    problem: Problem | None = None
    folder: str = ""
    is_member: bool = False
    marker: str = ""
    extra: str = ""
    group: str = ""


Reach = Literal["named", "rest", "any"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectIndex:
    """An index of a project.

    It serves only ``named`` packages, the ``rest`` in place of the default index, or ``any`` package.
    """

    url: str
    place: Place
    reach: Reach
    packages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """The contents of one tool's tables that matter for a lock.

    These are sources and indexes, constraints and pip options with their places, stated metadata, problems, and
    settings that the lock does not follow.
    """

    sources: tuple[PackageSource, ...] = ()
    indexes: tuple[ProjectIndex, ...] = ()
    constraints: tuple[tuple[str, Place], ...] = ()
    build_constraints: tuple[tuple[str, Place], ...] = ()
    stated: tuple[Stated, ...] = ()
    options: tuple[tuple[str, Place], ...] = ()
    unheeded: tuple[Unheeded, ...] = ()
    problems: tuple[Problem, ...] = ()


def join_tables(several: Iterable[Tables]) -> Tables:
    """Return the tables of several tools as one."""
    several = tuple(several)
    fields = [f.name for f in dataclasses.fields(Tables)]
    return Tables(**{name: tuple(item for one in several for item in getattr(one, name)) for name in fields})


@dataclass(slots=True)
class Finds:
    """The results of reading one tool's tables, while mlspec reads them."""

    sources: list[PackageSource] = field(default_factory=list)
    indexes: list[ProjectIndex] = field(default_factory=list)
    constraints: list[tuple[str, Place]] = field(default_factory=list)
    build_constraints: list[tuple[str, Place]] = field(default_factory=list)
    stated: list[Stated] = field(default_factory=list)
    options: list[tuple[str, Place]] = field(default_factory=list)
    unheeded: list[Unheeded] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def tables(self) -> Tables:
        """Return the results as a frozen value."""
        fields = [f.name for f in dataclasses.fields(Tables)]
        return Tables(**{name: tuple(getattr(self, name)) for name in fields})


def git_address(row: Mapping[str, Any]) -> str:
    """Return the address of a git repository in a table, for pip: with its rev, tag or branch."""
    git = str(row["git"]).removeprefix("git+")
    ref = next((str(row[key]) for key in ("rev", "tag", "branch") if row.get(key)), "")
    folder = f"#subdirectory={row['subdirectory']}" if row.get("subdirectory") else ""
    return f"git+{git}{'@' if ref else ''}{ref}{folder}"


def url_address(row: Mapping[str, Any]) -> str:
    """Return the address of an archive in a table, with its subfolder."""
    return f"{row['url']}#subdirectory={row['subdirectory']}" if row.get("subdirectory") else str(row["url"])


def refuse_path(name: str, where: str, place: Place, hint: str) -> Problem:
    """Return the problem of a package that is code in a folder, which no index and no repository has."""
    return place.problem(
        "MLS216", f"{name} is {where}: a lock cannot contain it, and mlspec does not ask an index for it", hint
    )


PATH_HINT = (
    'give its repository, such as: {{ git = "https://..." }}; or list in a requirements.in what the image needs, '
    "and name that instead of {file}"
)
"""The hint for a package that is code in a folder."""


_TABLES = (
    ("project",),
    ("project", "optional-dependencies"),
    ("dependency-groups",),
    ("tool",),
    *(("tool", name) for name in ("uv", "poetry", "pdm", "pixi", "hatch")),
    ("tool", "uv", "sources"),
    *(("tool", name, "dependencies") for name in ("poetry", "pixi")),
    ("tool", "poetry", "group"),
    ("tool", "pixi", "pypi-dependencies"),
)


def find_wrong_tables(toml: TomlText) -> Iterator[Problem]:
    """Yield a problem for each key that should be a table of requirements but is not a table."""
    for path in _TABLES:
        value = toml.value(*path)
        if value is not None and not isinstance(value, dict):
            yield toml.place(*path).problem("MLS208", f"{'.'.join(path)} of {toml.shown} is not a table")
