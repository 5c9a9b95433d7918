"""What the build of a source takes, resolved for the machine that builds it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mlspec.lock.requirements.builds import build_requirements
from mlspec.lock.requirements.values import Requirement

if TYPE_CHECKING:
    from mlspec.host.resolver.compile import Resolver


def fetch_build_files(
    resolver: Resolver, texts: Iterable[str], constraints: tuple[Requirement, ...]
) -> tuple[str, ...]:
    """Return the pins of what a build asks for, whose files are in the resolver's folder then.

    What builds take that are themselves to be built is fetched too. Raises LockError and SpecError as resolving does.
    """
    compiled = resolver.compile(build_requirements(texts, constraints))
    for requires in compiled.builds.values():
        fetch_build_files(resolver, requires, constraints)
    return tuple(pin.requirement for pin in compiled.pins if " @ " not in pin.requirement)
