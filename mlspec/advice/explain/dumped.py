"""Files that are dumped, line by line, with what of the images of a spec each is made of."""

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
from mlspec.targets import yaml_writer as dumping
from mlspec.targets.bundle import Bundle, bundle_of
from mlspec.targets.registry import shared_target
from mlspec.targets.yaml_writer import Sheet


class Attributed(NamedTuple):
    """A line, and where it comes from, None where that is where the line below comes from.

    ``prints`` tells a line that says what a key says from one that is there because of it.
    """

    text: str
    origins: tuple[Origin, ...] | None
    prints: bool = False


@dataclass(frozen=True)
class Dumped:
    """The file that a target makes of the images of a spec, and what decides on what each of them brings to it."""

    target: str
    bundle: Bundle
    causes: tuple[Causes, ...]

    def lines(self) -> Iterator[Attributed]:
        """Yield the lines of the file."""
        target = shared_target(self.target)
        yield from (Attributed(line, ()) for line in _split(dumping.text(target.heading(self.bundle), ())))
        for number, sheet in enumerate(target.sheets(self.bundle)):
            if number:
                yield Attributed("---", ())
            for line, place in placed(sheet):
                yield Attributed(line, self._origins(place) if place else None, prints=True)

    def _origins(self, place: KeyPath) -> tuple[Origin, ...]:
        if place == ("name",):
            return name_origins(self.causes[0].sources)[:1]
        path = (self.target, *place)
        here = [causes for causes in self.causes if value_at(causes.values, path) is not None]
        found = dict.fromkeys(origin for causes in here for origin in causes.of(path))
        if found or len(here) == len(self.causes):
            return tuple(found)
        # Of several images, only these bring it.
        return tuple(origin for causes in here for origin in own_key(causes.sources))


def dumped(images: Sequence[Sources], name: str) -> Dumped:
    """Return the file that a target makes of these images."""
    target = shared_target(name)
    bundle = bundle_of([resolve(own.document.file, own.image, own.resolved) for own in images])
    return Dumped(name, bundle, tuple(Causes(own, {name: lambda plan: target.part(plan, bundle)}) for own in images))


def placed(sheet: Sheet) -> Iterator[tuple[str, KeyPath | None]]:
    """Yield the lines of a document, each with the way to what begins on it; None for a blank line."""
    text = dumping.text((), [sheet])
    begun: dict[int, KeyPath] = {}
    for line, path in _begun(document.parse(text, "").root, sheet.place):
        begun.setdefault(line, path)
    yield from ((line, begun.get(number)) for number, line in enumerate(_split(text), start=1))


def _begun(node: Node, path: KeyPath) -> Iterator[tuple[int, KeyPath]]:
    for step, child in node.children.items():
        span = node.keys[step] if isinstance(step, str) else child.span
        yield span.line, (*path, step)
        yield from _begun(child, (*path, step))


def _split(text: str) -> list[str]:
    return text.removesuffix("\n").split("\n")
