"""What the build of a source takes, resolved for the machine that builds it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from mlspec.errors import KeyPath
from mlspec.lock.requirements.collect import Entry, collect
from mlspec.lock.requirements.values import Requirement, Requirements

if TYPE_CHECKING:
    from mlspec.host.resolver.compile import Resolver


def build_requirements(texts: Iterable[str], constraints: tuple[Requirement, ...], path: KeyPath = ()) -> Requirements:
    """Return what a build asks for, within what the spec allows of it; ``path`` is where it is told what is wrong."""
    entries = [Entry(text, path) for text in dict.fromkeys(texts)]
    return replace(collect(entries, _none, ""), constraints=constraints)


def _none(path: str) -> str:
    raise FileNotFoundError(path)


def fetched(resolver: Resolver, texts: Iterable[str], constraints: tuple[Requirement, ...]) -> tuple[str, ...]:
    """Return the pins of what a build asks for, whose files are in the resolver's folder then.

    What builds take that are themselves to be built is fetched too. Raises LockError and SpecError as resolving does.
    """
    compiled = resolver.compile(build_requirements(texts, constraints))
    for requires in compiled.builds.values():
        fetched(resolver, requires, constraints)
    return tuple(pin.requirement for pin in compiled.pins if " @ " not in pin.requirement)
