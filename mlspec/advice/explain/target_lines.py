"""The lines of targets that are written as data, such as YAML, with the origins of each line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mlspec.advice.explain.causes import Causes
from mlspec.advice.explain.origins import Origin, Sources, name_origins, own_key
from mlspec.advice.explain.tracing import value_at
from mlspec.errors import KeyPath
from mlspec.plan.plan import resolve
from mlspec.spec import document
from mlspec.spec.yaml_reader import Node
from mlspec.targets.bundle import Bundle, bundle_of
from mlspec.targets.registry import target_module, write_target
from mlspec.targets.sheet import Sheet


class Attributed(NamedTuple):
    """A line and its origins; None stands for the origins of the line below.

    ``prints`` is true for a line with the value of a key, and false for a line that exists because of a key.
    """

    text: str
    origins: tuple[Origin, ...] | None
    prints: bool = False


@dataclass(frozen=True)
class Dumped:
    """The file of a target for the images of a spec, with the causes of each image's part in it."""

    target: str
    bundle: Bundle
    causes: tuple[Causes, ...]

    @property
    def heading(self) -> tuple[str, ...]:
        """The comment at the beginning of the file."""
        return target_module(self.target).heading(self.bundle)

    def lines(self) -> Iterator[Attributed]:
        """Yield the lines of the file with their origins."""
        documents = write_target(self.target, self.bundle).split("\n---\n")
        sheets = target_module(self.target).sheets(self.bundle)
        for number, (text, sheet) in enumerate(zip(documents, sheets, strict=True)):
            if number:
                yield Attributed("---", ())
            for line, place in list_lines(text, sheet):
                is_data = not line or place is not None
                yield Attributed(line, self._origins(place) if place else None if is_data else (), prints=is_data)

    def _origins(self, place: KeyPath) -> tuple[Origin, ...]:
        if place == ("name",):
            return name_origins(self.causes[0].sources)[:1]
        path = (self.target, *place)
        here = [causes for causes in self.causes if value_at(causes.values, path) is not None]
        found = dict.fromkeys(origin for causes in here for origin in causes.of(path))
        if found or len(here) == len(self.causes):
            return tuple(found)
        # Only some of the images have this value, so the line exists because of these images.
        return tuple(origin for causes in here for origin in own_key(causes.sources))


def dump_target(images: Sequence[Sources], name: str) -> Dumped:
    """Return the file of a target for these images."""
    target = target_module(name)
    bundle = bundle_of([resolve(own.document.file, own.image, own.resolved) for own in images])
    return Dumped(name, bundle, tuple(Causes(own, {name: lambda plan: target.part(plan, bundle)}) for own in images))


def list_lines(text: str, sheet: Sheet) -> Iterator[tuple[str, KeyPath | None]]:
    """Yield the lines of a document, each with the path of the value on it; None for a blank line and a comment."""
    starts: dict[int, KeyPath] = {}
    for start, path in _find_starts(document.parse(text, "").root, sheet.place):
        starts.setdefault(start, path)
    above: KeyPath | None = None
    for number, line in enumerate(text.removesuffix("\n").split("\n"), start=1):
        if line.strip(" ,") not in _CLOSING:
            above = starts.get(number)
        is_comment = above is not None and _is_comment(above[len(sheet.place) :], sheet)
        yield line, None if is_comment else above


def _is_comment(path: KeyPath, sheet: Sheet) -> bool:
    return path[: len(sheet.comment)] == sheet.comment


# In JSON, the closing bracket of a value has its own line.
_CLOSING = ("}", "]")


def _find_starts(node: Node, path: KeyPath) -> Iterator[tuple[int, KeyPath]]:
    for step, child in node.children.items():
        span = node.keys[step] if isinstance(step, str) else child.span
        yield span.line, (*path, step)
        yield from _find_starts(child, (*path, step))
