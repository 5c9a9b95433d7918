"""Compilation of requirements to pins, without a lock."""

from __future__ import annotations

from collections.abc import Sequence

from mlspec.host.resolver.compile import Resolver
from mlspec.host.resolver.metadata.maker import MetadataMaker
from mlspec.lock.pins import LockTarget, RequirementsLock
from mlspec.lock.requirements.indexes import Index
from mlspec.lock.requirements.requirement_types import Requirements
from mlspec.lock.world import Compiled


def compile_requirements(
    requirements: Requirements,
    target: LockTarget,
    indexes: Sequence[Index],
    *,
    previous: RequirementsLock | None = None,
    upgrade: bool = False,
    upgrade_packages: Sequence[str] = (),
) -> Compiled:
    """Compile ``requirements`` for ``target`` with :meth:`Resolver.compile`; this host makes the metadata."""
    maker = MetadataMaker(target, tuple(indexes), requirements.build_constraints)
    resolver = Resolver(target, tuple(indexes), maker)
    return resolver.compile(requirements, previous=previous, upgrade=upgrade, upgrade_packages=upgrade_packages)
