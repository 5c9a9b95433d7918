"""Another tool's lock that a spec names, and the pins that an image takes from it on each target."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from packaging.markers import InvalidMarker, UndefinedComparison, UndefinedEnvironmentName
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from mlspec.errors import KeyPath, Problem, Span, SpecError
from mlspec.lock.pins import LockTarget, Pin
from mlspec.lock.requirements.sources.source_tables import TomlText
from mlspec.lock.requirements.tool_locks.lock_kinds import Data, LockKind
from mlspec.lock.requirements.tool_locks.lock_model import LockChoice, LockedPackage, LockReadError, ProjectLock
from mlspec.lock.requirements.tool_locks.soundness import find_unsound
from mlspec.lock.requirements.tool_locks.wheel_choice import choose_files
from mlspec.spec.place import Place


@dataclass(frozen=True, kw_only=True)
class LockText:
    """The text of another tool's lock: its kind and data, its path, and the name of its file in messages."""

    kind: LockKind
    path: str
    shown: str
    text: str = field(repr=False)
    data: Data = field(repr=False, compare=False)

    def place(self, *path: str | int) -> Place:
        """Return the place of the value at a path, or of the nearest value above it that has a place."""
        if self.kind.is_toml:
            return TomlText(self.text, self.shown, self.data).place(*path)
        wanted = json.dumps(path[-1]) if path else ""
        for number, line in enumerate(self.text.split("\n"), start=1):
            if wanted and line.strip().startswith(f"{wanted}:"):
                span = Span(number, len(line) - len(line.lstrip()) + 1, number, len(line) + 1)
                return Place(file=self.shown, span=span, excerpt=line)
        return Place(file=self.shown)

    def refuse(self, error: LockReadError, path: KeyPath = ()) -> Problem:
        """Return the error of a reader as a problem at its place."""
        return self.place(*(error.path or path)).problem(error.code, error.message, error.hint)

    @property
    def tool(self) -> str:
        """The tool that writes the lock, as messages show it."""
        return self.kind.tool or "the tool that wrote it"


@dataclass(frozen=True, kw_only=True)
class ChosenLock:
    """The part of a lock that an image takes: extras and groups, as normalised names, for the entry that names it.

    ``own`` are the names of packages that the image takes from folders of the project, and not from the lock.
    """

    text: LockText
    lock: ProjectLock = field(repr=False, compare=False)
    entry: Place = field(compare=False)
    extras: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    own: frozenset[str] = frozenset()

    @property
    def path(self) -> str:
        """The path of the lock, relative to the folder of the spec."""
        return self.text.path

    @property
    def has_sizes(self) -> bool:
        """Whether the lock contains file sizes."""
        return self.text.kind.has_sizes

    def tell_upgrade(self, name: str = "") -> str:
        """Return the command that upgrades its pins, or the pin of the package ``name``."""
        kind = self.text.kind
        return kind.upgrade_one.format(name=name) if name else kind.upgrade

    def packages(self, python: str, platform: str) -> tuple[LockedPackage, ...]:
        """Return the packages for a Python and a platform; raises SpecError if the lock is not for them."""
        self._check_python(python)
        choice = LockChoice(python=python, platform=platform, extras=self.extras, groups=self.groups)
        try:
            found = tuple(package for package in self.lock.take(choice) if package.name not in self.own)
        except LockReadError as error:
            raise SpecError(self.text.refuse(error)) from None
        except (InvalidMarker, InvalidSpecifier, UndefinedComparison, UndefinedEnvironmentName) as error:
            raise SpecError(self._unreadable(str(error))) from None
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise SpecError(self._unreadable(f"{type(error).__name__.lower()}: {error}")) from None
        if problems := [*self._find_problems(found)]:
            raise SpecError(*problems)
        return found

    def pins(self, target: LockTarget, built: Collection[str] = ()) -> tuple[Pin, ...]:
        """Return the pins on a target; raises SpecError if a package has no file for the target."""
        pins, problems = [], []
        for package in self.packages(target.python, target.platform):
            try:
                pins.append(choose_files(package, target, built))
            except LockReadError as error:
                problems.append(self.text.refuse(error, self._path_of(package)))
        if problems:
            raise SpecError(*problems)
        return tuple(pins)

    def _unreadable(self, reason: str) -> Problem:
        message = f"{self.text.path} cannot be read: {reason.splitlines()[0][:120]}"
        return self.text.place().problem("MLS270", message, f"write it again: {self.text.kind.renew}")

    def _check_python(self, python: str) -> None:
        whole = python if python.count(".") > 1 else f"{python}.0"
        try:
            if SpecifierSet(self.lock.python).contains(whole, prereleases=True):
                return
        except InvalidSpecifier:
            return
        # A minor version fits if any of its releases may fit.
        if python.count(".") == 1 and SpecifierSet(self.lock.python).contains(f"{python}.99", prereleases=True):
            return
        message = f"{self.text.path} is for Python {self.lock.python}, and the image has {python}"
        hint = f"take a Python that it is for, or widen requires-python in the project, then: {self.text.kind.renew}"
        raise SpecError(self.entry.problem("MLS272", message, hint))

    def _find_problems(self, packages: Iterable[LockedPackage]) -> Iterator[Problem]:
        for package in packages:
            for code, message, hint in self._judge(package):
                yield self.text.place(*self._path_of(package)).problem(code, message, hint)

    def _judge(self, package: LockedPackage) -> Iterator[tuple[str, str, str]]:
        """Yield code, message and hint for each problem of a package."""
        if package.local:
            hint = "publish it to an index or take it from its repository, then lock again; "
            hint += "or name pyproject.toml in the place of the lock, and list what the image needs"
            if not re.search(r"\.\w+$", package.local):
                folder = posixpath.normpath(posixpath.join(posixpath.dirname(self.text.path), package.local))
                hint = f"install it from there too, below requirements: -e ./{folder}"
            yield (
                "MLS216",
                f"{package.name} is the local path {package.local}, and a lock holds no code of a folder",
                hint,
            )
        elif package.version in {"", "*"} and not package.address:
            hint = (
                f"give it one, or a marker, in {self.text.kind.project or 'the project'}, then: {self.text.kind.renew}"
            )
            yield "MLS270", f"{package.name} has no version in {self.text.path}", hint
        else:
            yield from find_unsound(package)

    def _path_of(self, package: LockedPackage) -> KeyPath:
        """Return the path of a package in the lock."""
        for table in ("package", "packages"):
            for number, row in enumerate(self.text.data.get(table, ())):
                if row.get("name") == package.name and row.get("version", "") in {"", package.version}:
                    return table, number
        return (package.name,)
