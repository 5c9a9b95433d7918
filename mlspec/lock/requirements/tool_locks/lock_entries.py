"""The entries of a spec that name another tool's lock and its groups: choose and check the one lock."""

from __future__ import annotations

import json
import posixpath
import re
import tomllib
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace

from packaging.utils import canonicalize_name

from mlspec.errors import Problem, Span, SpecError
from mlspec.facts.torch import torch_packages
from mlspec.lock.requirements.requirement_types import Kind, Requirement, Unheeded
from mlspec.lock.requirements.sources.choices import Route, check_route, find_routes
from mlspec.lock.requirements.sources.groups import find_left_out, is_of_work
from mlspec.lock.requirements.sources.pdm import read_pdm
from mlspec.lock.requirements.sources.source_tables import Conditions, TomlText
from mlspec.lock.requirements.tool_locks.chosen_lock import ChosenLock, LockText
from mlspec.lock.requirements.tool_locks.freshness import find_change
from mlspec.lock.requirements.tool_locks.lock_kinds import LockKind, find_lock_kind
from mlspec.lock.requirements.tool_locks.lock_model import LockedPackage, LockReadError
from mlspec.spec.place import Place
from mlspec.text import nearest

PYPI = "https://pypi.org/simple"


def find_named_lock(text: str) -> tuple[str, LockKind] | None:
    """Return the path of the lock that an entry names, without extras, and its kind; None if it names no lock."""
    path = text.partition("[")[0].strip()
    kind = find_lock_kind(posixpath.basename(path)) if re.fullmatch(r"[^\s=<>@;]+", path) else None
    return (path, kind) if kind else None


@dataclass(slots=True)
class _Named:
    """A named lock: the place of the first entry, and the extras and groups of all entries with their places."""

    place: Place
    extras: dict[str, Place] = field(default_factory=dict)
    groups: dict[str, Place] = field(default_factory=dict)


@dataclass(slots=True)
class LockEntries:
    """The locks that the entries of a spec name, while mlspec reads the entries.

    The keys of ``named`` are paths relative to the spec's folder. ``files`` are the projects that were read beside the
    locks.
    """

    read: Callable[[str], str]
    root: str
    conditions: Conditions
    named: dict[str, _Named] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)

    def add(self, path: str, text: str, extras: Iterable[str], place: Place) -> None:
        """Record a lock with extras of its project."""
        self.texts[path] = text
        named = self.named.setdefault(path, _Named(place))
        for extra in extras:
            named.extras.setdefault(canonicalize_name(extra), place)

    def find_group_owner(self, file: str, folder: str) -> str:
        """Return the path of the lock that ``--group FILE:NAME`` means; empty if it means no lock.

        Without a file, it is the only lock in the folder.
        """
        if file:
            path = posixpath.normpath(posixpath.join(folder, file))
            return path if find_lock_kind(posixpath.basename(path)) else ""
        here = [path for path in self.named if posixpath.dirname(path) == folder]
        return here[0] if len(here) == 1 else ""

    def add_group(self, path: str, group: str, place: Place) -> None:
        """Record a group of the project of a lock."""
        self.named.setdefault(path, _Named(place)).groups.setdefault(canonicalize_name(group), place)

    def find_lock_of(self, folder: str) -> str:
        """Return the path of the lock that has the requirements of the project in ``folder``; empty without one."""
        here = (path for path in self.named if (posixpath.dirname(path) or ".") == folder)
        kinds = ((path, find_lock_kind(posixpath.basename(path))) for path in here)
        return next((path for path, kind in kinds if kind and kind.project == "pyproject.toml"), "")

    def has_lock_beside(self, folder: str) -> bool:
        """Return whether a named lock is in ``folder``; one of pipenv or PEP 751 may lack packages of the project."""
        return any((posixpath.dirname(path) or ".") == folder for path in self.named)

    def refuse_extras(self, path: str, extras: Iterable[str], place: Place) -> Problem | None:
        """Return the problem at ``place`` of extras for which the lock at ``path`` is not named; None without any."""
        named = {*self.named[path].extras}
        missing = {*map(canonicalize_name, extras)} - named
        if not missing:
            return None
        message = f"the packages come from {path}, which is named without the extra {min(missing)}"
        return place.problem("MLS273", message, f"name it with them: {path}[{','.join(sorted(named | missing))}]")

    # The one lock

    def choose(self, projects: Collection[str], own: Collection[str] = ()) -> Iterator[ChosenLock | Problem]:
        """Yield the lock, or all problems of the lock and of the entries beside it.

        ``projects`` are the paths of the pyproject.toml files that the spec names too, and ``own`` are the names of the
        packages in folders of the project.
        """
        for path, named in list(self.named.items())[1:]:
            message = f"{path} and {next(iter(self.named))} are two locks, and an image has one version of each package"
            yield named.place.problem("MLS273", message, "name one of them; or give each its own image")
        for path, named in list(self.named.items())[:1]:
            if path not in self.texts:
                message = f"the entries name a group of {path}, but not {path} itself"
                yield named.place.problem("MLS273", message, f"add to requirements: {path}")
                continue
            kind = find_lock_kind(posixpath.basename(path))
            beside = posixpath.join(posixpath.dirname(path), "pyproject.toml")
            if beside in projects:
                message = f"{path} already has the pins of {beside}, and the spec names both"
                yield named.place.problem("MLS273", message, f"remove from requirements: {beside}")
            elif kind:
                for chosen in self._read(path, kind, named):
                    yield replace(chosen, own=frozenset(own)) if isinstance(chosen, ChosenLock) else chosen

    def _read(self, path: str, kind: LockKind, named: _Named) -> Iterator[ChosenLock | Problem]:
        shown, text = posixpath.join(self.root, path), self.texts[path]
        try:
            data = kind.parse(text)
        except RecursionError:
            yield Place(file=shown).problem("MLS270", f"{path} is nested too deeply", f"write it again: {kind.renew}")
            return
        except (tomllib.TOMLDecodeError, json.JSONDecodeError) as error:
            yield _refuse_syntax(error, text, path, shown)
            return
        lock_text = LockText(kind=kind, path=path, shown=shown, text=text, data=data)
        try:
            lock = kind.read(data)
        except LockReadError as error:
            yield lock_text.refuse(error)
            return
        except (KeyError, TypeError, AttributeError, ValueError):
            message = f"{path} is not a valid lock{f' of {kind.tool}' if kind.tool else ''}"
            yield Place(file=shown).problem("MLS270", message, f"write it again: {kind.renew}")
            return
        if change := self._find_change(lock_text):
            yield change
            return
        groups = {("develop" if kind.tool == "pipenv" and g == "dev" else g): p for g, p in named.groups.items()}
        unknown = [*_find_unknown(named.extras, lock.extras, "extra", path)]
        unknown += _find_unknown(groups, lock.groups, "group", path)
        yield from unknown
        if not unknown:
            yield ChosenLock(
                text=lock_text,
                lock=lock,
                entry=named.place,
                extras=frozenset(named.extras),
                groups=frozenset(groups),
            )

    def _find_change(self, lock: LockText) -> Problem | None:
        project = self._read_project(lock)
        try:
            reason = find_change(lock.kind.tool, lock.data, project.data, lock.text) if project else ""
        except (KeyError, TypeError, AttributeError, ValueError):
            reason = "one of the two files is malformed"
        if not reason or not project:
            return None
        message = f"{lock.path} is not the lock of {project.shown} any more: {reason}"
        return lock.place().problem("MLS271", message, f"renew it: {lock.kind.renew}")

    def _read_project(self, lock: LockText) -> TomlText | None:
        """Return the project beside a lock; None if no readable project is there."""
        path = posixpath.join(posixpath.dirname(lock.path), lock.kind.project)
        try:
            text = self.read(path) if lock.kind.project else ""
            found = TomlText(text, posixpath.join(self.root, path), tomllib.loads(text)) if text else None
        except (OSError, UnicodeError, tomllib.TOMLDecodeError, RecursionError):
            return None
        if found and path not in self.files:
            self.files.append(path)
        return found

    # Results of the choice

    def list_requirements(self, chosen: ChosenLock) -> Iterator[Requirement]:
        """Yield the direct requirements of the project, at the lock's version on the first platform that has each."""
        names = dict[str, Requirement]()
        for packages in self._each_platform(chosen):
            direct = chosen.lock.direct or frozenset()
            for package in packages:
                if package.name in direct or not package.via:
                    text = f"{package.name} @ {package.address}" if package.address else ""
                    text = text or f"{package.name}=={package.version}"
                    kind: Kind = "vcs" if package.address.startswith("git+") else "url" if package.address else "index"
                    found = Requirement(text=text, name=package.name, kind=kind, place=chosen.entry, is_locked=True)
                    names.setdefault(package.name, found)
        yield from names.values()

    def list_routes(self, chosen: ChosenLock) -> Iterator[Route | Problem]:
        """Yield the indexes of the packages, and a problem for each package that cannot come from one index."""
        project = self._read_project(chosen.text) if chosen.text.kind.tool == "pdm" else None
        if project:
            # A pdm.lock does not contain the index of a package.
            yield from find_routes((), read_pdm(project), self.conditions)
            return
        indexes: dict[str, dict[str, LockedPackage]] = {}
        for packages in self._each_platform(chosen):
            for package in packages:
                if not package.address:
                    indexes.setdefault(package.name, {})[package.index] = package
        urls = {url for found in indexes.values() for url in found}
        if len(urls) == 1 and "" not in urls and len(indexes) > 1:
            yield from check_route(Route(name="", url=urls.pop(), place=chosen.entry), self.conditions)
            return
        for name, found in indexes.items():
            if len(found) > 1:
                message = f"{name} comes from {' and '.join(url or PYPI for url in found)}, depending on the platform"
                hint = "take it from one index on all platforms of the image, or give each platform its own image"
                yield chosen.entry.problem("MLS217", message, hint)
            elif url := next(iter(found)) or self._own_url(name):
                yield from check_route(Route(name=name, url=url, place=chosen.entry), self.conditions)

    def _own_url(self, name: str) -> str:
        """Return the default index for a package that the image's accelerator has another index for; else empty."""
        has_other = self.conditions.accelerator.label is not None and name in torch_packages()
        return PYPI if has_other else ""

    def list_unheeded(self, chosen: ChosenLock) -> Iterator[Unheeded]:
        """Yield the groups that the tool installs by default and the spec did not choose."""
        project = self._read_project(chosen.text)
        if project and chosen.text.kind.tool == "pdm":
            taken = chosen.extras | chosen.groups
            for name in project.table("dependency-groups"):
                if canonicalize_name(name) not in taken and not is_of_work(name):
                    message = f"pdm installs the group {name} by default, and the image does not have it"
                    hint = f'add it to requirements: "--group {chosen.text.path}:{name}"; '
                    hint += "or leave it out on purpose: # mlspec: ignore=MLS225 WHY"
                    yield Unheeded("group", message, hint, chosen.entry)
        elif project and chosen.text.kind.project == "pyproject.toml":
            for row in find_left_out(project, chosen.groups, chosen.text.path):
                yield replace(row, place=chosen.entry)

    def _each_platform(self, chosen: ChosenLock) -> Iterator[tuple[LockedPackage, ...]]:
        for platform in self.conditions.platforms:
            try:
                yield chosen.packages(self.conditions.python, platform)
            except SpecError:
                # The lock of the platform reports the error, for the full version of Python.
                continue


def _refuse_syntax(error: ValueError, text: str, path: str, shown: str) -> Problem:
    said = str(error)
    found = re.search(r"line (\d+),? column (\d+)", said)
    lines = text.split("\n")
    number = min(int(found[1]), len(lines)) if found else len(lines)
    column = int(found[2]) if found else 1
    place = Place(file=shown, span=Span(number, column, number, column + 1), excerpt=lines[number - 1])
    hint = "finish the merge in it" if re.search(r"(?m)^<{7} ", text) else "take it from version control again"
    return place.problem("MLS270", f"{path} is damaged: {re.split(r'[:(]', said)[0].strip().lower()}", hint)


def _find_unknown(asked: dict[str, Place], known: Collection[str], kind: str, path: str) -> Iterator[Problem]:
    for name, place in asked.items():
        if name not in known:
            names = sorted(known)
            close = nearest(name, names)
            hint = f"did you mean: {close[0]}" if close else f"it has: {', '.join(names) or 'none'}"
            yield place.problem("MLS209", f'{path} has no {kind} "{name}"', hint)
