"""The explanations of artifacts: the origin and the reason of each line."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mlspec.advice.explain.causes import Causes
from mlspec.advice.explain.comments import Comments, comments_in_heading, comments_of
from mlspec.advice.explain.origins import (
    RULE,
    Origin,
    Sources,
    bringers,
    name_origins,
    origin_at,
    own_key,
    pinned_name,
    written_keys,
)
from mlspec.advice.explain.target_lines import Attributed, dump_target
from mlspec.advice.explain.tracing import Traced, trace_template
from mlspec.lock.pins import RequirementsLock
from mlspec.spec.files import Artifact
from mlspec.spec.keys import Settings
from mlspec.spec.spec import Spec
from mlspec.spec.targets import ALWAYS, TARGETS

LOCK = "lock"
"""The name that stands for all locks, beside the names of the targets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedLine:
    """One line of an artifact: its number from 1, its text, its origins (never empty), and its reason."""

    number: int
    text: str
    origins: tuple[Origin, ...]
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The explained lines of one artifact; ``image`` is empty for a spec with one image and for a shared artifact."""

    path: str
    target: str
    image: str
    lines: tuple[ExplainedLine, ...]


@dataclass(frozen=True, slots=True)
class Explained:
    """The explanations of a spec's artifacts; without a current lock (``is_locked``) they rely on the spec alone."""

    spec: Spec
    explanations: tuple[Explanation, ...]
    is_locked: bool
    stale: tuple[str, ...] = ()


def explain(images: Sequence[Sources], targets: Iterable[str] = ()) -> Iterator[Explanation]:
    """Yield explanations for some images of one spec: per image its own artifacts and package locks, then shared files.

    The lock of the spec is last.
    """
    wanted = tuple(targets) or (*ALWAYS, *images[0].spec.targets, LOCK)
    for sources in images:
        causes = Causes(sources)
        for name in wanted:
            if name != LOCK and not TARGETS[name].is_shared:
                yield (
                    _explain_template(sources, causes, name)
                    if TARGETS[name].template
                    else _explain_data([sources], name)
                )
        if LOCK in wanted:
            yield from _package_locks(sources)
    yield from (_explain_data(images, name) for name in wanted if name != LOCK and TARGETS[name].is_shared)
    if LOCK in wanted:
        yield from _spec_lock(images)


def artifact_of(explanation: Explanation) -> Artifact:
    """Return the artifact of an explanation."""
    return Artifact(explanation.path, "".join(f"{line.text}\n" for line in explanation.lines))


def as_data(explanation: Explanation) -> dict[str, Any]:
    """Return an explanation as plain data, for JSON; the data of an origin omits its empty fields."""
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


# Artifacts


def _explain_data(images: Sequence[Sources], name: str) -> Explanation:
    target, first = TARGETS[name], images[0]
    dumped = dump_target(images, name)
    return _explain_lines(first, target.path(first.files), name, dumped.lines(), dumped.heading)


def _explain_template(sources: Sources, causes: Causes, name: str) -> Explanation:
    target = TARGETS[name]
    lines = (attribute_line(causes, line) for line in trace_template(target.template, **causes.values))
    return _explain_lines(sources, target.path(sources.files), name, lines)


def attribute_line(causes: Causes, line: Traced) -> Attributed:
    """Return a line with its origins: those of the values that it prints, or else of its nearest condition with any."""
    if is_heading(line.site.source):
        return Attributed(line.text, None)
    printed = tuple(dict.fromkeys(origin for field in line.fields for origin in causes.of(field)))
    return Attributed(
        line.text, printed or next(filter(None, map(causes.of_condition, line.conditions)), ()), bool(printed)
    )


def is_heading(source: str) -> bool:
    """Return whether a line of a template is blank or a comment, and so belongs to the line below it."""
    return not source or source.startswith("#")


def _explain_lines(
    sources: Sources, file: str, target: str, lines: Iterable[Attributed], heading: Sequence[str] = ()
) -> Explanation:
    """Return the explanation of a file; ``sources`` belong to its image, or to the first image of a shared file.

    A file with a ``heading`` has no other comments.
    """
    every = list(lines)
    path = f"{sources.folder}{file}"
    is_shared = (target == LOCK and file == sources.files.lock) or (target in TARGETS and TARGETS[target].is_shared)
    image = "" if is_shared else sources.image.key
    is_dockerfile = file == sources.files.dockerfile
    texts = [line.text for line in every]
    found_comments = comments_in_heading(texts, heading) if heading else comments_of(texts, is_dockerfile=is_dockerfile)
    comments = list(found_comments)
    found: list[ExplainedLine] = []
    below = Attributed("", ())
    for number in range(len(every), 0, -1):
        line = every[number - 1]
        if line.text.startswith("#") and number < len(every) and not every[number].text:
            # A comment with a blank line below it, such as the banner, belongs to no line.
            below = Attributed("", ())
        below = below if line.origins is None else line
        why = _why(below, comments[number - 1])
        found.append(ExplainedLine(number=number, text=line.text, origins=below.origins or (RULE,), why=why))
    return Explanation(path=path, target=target, image=image, lines=tuple(reversed(found)))


def _why(line: Attributed, comments: Comments) -> str:
    """Return the reason of a line: its own comment, else the meanings of the keys that it prints.

    Without both, the reason is the comment of the instruction, of the stage, the meanings of its keys, or the heading.
    """
    origins = line.origins or ()
    meanings = " ".join(dict.fromkeys(filter(None, map(_meaning, origins))))
    says_keys = line.prints and not any(origin.kind == "lock" for origin in origins)
    around = comments.instruction or comments.stage or meanings or comments.file
    return comments.own or (meanings if says_keys else "") or around


_KEY = re.compile(r"(?:images\.[^.\[]+\.)?([a-z_]+)")


def _meaning(origin: Origin) -> str:
    """Return the meaning of an origin's key, without its default; an empty text if it has no key."""
    key = _KEY.match(origin.key)
    row = Settings.model_fields.get(key[1]) if key else None
    return (row.description or "").partition(" Default:")[0] if row else ""


# Locks


def _package_locks(sources: Sources) -> Iterator[Explanation]:
    each = ((file, lock) for files, lock in sources.each for file in files.package_locks)
    for file, lock in each:
        if file in sources.lock_texts:
            yield _explain_lines(sources, file, LOCK, _pin_lines(sources, lock, sources.lock_texts[file]))
    for files, _ in sources.each:
        if text := sources.lock_texts.get(files.dev_lock):
            origin = (origin_at(sources, ("dev",)),)
            lines = text.removesuffix("\n").split("\n")
            attributed = (Attributed(line, origin if line and not line.startswith("#") else ()) for line in lines)
            yield _explain_lines(sources, files.dev_lock, LOCK, attributed)


def _pin_lines(sources: Sources, lock: RequirementsLock, text: str) -> Iterator[Attributed]:
    pins = {pin.name: pin for pin in (*lock.pins, *lock.vcs)}
    layers = {f"# layer {layer.name}": layer for layer in lock.layers}
    origins: tuple[Origin, ...] = ()
    for line in text.removesuffix("\n").split("\n"):
        if line in layers:
            brought = (origin for pin in layers[line].pins for origin in bringers(sources, pin))
            origins = tuple(dict.fromkeys(brought))
        elif name := pinned_name(line):
            origins = tuple(bringers(sources, pins[name])) if name in pins else ()
        elif line.startswith("#"):
            origins = tuple(written_keys(sources, ("accelerator",))) if line.startswith("# extra: ") else ()
        yield Attributed(line, origins if line else None)


def _spec_lock(images: Sequence[Sources]) -> Iterator[Explanation]:
    first = images[0]
    text = first.lock_texts.get(first.files.lock)
    if text is not None:
        yield _explain_lines(first, first.files.lock, LOCK, _lock_lines(images, text.removesuffix("\n").split("\n")))


def _lock_lines(images: Sequence[Sources], lines: Sequence[str]) -> Iterator[Attributed]:
    origins: tuple[Origin, ...] = ()
    is_top = True
    for number, line in enumerate(lines):
        if line.startswith("["):
            is_top, origins = False, _section_origins(images, line, lines[number + 1])
        elif is_top:
            origins = name_origins(images[0])[:1] if line.startswith("name = ") else ()
        yield Attributed(line, origins if line else None)


def _section_origins(images: Sequence[Sources], section: str, next_line: str) -> tuple[Origin, ...]:
    value = next_line.partition(" = ")[2].strip('"')
    if section == "[[base]]":
        using = (sources for sources in images if sources.resolved.base.partition("@")[0] == value)
        return tuple(dict.fromkeys(o for sources in using for o in written_keys(sources, ("base", "python"))))
    if section == "[[image]]":
        own = next((s for s in images if s.image.key == value), images[0])
        return (*own_key(own), *written_keys(own, ("requirements", "platforms")))
    return ()
