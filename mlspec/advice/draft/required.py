"""The requirement lines of a first spec, including the lines of the files that it names."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from mlspec.advice.draft.folder import Folder, pyproject, table
from mlspec.advice.draft.readers import Statement, ToolFile
from mlspec.advice.draft.readers.statements import shorten
from mlspec.advice.draft.tool_lock import read_lock
from mlspec.lock.requirements.tool_locks.lock_kinds import find_lock_kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Required:
    """One line of requirements: its place, and its package, versions, marker and extras if it has them."""

    file: str
    number: int
    text: str
    name: str = ""
    specifier: SpecifierSet = field(default_factory=SpecifierSet)
    marker: str = ""
    extras: frozenset[str] = frozenset()

    @property
    def place(self) -> str:
        """The file and the line number, or ``the requirements`` for a line of the spec itself."""
        return f"{self.file}:{self.number}" if self.file else "the requirements"

    @property
    def statement(self) -> Statement:
        """The line as a statement that is left out; the caller adds the reason."""
        return Statement(file=self.file or "requirements", number=self.number, text=shorten(self.text))


OWN_PACKAGE = "-e ."
"""The entry of ``requirements`` that installs the project itself."""
_OWN_PACKAGE = re.compile(r"(?:(?:-e|--editable)[\s=]*)?\./?(?:\[.*\])?")


def is_own_package(entry: str) -> bool:
    """Return whether an entry of ``requirements`` installs the project itself."""
    return bool(_OWN_PACKAGE.fullmatch(entry.strip()))


def find_file(entry: str) -> str:
    """Return the file with the packages of an entry of ``requirements``, or else the entry without its extras."""
    return "pyproject.toml" if is_own_package(entry) else entry.partition("[")[0]


def list_required(entries: Iterable[str], folder: Folder) -> tuple[Required, ...]:
    """Return the lines of all entries of ``requirements``, with included files followed like pip does."""
    return tuple(line for entry in entries for line in _follow(entry, folder, ("", 0), ()))


def list_files(entries: Iterable[str], folder: Folder) -> frozenset[str]:
    """Return the files that entries of ``requirements`` name, and the files that they include."""
    entries = tuple(entries)
    return frozenset(line.file for line in list_required(entries, folder) if line.file) | {
        name for entry in entries if (name := find_file(entry)) in folder.texts
    }


def _follow(entry: str, folder: Folder, place: tuple[str, int], trail: tuple[str, ...]) -> Iterator[Required]:
    name = find_file(entry)
    if name in trail or (name not in folder.texts and name.endswith((".txt", ".in", ".toml"))):
        return
    if name not in folder.texts:
        yield _read(entry, place)
    elif find_lock_kind(posixpath.basename(name)):
        lock = read_lock(name, folder)
        source = ToolFile(name, folder.texts[name])
        for pin in lock.newest if lock else ():
            yield _read(pin.requirement, (name, source.find(f'"{pin.name}"')))
    elif posixpath.basename(name) == "pyproject.toml":
        source = ToolFile(name, folder.texts[name])
        for line in _dependencies(folder):
            yield _read(line, (name, source.find(line)))
    else:
        for number, line in enumerate(folder.texts[name].splitlines(), 1):
            text = re.sub(r"(?:^|(?<!\s)\s+)#.*", "", line).rstrip("\\").strip()
            if included := re.match(r"(?:-r|-c|--requirement|--constraint)[\s=]*(\S+)", text):
                path = posixpath.normpath(posixpath.join(posixpath.dirname(name), included[1]))
                yield from _follow(path, folder, (name, number), (*trail, name))
            elif text and not text.startswith("--hash"):
                yield _read(text, (name, number))


def _dependencies(folder: Folder) -> Iterator[str]:
    listed = table(pyproject(folder), "project").get("dependencies")
    yield from (line for line in (listed if isinstance(listed, list) else []) if isinstance(line, str))


def _read(text: str, place: tuple[str, int]) -> Required:
    file, number = place
    try:
        found = Requirement(re.sub(r"\s--?[a-z].*", "", text))
    except InvalidRequirement:
        name = re.match(r"[A-Za-z0-9][\w.-]*", text)
        return Required(file=file, number=number, text=text, name=canonicalize_name(name[0]) if name else "")
    return Required(
        file=file,
        number=number,
        text=text,
        name=canonicalize_name(found.name),
        # The label of a build, such as +cu118, is no part of the version.
        specifier=SpecifierSet(re.sub(r"\+[\w.]+", "", str(found.specifier))),
        marker=str(found.marker or ""),
        extras=frozenset(found.extras),
    )
