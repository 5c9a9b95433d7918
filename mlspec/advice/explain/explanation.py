"""Artifacts to explanations: for each line where it comes from, and why it is there."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mlspec.advice.explain import reasons
from mlspec.advice.explain.causes import Causes, row_of
from mlspec.advice.explain.dumped import dumped
from mlspec.advice.explain.origins import RULE, Origin, Sources, bringers, name_origins, origin_at, own_key, pinned_name
from mlspec.advice.explain.tracing import Field, Traced, traced
from mlspec.lock.pins import RequirementsLock
from mlspec.spec.spec import SHARED_TARGETS
from mlspec.targets.registry import TARGETS, shared_target

LOCK = "lock"
"""The name of all locks together, beside the names of the targets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of an artifact: its number from 1, its text, where it comes from (never empty), and why it is there."""

    number: int
    text: str
    origins: tuple[Origin, ...]
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The lines of one artifact; ``image`` is empty where the spec has one image, or the artifact is of all."""

    path: str
    target: str
    image: str
    lines: tuple[Line, ...]


def explain(images: Sequence[Sources], targets: Iterable[str] = ()) -> Iterator[Explanation]:
    """Yield the explanations of the artifacts of some images of one spec: of each its targets, then the locks."""
    wanted = tuple(targets) or (*TARGETS, *images[0].spec.targets, LOCK)
    for sources in images:
        causes = Causes(sources)
        for name in wanted:
            if name in TARGETS:
                yield _target(sources, causes, name)
        if LOCK in wanted:
            yield from _package_locks(sources)
    yield from (_shared(images, name) for name in wanted if name in SHARED_TARGETS)
    if LOCK in wanted:
        yield from _spec_lock(images)


def as_data(explanation: Explanation) -> dict[str, Any]:
    """Return an explanation as plain data, for JSON; an origin without a place or a key has no such keys."""
    lines = [
        {
            "line": line.number,
            "text": line.text,
            "origins": [_origin_data(origin) for origin in line.origins],
            "why": line.why,
        }
        for line in explanation.lines
    ]
    return {
        "path": explanation.path,
        "target": explanation.target,
        "image": explanation.image or None,
        "lines": lines,
    }


def _origin_data(origin: Origin) -> dict[str, Any]:
    return {name: value for name, value in dataclasses.asdict(origin).items() if value}


# What is dumped


def _shared(images: Sequence[Sources], name: str) -> Explanation:
    target, first = shared_target(name), images[0]
    return Explanation(
        path=f"{first.folder}{target.file(first.files)}",
        target=name,
        image="",
        lines=_numbered(list(dumped(images, name).lines())),
    )


# What templates draw


def _target(sources: Sources, causes: Causes, name: str) -> Explanation:
    target = TARGETS[name]
    lines = [
        (line.text, causes_of(causes, line), _reason(name, line)) for line in traced(target.template, **causes.values)
    ]
    numbered = _numbered(lines)
    return Explanation(
        path=f"{sources.folder}{target.file(sources.files)}", target=name, image=sources.image.key, lines=numbered
    )


def causes_of(causes: Causes, line: Traced) -> tuple[Origin, ...]:
    """Return where a line comes from: what it prints, or else what decides that it is there, the nearest first."""
    printed = _merged(causes, (field for field in line.fields if row_of(field)))
    if printed:
        return printed
    each = (_merged(causes, (field,)) for field in line.conditions)
    return next((origins for origins in each if origins), ())


def _merged(causes: Causes, fields: Iterable[Field]) -> tuple[Origin, ...]:
    return tuple(dict.fromkeys(origin for field in fields for origin in causes.of(field)))


def _reason(target: str, line: Traced) -> str | None:
    """Return why a line is there; None where it belongs to the line below it."""
    row = reasons.reason(target, line.site.source, line.text)
    if row:
        return row.why
    return None if is_heading(line.site.source) else ""


def is_heading(source: str) -> bool:
    """Tell whether a line of a template is blank or a comment, and so may belong to the line below it."""
    return not source or source.startswith("#")


def _numbered(lines: Sequence[tuple[str, tuple[Origin, ...], str | None]]) -> tuple[Line, ...]:
    """Return the lines with their numbers; one without a reason of its own has those of the line below it."""
    numbered: list[Line] = []
    below: tuple[tuple[Origin, ...], str] = ((), "")
    for number in range(len(lines), 0, -1):
        text, origins, why = lines[number - 1]
        below = below if why is None else (origins, why)
        numbered.append(Line(number=number, text=text, origins=below[0] or (RULE,), why=below[1]))
    return tuple(reversed(numbered))


# Locks


def _why(start: str) -> str:
    row = reasons.reason(LOCK, start, start)
    return row.why if row else ""


def _package_locks(sources: Sources) -> Iterator[Explanation]:
    each = (
        (file, kind, lock)
        for files, lock in sources.each
        for file, kind in ((files.requirements_lock, "PIN"), (files.vcs_lock, "COMMIT"), (files.build_lock, "BUILD"))
    )
    for file, kind, lock in each:
        if file in sources.lock_texts:
            lines = _numbered(list(_pin_lines(sources, lock, sources.lock_texts[file], kind)))
            yield Explanation(path=f"{sources.folder}{file}", target=LOCK, image=sources.image.key, lines=lines)


def _pin_lines(
    sources: Sources, lock: RequirementsLock, text: str, kind: str
) -> Iterator[tuple[str, tuple[Origin, ...], str | None]]:
    pins = {pin.name: pin for pin in (*lock.pins, *lock.vcs)}
    layers = {f"# layer {layer.name}": layer for layer in lock.layers}
    origins: tuple[Origin, ...] = ()
    why = ""
    for line in text.removesuffix("\n").split("\n"):
        if not line:
            yield line, (), None
            continue
        if line in layers:
            brought = (origin for pin in layers[line].pins for origin in bringers(sources, pin))
            origins, why = tuple(dict.fromkeys(brought)), _why(line)
        elif name := pinned_name(line):
            origins = tuple(bringers(sources, pins[name])) if name in pins else ()
            why = _why(kind)
        elif line.startswith("#"):
            keys = _written(sources, ("accelerator",)) if line.startswith("# extra: ") else ()
            origins, why = tuple(origin_at(sources, (key,)) for key in keys), _why(line)
        yield line, origins, why


def _spec_lock(images: Sequence[Sources]) -> Iterator[Explanation]:
    first = images[0]
    text = first.lock_texts.get(first.files.lock)
    if text is not None:
        lines = _numbered(list(_lock_lines(images, text.removesuffix("\n").split("\n"))))
        yield Explanation(path=f"{first.folder}{first.files.lock}", target=LOCK, image="", lines=lines)


# What has a reason of its own within a section.
_NOTES = ("held_back = ", "sources = ")


def _lock_lines(
    images: Sequence[Sources], lines: Sequence[str]
) -> Iterator[tuple[str, tuple[Origin, ...], str | None]]:
    origins: tuple[Origin, ...] = ()
    is_top, why = True, ""
    for number, line in enumerate(lines):
        if line.startswith("["):
            is_top, origins = False, _section_origins(images, line, lines[number + 1])
        elif is_top:
            origins = name_origins(images[0])[:1] if line.startswith("name = ") else ()
        if is_top or line.startswith(("[", *_NOTES)):
            why = _why(line)
        yield line, origins, why if line else None


def _section_origins(images: Sequence[Sources], section: str, next_line: str) -> tuple[Origin, ...]:
    value = next_line.partition(" = ")[2].strip('"')
    if section == "[[base]]":
        using = [sources for sources in images if sources.resolved.base.partition("@")[0] == value]
        keys = ((sources, key) for sources in using for key in _written(sources, ("base", "python")))
        return tuple(dict.fromkeys(origin_at(sources, (key,)) for sources, key in keys))
    if section == "[[image]]":
        own = next((s for s in images if s.image.key == value), images[0])
        return (*own_key(own), *(origin_at(own, (key,)) for key in _written(own, ("requirements", "platforms"))))
    return ()


def _written(sources: Sources, keys: Iterable[str]) -> Iterator[str]:
    return (key for key in keys if key in sources.image.settings.model_fields_set)
