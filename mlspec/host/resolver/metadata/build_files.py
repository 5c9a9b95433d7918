"""The build dependencies of a source, resolved for the machine of the build."""

from __future__ import annotations

from collections.abc import Iterable

from mlspec.host.resolver.compile import Resolver
from mlspec.lock.requirements.builds import build_requirements
from mlspec.lock.requirements.requirement_types import Requirement


def fetch_build_files(
    resolver: Resolver, texts: Iterable[str], constraints: tuple[Requirement, ...]
) -> tuple[str, ...]:
    """Download the build dependencies of a source into the resolver's folder, and return their pins.

    If a dependency is itself a source, its build dependencies are downloaded, too. Raises LockError and SpecError, as
    the resolver does.
    """
    compiled = resolver.compile(build_requirements(texts, constraints))
    for requires in compiled.builds.values():
        fetch_build_files(resolver, requires, constraints)
    return tuple(pin.requirement for pin in compiled.pins if " @ " not in pin.requirement)
