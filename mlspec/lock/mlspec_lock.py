"""``mlspec.lock``: all results of resolving a spec except the packages; parse and dump it as TOML."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeVar

import tomli_w

from mlspec.errors import Problem, Span, SpecError
from mlspec.lock.damage import REWRITE, LockLine

VERSION = 2
"""The format of ``mlspec.lock`` that this version writes, and the newest that it reads."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseLock:
    """A base image and the versions of its contents; the digest is empty if no registry was asked.

    ``install_digest`` is an earlier digest of the base, if the packages were installed on that digest.
    """

    reference: str
    digest: str = ""
    install_digest: str = ""
    python: str
    glibc: str
    codename: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageLock:
    """The digests of one image's requirement lock: of its inputs (``inputs``) and of its contents (``body``).

    ``uploaded_before`` is the day of a cooldown: the packages have only files from before that day. ``held_back`` and
    ``sources`` are notes for people: newer versions that pip did not take, and packages built from
    source. ``programs`` maps the programs that mlspec searched for in wheels to their packages; empty if no package has
    the program. ``wheels`` maps the paths of the project's wheels to the SHA-256 of their bytes. ``dev_inputs`` and
    ``dev_body`` are the digests of the lock of packages for developers; empty without such packages.
    """

    name: str = ""
    platform: str
    inputs: str
    body: str
    uploaded_before: str = ""
    held_back: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    programs: Mapping[str, str] = field(default_factory=dict)
    wheels: Mapping[str, str] = field(default_factory=dict)
    dev_inputs: str = ""
    dev_body: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """All that was resolved for one spec, except the packages."""

    version: int = VERSION
    name: str
    tools: Mapping[str, str] = field(default_factory=dict)
    bases: tuple[BaseLock, ...] = ()
    images: tuple[ImageLock, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    """The fingerprints of the generated files by their names; they reveal a hand edit without a network."""


def dump_lock(lock: Lock, header: str) -> str:
    """Return the text of ``mlspec.lock``: sorted TOML, always the same text for the same lock."""
    bases = sorted(lock.bases, key=lambda base: base.reference)
    images = sorted(lock.images, key=lambda image: (image.name, image.platform))
    document: dict[str, Any] = {"version": lock.version, "name": lock.name}
    document |= {"tools": dict(sorted(lock.tools.items()))} if lock.tools else {}
    document |= {"base": [_table(base) for base in bases]} if bases else {}
    document |= {"image": [_table(image) for image in images]} if images else {}
    document |= {"files": dict(sorted(lock.files.items()))} if lock.files else {}
    return header.rstrip("\n") + "\n\n" + tomli_w.dumps(document)


def _table(row: BaseLock | ImageLock) -> dict[str, Any]:
    values = {f.name: getattr(row, f.name) for f in dataclasses.fields(row)}
    return {key: list(value) if isinstance(value, tuple) else value for key, value in values.items() if value}


def parse_lock(text: str, file: str) -> Lock:
    """Return the lock in ``text``; raises SpecError if it is damaged or of a newer format."""
    for number, line in enumerate(text.split("\n"), start=1):
        LockLine(file, number, line).check()
    try:
        document = tomllib.loads(text.replace("\r\n", "\n"))
    except tomllib.TOMLDecodeError as error:
        _damaged_toml(error, text, file)
    version = document.get("version")
    if isinstance(version, int) and version > VERSION:
        place = _key_place(text, "version", file)
        message = f"this lock has format {version}; this mlspec reads up to {VERSION}"
        hint = "use the mlspec that wrote it or a newer one; or delete the file, and run: mlspec lock"
        raise SpecError(dataclasses.replace(place, code="MLS222", message=message, hint=hint))
    reader = _LockReader(text, file)
    return reader.row(Lock, reader.read_document(document), "")


def _damaged_toml(error: tomllib.TOMLDecodeError, text: str, file: str) -> NoReturn:
    said = re.search(r"^(.*?)(?: \(at line (\d+), column (\d+)\))?(?: \(at end of document\))?$", str(error))
    lines = text.split("\n")
    number = int(said[2]) if said and said[2] else max(1, len(text.rstrip("\n").split("\n")))
    reason = said[1].lower() if said else "not TOML"
    LockLine(file, number, lines[min(number, len(lines)) - 1]).fail(f"this lock is damaged: {reason}")


def _key_place(text: str, key: str, file: str) -> Problem:
    problem = Problem(code="MLS221", message="this lock is damaged")
    for number, line in enumerate(text.split("\n"), start=1):
        if re.match(rf"\s*{re.escape(key)}\s*=|\s*\[\[?{re.escape(key)}\]", line):
            return problem.at(file, Span(number, 1, number, len(line) + 1), line)
    return problem.at(file, Span(1, 1, 1, 2))


@dataclass(frozen=True, slots=True)
class _LockReader:
    """Converts plain data to frozen rows; each mismatch is a SpecError that shows the key."""

    text: str
    file: str

    def refuse(self, key: str, message: str) -> NoReturn:
        problem = _key_place(self.text, key, self.file)
        raise SpecError(dataclasses.replace(problem, message=f"this lock is damaged: {message}", hint=REWRITE))

    def read_document(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Return the document under the names of Lock's fields, with its arrays of tables as tuples of rows."""
        rest = {key: value for key, value in document.items() if key not in {"base", "image"}}
        bases = self._rows(BaseLock, document.get("base", []), "base")
        images = self._rows(ImageLock, document.get("image", []), "image")
        return {**rest, "bases": bases, "images": images}

    def _rows(self, kind: Callable[..., _T], rows: object, key: str) -> tuple[_T, ...]:
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            self.refuse(key, f"[[{key}]] is a list of tables")
        return tuple(self.row(kind, row, key) for row in rows)

    def row(self, kind: Callable[..., _T], values: Mapping[str, Any], key: str) -> _T:
        """Return one row of ``kind``; raises SpecError unless every field has its declared type."""
        fields = {f.name: f for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
        for name in sorted(values.keys() - fields.keys()):
            self.refuse(name, f'"{name}" is not a key of a lock')
        for name, declared in fields.items():
            if name not in values:
                if declared.default is dataclasses.MISSING and declared.default_factory is dataclasses.MISSING:
                    self.refuse(key or name, f'"{name}" is missing')
            elif not _is_sound(name, values[name]):
                self.refuse(name, f'"{name}" is not a value that mlspec writes there')
            elif not _fits(values[name], str(declared.type)):
                self.refuse(name, f'"{name}" is not {_WORDS.get(str(declared.type), "what it should be")}')
        return kind(**{name: tuple(v) if isinstance(v, list) else v for name, v in values.items()})


_WORDS = {"str": "a text", "int": "a number", "tuple[str, ...]": "a list of texts"}


def _fits(value: object, declared: str) -> bool:
    if declared in {"str", "int"}:
        return type(value).__name__ == declared
    if declared == "tuple[str, ...]":
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    if declared == "Mapping[str, str]":
        return isinstance(value, dict) and all(isinstance(item, str) for item in value.values())
    return isinstance(value, tuple)


# These values reach a Dockerfile or a command line, where a value of another form would have another meaning.
_SOUND = {
    "name": r"(?:[a-z0-9][a-z0-9._/:-]*)?",
    "reference": r"[A-Za-z0-9\[][A-Za-z0-9._/:\[\]-]*",
    "digest": r"(?:sha256:[0-9a-f]{64})?",
    "install_digest": r"(?:sha256:[0-9a-f]{64})?",
    "python": r"\d+(?:\.\d+)+[A-Za-z0-9.+]*",
    "glibc": r"\d+\.\d+",
    "platform": r"linux/[a-z0-9/]+",
}


def _is_sound(name: str, value: object) -> bool:
    return name not in _SOUND or bool(re.fullmatch(_SOUND[name], str(value)))
