"""The lock's values: parse and dump of ``requirements.lock`` and ``mlspec.lock``."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeVar

import tomli_w
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from mlspec.errors import Problem, Span, SpecError

VERSION = 1
"""The format of ``mlspec.lock`` that this version writes, and the newest it reads."""

FROM_GIT = "from_git"
"""Stands for the git dependencies among the layers whose builds are locked; no package can have this name."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a lock is made for: a full Python version, a platform of images, and its C library's version."""

    python: str
    platform: str
    glibc: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """One package at one version.

    ``requirement`` is its line before the hashes: ``numpy==2.3.1``, ``x @ https://...``, ``x @ git+https://...`` at a
    whole commit; ``ref`` is the branch or tag that commit stood for. ``size`` counts the bytes of the file the target
    would take; ``via`` names the packages that ask for this one. Of what is built from source, ``languages`` are those
    that it is written in, and ``wheel_version`` is the newest version that has a wheel for the target; each is empty
    where it is not known.
    """

    name: str
    version: str
    requirement: str
    hashes: tuple[str, ...] = ()
    size: int | None = None
    via: tuple[str, ...] = ()
    is_source: bool = False
    marker: str = ""
    ref: str = ""
    languages: tuple[str, ...] = ()
    wheel_version: str = ""


@dataclass(frozen=True, slots=True)
class Layer:
    """The pins that are installed together, as one layer of the image."""

    name: str
    pins: tuple[Pin, ...]


@dataclass(frozen=True, slots=True)
class RequirementsLock:
    """Every package of an image: by layers what hashes can hold, apart what only a commit can.

    ``builds`` holds what it takes to build the sources of a layer, under its name; those from git under FROM_GIT.
    """

    layers: tuple[Layer, ...] = ()
    vcs: tuple[Pin, ...] = ()
    builds: tuple[Layer, ...] = ()

    @property
    def pins(self) -> tuple[Pin, ...]:
        """All pins with hashes, layer by layer."""
        return tuple(pin for layer in self.layers for pin in layer.pins)

    @property
    def build_pins(self) -> tuple[Pin, ...]:
        """All that builds take, build by build."""
        return tuple(pin for layer in self.builds for pin in layer.pins)


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseLock:
    """A base image and what was found in it; the digest is empty where no registry was asked.

    ``install_digest`` is the earlier state of the base that packages were installed on, where that is another one.
    """

    reference: str
    digest: str = ""
    install_digest: str = ""
    python: str
    glibc: str
    codename: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageLock:
    """What the requirement lock of one image came from (``inputs``) and what it says (``body``), as digests.

    ``held_back`` and ``sources`` are notes for people: newer versions that were not taken, packages built from source.
    """

    name: str = ""
    platform: str
    inputs: str
    body: str
    held_back: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """All that was resolved from outside for one spec, apart from the packages themselves."""

    version: int = VERSION
    name: str
    tools: Mapping[str, str] = field(default_factory=dict)
    bases: tuple[BaseLock, ...] = ()
    images: tuple[ImageLock, ...] = ()


# requirements.lock


def dump_requirements(lock: RequirementsLock, *, header: str) -> str:
    """Return the text of ``requirements.lock``: pip's own format, its parts opened by ``# layer NAME``."""
    return _layers_text(lock.layers, header)


def dump_builds(lock: RequirementsLock, *, header: str) -> str:
    """Return the text of the file of what builds take: a part for each layer of sources, opened by its name."""
    return _layers_text(lock.builds, header)


def _layers_text(layers: Iterable[Layer], header: str) -> str:
    parts = [header.rstrip("\n") + "\n"]
    for layer in layers:
        parts.append("".join((f"# layer {layer.name}\n", *(_pin_text(pin) for pin in layer.pins))))
    return "\n".join(parts)


def dump_vcs(lock: RequirementsLock, *, header: str) -> str:
    """Return the text of the second file: what only a commit can pin, one requirement a line."""
    return "\n".join((header.rstrip("\n") + "\n", "".join(_pin_text(pin) for pin in lock.vcs)))


def _pin_text(pin: Pin) -> str:
    line = f"{pin.requirement} ; {pin.marker}" if pin.marker else pin.requirement
    lines = " \\\n    ".join((line, *(f"--hash={value}" for value in pin.hashes)))
    notes = ", ".join(_notes(pin))
    return f"{lines}\n    # {notes}\n" if notes else f"{lines}\n"


def _notes(pin: Pin) -> Iterator[str]:
    if pin.size is not None:
        yield shown_size(pin.size)
    languages = f" in {' and '.join(pin.languages)}" if pin.languages else ""
    if pin.is_source and (languages or not pin.requirement.partition(" @ ")[2].startswith("git+")):
        yield f"from source{languages}"
    if pin.wheel_version:
        yield f"wheel in {pin.wheel_version}"
    if pin.version and pin.version != _version_of(pin.requirement):
        yield f"version {pin.version}"
    if pin.ref:
        yield f"ref {pin.ref}"
    if pin.via:
        yield f"via {', '.join(pin.via)}"


_UNITS = (("GB", 10**9), ("MB", 10**6), ("kB", 10**3))


def shown_size(size: int) -> str:
    """Return a number of bytes as people read it: ``16.6 MB``."""
    # 999,950 bytes and more would round to "1000.0 kB".
    unit, factor = next((u for u in _UNITS if size >= u[1] * 0.99995), ("B", 1))
    return f"{size / factor:.1f} {unit}" if factor > 1 else f"{size} B"


_LAYER = re.compile(r"^# layer (\S+)$")
_HASHED = re.compile(r"^--hash=((?:sha256|sha384|sha512):[0-9a-f]+)$")
_NOTE_SIZE = re.compile(r"^([\d.]+) (GB|MB|kB|B)$")
_NOTE_SOURCE = re.compile(r"^from source(?: in (.+))?$")
_NOTE_WHEEL = re.compile(r"^wheel in (\S+)$")
_REQUIREMENT = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?\s*(?:===?\s*(\S+)|@\s*(\S+))$")
_CONFLICT = re.compile(r"^(?:<{7}|={7}|>{7}|\|{7})(?: |$)")


def parse_requirements(text: str, file: str) -> RequirementsLock:
    """Return the layers in the text of a ``requirements.lock``; pins before the first layer stand in ``requirements``.

    Raises SpecError where the text is not what ``dump_requirements`` writes.
    """
    layers: dict[str, list[Pin]] = {}
    current = "requirements"
    for item in _items(text, file):
        if isinstance(item, str):
            current = item
            layers.setdefault(current, [])
        else:
            layers.setdefault(current, []).append(item)
    return RequirementsLock(tuple(Layer(name, tuple(pins)) for name, pins in layers.items()))


def parse_vcs(text: str, file: str) -> tuple[Pin, ...]:
    """Return the pins in the text of the second file; raises SpecError where it is damaged."""
    return tuple(item for item in _items(text, file) if isinstance(item, Pin))


def _items(text: str, file: str) -> Iterator[str | Pin]:
    """Yield the names of layers and the pins of a lock, in the order they stand."""
    pin: Pin | None = None
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
        place = _Place(file, number, line)
        if _CONFLICT.match(line):
            place.damaged("this lock holds both sides of a merge")
        stripped = line.strip().removesuffix("\\").strip()
        if layer := _LAYER.match(line):
            yield from (pin,) if pin else ()
            pin = None
            yield layer[1]
        elif stripped.startswith("#"):
            pin = _with_notes(pin, stripped) if pin and line.startswith(" ") else pin
        elif stripped.startswith("--hash"):
            pin = _with_hash(pin, stripped, place)
        elif stripped:
            yield from (pin,) if pin else ()
            pin = _pin(stripped, place)
    yield from (pin,) if pin else ()


@dataclass(frozen=True, slots=True)
class _Place:
    file: str
    number: int
    line: str

    def damaged(self, message: str) -> NoReturn:
        hint = "a lock is written by mlspec only; run: mlspec lock"
        span = Span(self.number, 1, self.number, len(self.line) + 1)
        raise SpecError(Problem(code="MLS221", message=message, hint=hint).at(self.file, span, self.line))


def _pin(text: str, place: _Place) -> Pin:
    line, *hashes = text.split(" --hash=")
    requirement, separator, marker = line.partition(" ; ")
    match = _REQUIREMENT.match(requirement.strip())
    if not match:
        place.damaged("this line of the lock is not a pinned requirement")
    name, _, url = match.groups()
    pin = Pin(
        name=canonicalize_name(name),
        version=_version_of(requirement),
        requirement=requirement.strip(),
        marker=marker.strip() if separator else "",
        # What git holds is always built; a wheel's address ends in .whl.
        is_source=bool(url) and not url.partition("#")[0].endswith(".whl"),
    )
    for value in hashes:
        pin = _with_hash(pin, f"--hash={value.strip()}", place)
    return pin


def _version_of(requirement: str) -> str:
    match = _REQUIREMENT.match(requirement)
    if match and match[3]:
        try:
            return str(parse_wheel_filename(match[3].partition("#")[0].rpartition("/")[2].replace("%2B", "+"))[1])
        except InvalidWheelFilename:
            return ""
    return match[2] if match else ""


def _with_hash(pin: Pin | None, text: str, place: _Place) -> Pin:
    match = _HASHED.match(text)
    if pin is None or not match:
        place.damaged("this hash belongs to no requirement" if match else "this is not a whole hash")
    return dataclasses.replace(pin, hashes=(*pin.hashes, match[1]))


def _with_notes(pin: Pin, comment: str) -> Pin:
    notes, _, via = comment.removeprefix("#").strip().partition("via ")
    if via:
        pin = dataclasses.replace(pin, via=tuple(name.strip() for name in via.split(",")))
    for note in notes.rstrip(", ").split(", "):
        word, _, rest = note.partition(" ")
        if size := _NOTE_SIZE.match(note):
            factor = dict((*_UNITS, ("B", 1)))[size[2]]
            pin = dataclasses.replace(pin, size=round(float(size[1]) * factor))
        elif found := _NOTE_SOURCE.match(note):
            languages = tuple(found[1].split(" and ")) if found[1] else ()
            pin = dataclasses.replace(pin, is_source=True, languages=languages)
        elif found := _NOTE_WHEEL.match(note):
            pin = dataclasses.replace(pin, wheel_version=found[1])
        elif word == "version":
            pin = dataclasses.replace(pin, version=rest)
        elif word == "ref":
            pin = dataclasses.replace(pin, ref=rest)
    return pin


# mlspec.lock


def dump_lock(lock: Lock, header: str) -> str:
    """Return the text of ``mlspec.lock``: TOML, sorted, the same for the same lock."""
    bases = sorted(lock.bases, key=lambda base: base.reference)
    images = sorted(lock.images, key=lambda image: (image.name, image.platform))
    document: dict[str, Any] = {"version": lock.version, "name": lock.name}
    document |= {"tools": dict(sorted(lock.tools.items()))} if lock.tools else {}
    document |= {"base": [_table(base) for base in bases]} if bases else {}
    document |= {"image": [_table(image) for image in images]} if images else {}
    return header.rstrip("\n") + "\n\n" + tomli_w.dumps(document)


def _table(row: BaseLock | ImageLock) -> dict[str, Any]:
    values = {f.name: getattr(row, f.name) for f in dataclasses.fields(row)}
    return {key: list(value) if isinstance(value, tuple) else value for key, value in values.items() if value}


def parse_lock(text: str, file: str) -> Lock:
    """Return the lock in ``text``; raises SpecError when it is damaged or of a newer format."""
    for number, line in enumerate(text.split("\n"), start=1):
        if _CONFLICT.match(line):
            _Place(file, number, line).damaged("this lock holds both sides of a merge")
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
    reader = _Reader(text, file)
    return reader.row(Lock, reader.renamed(document), "")


def _damaged_toml(error: tomllib.TOMLDecodeError, text: str, file: str) -> NoReturn:
    said = re.search(r"^(.*?)(?: \(at line (\d+), column (\d+)\))?(?: \(at end of document\))?$", str(error))
    lines = text.split("\n")
    number = int(said[2]) if said and said[2] else max(1, len(text.rstrip("\n").split("\n")))
    reason = said[1].lower() if said else "not TOML"
    _Place(file, number, lines[min(number, len(lines)) - 1]).damaged(f"this lock is damaged: {reason}")


def _key_place(text: str, key: str, file: str) -> Problem:
    problem = Problem(code="MLS221", message="this lock is damaged")
    for number, line in enumerate(text.split("\n"), start=1):
        if re.match(rf"\s*{re.escape(key)}\s*=|\s*\[\[?{re.escape(key)}\]", line):
            return problem.at(file, Span(number, 1, number, len(line) + 1), line)
    return problem.at(file, Span(1, 1, 1, 2))


@dataclass(frozen=True, slots=True)
class _Reader:
    """Plain data to frozen rows; every mismatch is a SpecError that shows the key."""

    text: str
    file: str

    def refuse(self, key: str, message: str) -> NoReturn:
        problem = _key_place(self.text, key, self.file)
        hint = "a lock is written by mlspec only; run: mlspec lock"
        raise SpecError(dataclasses.replace(problem, message=f"this lock is damaged: {message}", hint=hint))

    def renamed(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Return the document with its arrays of tables as tuples of rows, under the names of Lock's fields."""
        rest = {key: value for key, value in document.items() if key not in {"base", "image"}}
        bases = self._rows(BaseLock, document.get("base", []), "base")
        images = self._rows(ImageLock, document.get("image", []), "image")
        return {**rest, "bases": bases, "images": images}

    def _rows(self, kind: Callable[..., _T], rows: object, key: str) -> tuple[_T, ...]:
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            self.refuse(key, f"[[{key}]] is a list of tables")
        return tuple(self.row(kind, row, key) for row in rows)

    def row(self, kind: Callable[..., _T], values: Mapping[str, Any], key: str) -> _T:
        """Return one row of ``kind``; every field has the type it is declared with."""
        fields = {f.name: f for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
        for name in sorted(values.keys() - fields.keys()):
            self.refuse(name, f'"{name}" is not a key of a lock')
        for name, declared in fields.items():
            if name not in values:
                if declared.default is dataclasses.MISSING and declared.default_factory is dataclasses.MISSING:
                    self.refuse(key or name, f'"{name}" is missing')
            elif not _is_sound(name, values[name]):
                self.refuse(name, f'"{name}" is nothing that mlspec writes there')
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


# What reaches a Dockerfile or a command line, where another value would mean something else.
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


def first_side(text: str) -> str:
    """Return ``text`` with the first side of each conflict that a merge left in it."""
    kept, is_kept = [], True
    for line in text.split("\n"):
        if _CONFLICT.match(line):
            is_kept = line.startswith(("<", ">"))
        elif is_kept:
            kept.append(line)
    return "\n".join(kept)


def digest_lines(text: str) -> Iterable[str]:
    """Return the lines of a lock that mean something, what its ``body`` digest is taken over.

    Of the comments those are the ones that begin a layer.
    """
    lines = (line.rstrip() for line in text.split("\n"))
    return tuple(line for line in lines if line and (line.startswith("# layer ") or not line.lstrip().startswith("#")))
