"""The lines of all requirements that a first spec would have, those in files included."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Required:
    """One line: where it stands, and the package, the versions and the marker that it names, where it names some."""

    file: str
    number: int
    text: str
    name: str = ""
    specifier: SpecifierSet = field(default_factory=SpecifierSet)
    marker: str = ""
    extras: frozenset[str] = frozenset()

    @property
    def place(self) -> str:
        """The file and the line; the spec itself where the line stands in no file."""
        return f"{self.file}:{self.number}" if self.file else "the requirements"

    @property
    def statement(self) -> Statement:
        """The line as a statement that is left out, for a reason to come."""
        return Statement(file=self.file or "requirements", number=self.number, text=shorten(self.text))


def list_required(entries: Iterable[str], folder: Folder) -> tuple[Required, ...]:
    """Return the lines that entries of ``requirements`` stand for; files are followed as pip follows them."""
    return tuple(line for entry in entries for line in _follow(entry, folder, ("", 0), ()))


def list_files(entries: Iterable[str], folder: Folder) -> frozenset[str]:
    """Return the files that entries of ``requirements`` name, and those that these include."""
    entries = tuple(entries)
    return frozenset(line.file for line in list_required(entries, folder) if line.file) | {
        name for entry in entries if (name := entry.partition("[")[0]) in folder.texts
    }


def _follow(entry: str, folder: Folder, place: tuple[str, int], trail: tuple[str, ...]) -> Iterator[Required]:
    name = entry.partition("[")[0]
    if name in trail or (name not in folder.texts and name.endswith((".txt", ".in", ".toml"))):
        return
    if name not in folder.texts:
        yield _read(entry, place)
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
        # A build's label, +cu118, says nothing about the version.
        specifier=SpecifierSet(re.sub(r"\+[\w.]+", "", str(found.specifier))),
        marker=str(found.marker or ""),
        extras=frozenset(found.extras),
    )
