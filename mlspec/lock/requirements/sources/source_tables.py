"""What the tables of a pyproject.toml say of where packages come from, whichever tool they are for."""

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
from mlspec.lock.requirements.toml_places import find_places
from mlspec.lock.requirements.values import Place, Stated, Unheeded


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What of an image decides what such a table means: its Python, platforms, indexes and accelerator."""

    python: str = "3.12"
    platforms: tuple[str, ...] = ("linux/amd64",)
    indexes: tuple[Index, ...] = ()
    accelerator: Accelerator = CPU


@dataclass(frozen=True)
class TomlText:
    """A TOML text with its data, and what messages call its file."""

    text: str
    shown: str
    data: Mapping[str, Any]

    @cached_property
    def _places(self) -> Mapping[KeyPath, Span]:
        return find_places(self.text)

    def place(self, *path: str | int) -> Place:
        """Return the place of the value at ``path``, or of the nearest one above that has a place of its own."""
        while path and path not in self._places:
            path = path[:-1]
        span = self._places.get(path)
        excerpt = self.text.split("\n")[span.line - 1] if span else ""
        return Place(file=self.shown, span=span, excerpt=excerpt)

    def table(self, *path: str) -> Mapping[str, Any]:
        """Return the table at ``path``; an empty one where there is none."""
        found = self.value(*path)
        return found if isinstance(found, dict) else {}

    def tables(self, *path: str) -> tuple[tuple[int, Mapping[str, Any]], ...]:
        """Return the tables of the list at ``path`` with their numbers; none where there is no list."""
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
        """The normalised name of the project; empty where it has none."""
        return canonicalize_name(str(self.value("project", "name") or self.value("tool", "poetry", "name") or ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageSource:
    """Where one package comes from: an address of pip's, an index, or what cannot be had, with what is said of it.

    ``extra`` and ``group`` are those of the project that it is for, ``marker`` the environments.
    """

    name: str
    place: Place
    address: str = ""
    index: str = ""
    problem: Problem | None = None
    marker: str = ""
    extra: str = ""
    group: str = ""


Reach = Literal["named", "rest", "any"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectIndex:
    """An index of a project: it serves ``named`` packages alone, the ``rest`` in the default's place, or ``any``."""

    url: str
    place: Place
    reach: Reach
    packages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """All that the tables of one tool say: sources, indexes, constraints and options of pip's with their places,
    stated metadata, what is refused, and what is not followed."""

    sources: tuple[PackageSource, ...] = ()
    indexes: tuple[ProjectIndex, ...] = ()
    constraints: tuple[tuple[str, Place], ...] = ()
    build_constraints: tuple[tuple[str, Place], ...] = ()
    stated: tuple[Stated, ...] = ()
    options: tuple[tuple[str, Place], ...] = ()
    unheeded: tuple[Unheeded, ...] = ()
    problems: tuple[Problem, ...] = ()


def join_tables(several: Iterable[Tables]) -> Tables:
    """Return what several tools say as one."""
    several = tuple(several)
    fields = [f.name for f in dataclasses.fields(Tables)]
    return Tables(**{name: tuple(item for one in several for item in getattr(one, name)) for name in fields})


@dataclass(slots=True)
class Finds:
    """What is found in the tables of one tool, while they are read."""

    sources: list[PackageSource] = field(default_factory=list)
    indexes: list[ProjectIndex] = field(default_factory=list)
    constraints: list[tuple[str, Place]] = field(default_factory=list)
    build_constraints: list[tuple[str, Place]] = field(default_factory=list)
    stated: list[Stated] = field(default_factory=list)
    options: list[tuple[str, Place]] = field(default_factory=list)
    unheeded: list[Unheeded] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def tables(self) -> Tables:
        """Return it as a frozen value."""
        fields = [f.name for f in dataclasses.fields(Tables)]
        return Tables(**{name: tuple(getattr(self, name)) for name in fields})


def git_address(row: Mapping[str, Any]) -> str:
    """Return the address, as pip takes it, of a git repository in a table: at its rev, tag or branch."""
    git = str(row["git"]).removeprefix("git+")
    ref = next((str(row[key]) for key in ("rev", "tag", "branch") if row.get(key)), "")
    folder = f"#subdirectory={row['subdirectory']}" if row.get("subdirectory") else ""
    return f"git+{git}{'@' if ref else ''}{ref}{folder}"


def url_address(row: Mapping[str, Any]) -> str:
    """Return the address of an archive in a table, with its subfolder."""
    return f"{row['url']}#subdirectory={row['subdirectory']}" if row.get("subdirectory") else str(row["url"])


def refuse_path(name: str, where: str, place: Place, hint: str) -> Problem:
    """Return that a package is code of a folder, which no index and no repository has."""
    return place.problem("MLS216", f"{name} is {where}: no lock can hold it, and no index is asked for it", hint)


PATH_HINT = (
    'give its repository, such as: {{ git = "https://..." }}; or list in a requirements.in what the image needs, '
    "and name that in the place of {file}"
)
"""What to write where a package is code of a folder."""


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
    """Yield a problem for everything that requirements are read from and that is no table."""
    for path in _TABLES:
        value = toml.value(*path)
        if value is not None and not isinstance(value, dict):
            yield toml.place(*path).problem("MLS208", f"{'.'.join(path)} of {toml.shown} is not a table")
