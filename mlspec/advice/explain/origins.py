"""The origins of values: lines of the spec, of requirement files and of locks, defaults, rules."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from packaging.utils import canonicalize_name

from mlspec.errors import KeyPath
from mlspec.facts.torch import torch_index
from mlspec.lock import promises
from mlspec.lock.image_facts import ImageFacts
from mlspec.lock.pins import Layer, Pin, RequirementsLock
from mlspec.lock.requirements.requirement_types import Requirements
from mlspec.lock.state import LockResult
from mlspec.spec.document import Document
from mlspec.spec.files import Files, files_of
from mlspec.spec.keys import Settings
from mlspec.spec.place import Place
from mlspec.spec.spec import Image, Spec
from mlspec.spec.values import step_to
from mlspec.text import format_size

Kind = Literal["spec", "requirement", "default", "lock", "rule"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The origin of a value: a line of the spec, of a requirement file or of a lock, a default, or a rule.

    A default belongs to a key that the spec does not have; a rule of mlspec is the same for every spec. Lines and
    columns count from 1, and are 0 without a line. ``key`` is the path of the value, such as ``apt[0]``.
    """

    kind: Kind
    text: str
    key: str = ""
    file: str = ""
    line: int = 0
    column: int = 0


RULE = Origin(kind="rule", text="mlspec, for every spec")


@dataclass(frozen=True)
class Sources:
    """The input from which an image was compiled: the spec, the resolved facts, the requirements and the locks.

    ``locks`` are the parsed locks by platform. ``lock_texts`` are their texts, empty without a current lock. ``folder``
    is the prefix of the names of the locks.
    """

    spec: Spec
    image: Image
    resolved: ImageFacts
    requirements: Requirements = field(default_factory=Requirements)
    locks: Mapping[str, RequirementsLock] = field(default_factory=dict)
    lock_texts: Mapping[str, str] = field(default_factory=dict)
    folder: str = ""

    @property
    def document(self) -> Document:
        """The document of the spec."""
        return self.spec.document

    @property
    def files(self) -> Files:
        """The names of this image's files beside the spec."""
        return files_of(self.document.file, self.image.key)

    @property
    def each(self) -> tuple[tuple[Files, RequirementsLock], ...]:
        """The lock of each platform, with the names of its files."""
        return tuple((self.files.on(platform, tuple(self.locks)), lock) for platform, lock in self.locks.items())


def sources_of(spec: Spec, locked: LockResult, folder: str) -> tuple[Sources, ...]:
    """Return the sources of each image of a spec; ``folder`` is the folder of the spec."""
    return tuple(
        Sources(
            spec=spec,
            image=image,
            resolved=locked.facts[image.key],
            requirements=locked.contents[image.key].requirements,
            locks=locked.contents[image.key].packages,
            lock_texts={artifact.path: artifact.text for artifact in locked.artifacts},
            folder="" if folder == "." else f"{folder}/",
        )
        for image in spec.images
    )


# Places

# Descriptions of defaults whose value alone does not explain them.
_DEFAULTS = {"base": "the newest slim Debian release that this Python is built on", "name": "the folder's name"}


def origin_at(sources: Sources, place: KeyPath) -> Origin:
    """Return the line of the spec with a part of the image's settings, or the default of its key."""
    key = str(place[0])
    if key not in sources.image.settings.model_fields_set:
        return Origin(kind="default", key=key, text=f"{key}: {default_text(key) or 'none'}")
    path = sources.image.origin(*place)
    if len(place) == 2 and isinstance(place[1], str):
        path = _find_name(sources.document, sources.image.origin(key), place[1], path)
    return written_at(sources.document, path)


def default_text(key: str) -> str:
    """Return the text of a key's default; empty if the key has no default."""
    value = Settings.model_fields[key].get_default(call_default_factory=True)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ", ".join(value)
    return _DEFAULTS.get(key) or (value if isinstance(value, str) else "")


def written_at(document: Document, path: KeyPath) -> Origin:
    """Return the line of the spec with a key path, or the line of the nearest parent that the spec has."""
    node, known = document.root, 0
    for step in path:
        if step not in node.children:
            break
        node, known = node.children[step], known + 1
    path = path[:known]
    span = document.locate(path, on_key=True)
    text = document.lines[span.line - 1].strip() if span.line <= len(document.lines) else ""
    return Origin(kind="spec", key=shown_path(path), text=text, file=document.file, line=span.line, column=span.column)


def _find_name(document: Document, key: KeyPath, name: str, path: KeyPath) -> KeyPath:
    """Return the path of a name in a mapping, or in the list form of a mapping: ``[NAME=VALUE]``."""
    node = document.root
    for step in key:
        if step not in node.children:
            return path
        node = node.children[step]
    step_ = step_to(node.data, name)
    return path if step_ is None or path[: len(key)] != key else (*key, step_)


def shown_path(path: KeyPath) -> str:
    """Format a key path for people: ``images.train.mounts[0]``."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")


def name_origins(sources: Sources) -> tuple[Origin, ...]:
    """Return the origins of the project's name and, if the spec has several images, of the image's name."""
    named = written_at(sources.document, ("name",)) if sources.spec.name else None
    default = Origin(kind="default", key="name", text=f"name: {_DEFAULTS['name']}")
    return (named or default, *own_key(sources))


def own_key(sources: Sources) -> tuple[Origin, ...]:
    """Return the line with the name of the image; empty if the spec has only one image."""
    return (written_at(sources.document, ("images", sources.image.key)),) if sources.image.key else ()


# Locks


def lock_origins(sources: Sources, part: KeyPath) -> Iterator[Origin]:
    """Yield the lines of a part of the lock, and the keys of the spec from which the part was resolved.

    Parts are ``project``, ``base``, ``install_base``, ``packages``, ``vcs`` and one of the ``layers``.
    """
    if part == ("project",):
        yield from name_origins(sources)
        return
    if part == ("packages",):
        yield from written_keys(sources, ("requirements",))
    elif part in {("base",), ("install_base",)}:
        yield from written_keys(sources, ("base", "python"))
    if sources.lock_texts:
        yield from _lock_origins(sources, part)
    else:
        yield Origin(kind="lock", text="not locked yet; to lock it: mlspec lock")


def _lock_origins(sources: Sources, part: KeyPath) -> Iterator[Origin]:
    if part[0] == "layers":
        name = sources.resolved.layers[int(part[1])]
        yield from layer_origins(sources, name)
        yield from _index_origins(sources, dict(sources.resolved.layer_indexes).get(name))
    elif part == ("packages",):
        for files, lock in sources.each:
            names = ", ".join(layer.name for layer in lock.layers)
            yield _lock_line(sources, files.requirements_lock, 1, f"its layers: {names}")
    elif part == ("vcs",):
        pins = [(files, pin) for files, lock in sources.each for pin in lock.vcs]
        yield from (origin for _, pin in pins for origin in bringers(sources, pin))
        yield from (pin_origin(sources, files, pin) for files, pin in pins)
    else:
        yield from base_origins(sources, "digest" if part == ("base",) else "install_digest")


def written_keys(sources: Sources, keys: Iterable[str]) -> Iterator[Origin]:
    """Yield the lines of these keys, without the keys that the spec does not have."""
    written = sources.image.settings.model_fields_set
    yield from (origin_at(sources, (key,)) for key in keys if key in written)


def _index_origins(sources: Sources, url: str | None) -> Iterator[Origin]:
    """Yield the origins of the index of a layer: an entry of ``indexes``, or ``accelerator``."""
    settings = sources.image.settings
    label = settings.accelerator.label
    for number, entry in enumerate(settings.indexes):
        if entry.url == url:
            yield origin_at(sources, ("indexes", number))
    if label and torch_index(label).url == url:
        yield origin_at(sources, ("accelerator",))


def base_origins(sources: Sources, key: str) -> Iterator[Origin]:
    """Yield the line of the lock with a digest of the image's base, ``digest`` or ``install_digest``."""
    reference = sources.resolved.base.partition("@")[0]
    is_own = False
    for number, line in enumerate(sources.lock_texts.get(sources.files.lock, "").split("\n"), start=1):
        if line.startswith(("[", "reference = ")):
            is_own = line == f'reference = "{reference}"'
        elif is_own and line.startswith(f"{key} = "):
            yield _lock_line(sources, sources.files.lock, number, line)


def layer_origins(sources: Sources, name: str) -> Iterator[Origin]:
    """Yield the line where the lock begins a layer, with packages and size, and the requirements of the packages."""
    pins: list[Pin] = []
    for files, lock in sources.each:
        if layer := next((layer for layer in lock.layers if layer.name == name), None):
            pins += layer.pins
            yield _layer_origin(sources, files, layer)
    if pins and name in sources.image.settings.layers:
        yield origin_at(sources, ("layers", name))
    yield from dict.fromkeys(origin for pin in pins for origin in bringers(sources, pin))


def _layer_origin(sources: Sources, files: Files, layer: Layer) -> Origin:
    size = sum(pin.size or 0 for pin in layer.pins)
    packages = ", ".join(f"{pin.name} {pin.version}" for pin in layer.pins)
    text = f"# layer {layer.name}: {packages}{f' ({format_size(size)})' if size else ''}"
    lines = sources.lock_texts.get(files.requirements_lock, "").split("\n")
    number = lines.index(f"# layer {layer.name}") + 1 if f"# layer {layer.name}" in lines else 0
    return _lock_line(sources, files.requirements_lock, number, text)


def pin_origin(sources: Sources, files: Files, pin: Pin) -> Origin:
    """Return the line of a lock that pins a package."""
    for file in (files.requirements_lock, files.vcs_lock):
        for number, line in enumerate(sources.lock_texts.get(file, "").split("\n"), start=1):
            if pinned_name(line) == pin.name:
                return _lock_line(sources, file, number, line.removesuffix("\\"))
    return Origin(kind="lock", text=pin.requirement)


def bringers(sources: Sources, pin: Pin) -> Iterator[Origin]:
    """Yield the line of the requirement that asks for a package, directly or through others, in the spec or a file."""
    pins = {other.name: other for lock in sources.locks.values() for other in (*lock.pins, *lock.vcs)}
    requirement = promises.find_requirement(pin.name, pins, sources.requirements)
    if requirement is not None:
        yield _at(sources, requirement.place)


def _at(sources: Sources, place: Place) -> Origin:
    if not place.file:
        return written_at(sources.document, place.path)
    line, column = (place.span.line, place.span.column) if place.span else (0, 0)
    return Origin(kind="requirement", text=place.excerpt.strip(), file=place.file, line=line, column=column)


_PINNED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*(?:==|@)")


def pinned_name(line: str) -> str:
    """Return the normalised name of the package that a line of a lock pins; empty if the line pins no package."""
    found = _PINNED.match(line)
    return canonicalize_name(found[1]) if found else ""


def _lock_line(sources: Sources, file: str, line: int, text: str) -> Origin:
    return Origin(kind="lock", text=text.strip(), file=f"{sources.folder}{file}", line=line, column=1 if line else 0)
