"""Requirements to pins."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement as Pep508

from mlspec.host.resolver.commits import pin_commit
from mlspec.host.resolver.job import Job
from mlspec.host.resolver.metadata import MetadataMaker
from mlspec.host.resolver.resolver_failures import check_pip
from mlspec.host.resolver.upgrades import check_upgrades, keep_pins
from mlspec.lock.pins import LockTarget, Pin, RequirementsLock
from mlspec.lock.requirements import markers
from mlspec.lock.requirements.indexes import Index
from mlspec.lock.requirements.values import Requirement, Requirements
from mlspec.lock.world import Compiled, HeldBack


@dataclass(frozen=True, slots=True)
class Resolver:
    """What requirements are resolved for, and where from, logins included; ``metadata`` makes what only builds tell.

    The files of what was resolved are put into the folder ``download``, where there is one; with
    ``inspects_wheels``, the libraries of the system that wheels load are read out of them, and
    the ``programs`` that they may bring.
    """

    target: LockTarget
    indexes: tuple[Index, ...]
    metadata: MetadataMaker
    download: Path | None = None
    inspects_wheels: bool = False
    programs: tuple[str, ...] = ()

    def compile(
        self,
        requirements: Requirements,
        *,
        previous: RequirementsLock | None = None,
        upgrade: bool = False,
        upgrade_packages: Sequence[str] = (),
    ) -> Compiled:
        """Return the pins of requirements; those of ``previous`` stay unless an upgrade asks for more.

        Requirements that are a lock already are not resolved, but compared with the index: of their hashes, those of
        files for the target stay. ``previous`` must have been made for the same target. Raises LockError, in a
        person's words, when nothing fits or something outside does not answer.
        """
        if not requirements.requirements:
            return Compiled(pins=(), tools={})
        check_pip()
        check_upgrades(requirements, previous, upgrade_packages)
        if requirements.compiled:
            return self._compare(requirements)
        from_git = (r for r in requirements.requirements if r.kind == "vcs")
        commits = {r: pin_commit(r, previous, upgrade, upgrade_packages) for r in from_git}
        before = keep_pins(requirements, previous, upgrade)
        job = Job(
            requirements,
            self.target,
            self.indexes,
            commits,
            before,
            upgrade_packages,
            self.metadata,
            self.download,
            self.inspects_wheels,
            self.programs,
        )
        return _run_job(job)

    def _compare(self, requirements: Requirements) -> Compiled:
        """Return the pins of a user's lock that the target takes; raises LockError where the index has other files."""
        taken = tuple(r for r in requirements.requirements if _is_taken(r, self.target))
        if not taken:
            return Compiled(pins=(), tools={})
        own = dataclasses.replace(requirements, requirements=taken)
        report = Job(own, self.target, self.indexes, {}, (), (), self.metadata, self.download).run()
        hashes = [tuple(row["hashes"]) for row in report["pins"]]
        return Compiled(pins=tuple(map(_as_written, taken, hashes)), tools={})


def compile_requirements(
    requirements: Requirements,
    target: LockTarget,
    indexes: Sequence[Index],
    *,
    previous: RequirementsLock | None = None,
    upgrade: bool = False,
    upgrade_packages: Sequence[str] = (),
) -> Compiled:
    """Return the pins of ``requirements`` on ``target``, as :meth:`Resolver.compile` does; this host makes metadata."""
    maker = MetadataMaker(target, tuple(indexes), requirements.build_constraints)
    resolver = Resolver(target, tuple(indexes), maker)
    return resolver.compile(requirements, previous=previous, upgrade=upgrade, upgrade_packages=upgrade_packages)


def _run_job(job: Job) -> Compiled:
    """Return the pins in the report of a job."""
    report = job.run()
    pins = [job.pin(row) for row in report["pins"]]
    return Compiled(
        pins=tuple(pin for pin in pins if " @ git+" not in pin.requirement),
        vcs=tuple(pin for pin in pins if " @ git+" in pin.requirement),
        tools=report["tools"],
        held_back=tuple(HeldBack(**row) for row in report["held_back"]),
        builds={row["name"]: tuple(row["requires"]) for row in report["pins"] if "requires" in row},
        stated=frozenset(row["name"] for row in report["pins"] if row.get("is_stated")),
        programs=report["programs"],
        foreign=job.metadata.foreign,
    )


def _is_taken(requirement: Requirement, target: LockTarget) -> bool:
    marker = Pep508(requirement.text).marker
    return marker is None or markers.is_true(marker, target.python, target.platform)


def _as_written(requirement: Requirement, hashes: tuple[str, ...]) -> Pin:
    parsed = Pep508(requirement.text)
    specifier = next(iter(parsed.specifier))
    return Pin(
        name=requirement.name,
        version=specifier.version,
        requirement=f"{requirement.name}{specifier}",
        hashes=hashes,
        marker=str(parsed.marker) if parsed.marker else "",
    )
