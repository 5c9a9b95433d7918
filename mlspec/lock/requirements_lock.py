"""``requirements.lock`` and its siblings, in pip's own format: write pins as text and parse them."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from mlspec.lock.damage import LockLine
from mlspec.lock.pins import Layer, Pin, RequirementsLock
from mlspec.text import format_size, parse_size


def dump_requirements(lock: RequirementsLock, *, header: str) -> str:
    """Return the text of ``requirements.lock``: pip's own format, each layer after a line ``# layer NAME``."""
    return _layers_text(lock.layers, header)


def dump_builds(lock: RequirementsLock, *, header: str) -> str:
    """Return the text of the lock of build dependencies: a part for each layer of sources, after its name."""
    return _layers_text(lock.builds, header)


def _layers_text(layers: Iterable[Layer], header: str) -> str:
    parts = [header.rstrip("\n") + "\n"]
    for layer in layers:
        parts.append("".join((f"# layer {layer.name}\n", *(_pin_text(pin) for pin in layer.pins))))
    return "\n".join(parts)


def dump_vcs(lock: RequirementsLock, *, header: str) -> str:
    """Return the text of the second file: one requirement a line, for packages that only a commit can pin."""
    return dump_pins(lock.vcs, header=header)


def dump_pins(pins: Iterable[Pin], *, header: str) -> str:
    """Return the text of a lock without layers."""
    return "\n".join((header.rstrip("\n") + "\n", "".join(_pin_text(pin) for pin in pins)))


def _pin_text(pin: Pin) -> str:
    line = f"{pin.requirement} ; {pin.marker}" if pin.marker else pin.requirement
    lines = " \\\n    ".join((line, *(f"--hash={value}" for value in pin.hashes)))
    notes = ", ".join(_notes(pin))
    return f"{lines}\n    # {notes}\n" if notes else f"{lines}\n"


def _notes(pin: Pin) -> Iterator[str]:
    if pin.size is not None:
        yield format_size(pin.size)
    languages = f" in {' and '.join(pin.languages)}" if pin.languages else ""
    if pin.is_source and (languages or not pin.requirement.partition(" @ ")[2].startswith("git+")):
        yield f"from source{languages}"
    if pin.wheel_version:
        yield f"wheel in {pin.wheel_version}"
    if pin.version and pin.version != _version_of(pin.requirement):
        yield f"version {pin.version}"
    if pin.ref:
        yield f"ref {pin.ref}"
    yield from (f"loads {soname} in {file}" for soname, file in pin.loads)
    if pin.via:
        yield f"via {', '.join(pin.via)}"


_LAYER = re.compile(r"^# layer (\S+)$")
# The names that `mlspec.lock.layers` and a spec's own `layers` give. File names and the Dockerfile contain them.
_LAYER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,200}")
_HASHED = re.compile(r"^--hash=((?:sha256|sha384|sha512):[0-9a-f]+)$")
_NOTE_SOURCE = re.compile(r"^from source(?: in (.+))?$")
_NOTE_WHEEL = re.compile(r"^wheel in (\S+)$")
_NOTE_LOADS = re.compile(r"^loads (\S+) in (\S+)$")
_REQUIREMENT = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?\s*(?:===?\s*(\S+)|@\s*(\S+))$")


def parse_requirements(text: str, file: str) -> RequirementsLock:
    """Return the layers in the text of a ``requirements.lock``; pins before the first layer are in ``requirements``.

    Raises SpecError if ``dump_requirements`` could not have written the text.
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


def parse_pins(text: str, file: str) -> tuple[Pin, ...]:
    """Return the pins in the text of a lock, whatever their layer; raises SpecError if it is damaged."""
    return tuple(item for item in _items(text, file) if isinstance(item, Pin))


def _items(text: str, file: str) -> Iterator[str | Pin]:
    """Yield the layer names and the pins of a lock, in their order in the text."""
    pin: Pin | None = None
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
        place = LockLine(file, number, line)
        place.check()
        stripped = line.strip().removesuffix("\\").strip()
        if layer := _LAYER.match(line):
            yield from (pin,) if pin else ()
            pin = None
            if not _LAYER_NAME.fullmatch(layer[1]):
                place.fail("no layer can have this name")
            yield layer[1]
        elif stripped.startswith("#"):
            pin = _with_notes(pin, stripped) if pin and line.startswith(" ") else pin
        elif stripped.startswith("--hash"):
            pin = _with_hash(pin, stripped, place)
        elif stripped:
            yield from (pin,) if pin else ()
            pin = _pin(stripped, place)
    yield from (pin,) if pin else ()


def _pin(text: str, place: LockLine) -> Pin:
    line, *hashes = text.split(" --hash=")
    requirement, separator, marker = line.partition(" ; ")
    match = _REQUIREMENT.match(requirement.strip())
    if not match:
        place.fail("this line of the lock is not a pinned requirement")
    name, _, url = match.groups()
    pin = Pin(
        name=canonicalize_name(name),
        version=_version_of(requirement),
        requirement=requirement.strip(),
        marker=marker.strip() if separator else "",
        # mlspec always builds packages from git; the address of a wheel ends in .whl.
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


def _with_hash(pin: Pin | None, text: str, place: LockLine) -> Pin:
    match = _HASHED.match(text)
    if pin is None or not match:
        place.fail("this hash belongs to no requirement" if match else "this is not a complete hash")
    return dataclasses.replace(pin, hashes=(*pin.hashes, match[1]))


def _with_notes(pin: Pin, comment: str) -> Pin:
    notes, _, via = comment.removeprefix("#").strip().partition("via ")
    if via:
        pin = dataclasses.replace(pin, via=tuple(name.strip() for name in via.split(",")))
    for note in notes.rstrip(", ").split(", "):
        word, _, rest = note.partition(" ")
        if (size := parse_size(note)) is not None:
            pin = dataclasses.replace(pin, size=size)
        elif found := _NOTE_SOURCE.match(note):
            languages = tuple(found[1].split(" and ")) if found[1] else ()
            pin = dataclasses.replace(pin, is_source=True, languages=languages)
        elif found := _NOTE_WHEEL.match(note):
            pin = dataclasses.replace(pin, wheel_version=found[1])
        elif word == "version":
            pin = dataclasses.replace(pin, version=rest)
        elif word == "ref":
            pin = dataclasses.replace(pin, ref=rest)
        elif found := _NOTE_LOADS.match(note):
            pin = dataclasses.replace(pin, loads=(*pin.loads, (found[1], found[2])))
    return pin


def digest_lines(text: str) -> Iterable[str]:
    """Return the lines of a lock for its ``body`` digest: the pins, and the comments that begin a layer."""
    lines = (line.rstrip() for line in text.split("\n"))
    return tuple(line for line in lines if line and (line.startswith("# layer ") or not line.lstrip().startswith("#")))
