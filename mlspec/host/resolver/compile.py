"""The resolver: from requirements to pins."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement as Pep508

from mlspec.host.resolver.commits import pin_commit
from mlspec.host.resolver.job import Job
from mlspec.host.resolver.metadata.unpacked_source import MetadataSource
from mlspec.host.resolver.resolver_failures import check_pip
from mlspec.host.resolver.upgrades import check_upgrades, keep_pins
from mlspec.host.resolver.upload_limit import ANY_AGE, UploadLimit
from mlspec.lock.pins import LockTarget, Pin, RequirementsLock
from mlspec.lock.requirements import markers
from mlspec.lock.requirements.indexes import Index
from mlspec.lock.requirements.requirement_types import Requirement, Requirements
from mlspec.lock.world import Compiled, HeldBack


@dataclass(frozen=True, slots=True)
class Resolver:
    """The resolver for a target, with its indexes and their logins.

    ``metadata`` makes the metadata of sources that have none before a build. With ``download``, the resolver saves the
    files of the resolved packages in that folder. With ``inspects_wheels``, the resolver reads from the wheels the
    system libraries that they load. With ``programs``, it reports the packages that install these programs. ``uploads``
    limits the age of files.
    """

    target: LockTarget
    indexes: tuple[Index, ...]
    metadata: MetadataSource
    download: Path | None = None
    inspects_wheels: bool = False
    programs: tuple[str, ...] = ()
    uploads: UploadLimit = ANY_AGE

    def compile(
        self,
        requirements: Requirements,
        *,
        previous: RequirementsLock | None = None,
        upgrade: bool = False,
        upgrade_packages: Sequence[str] = (),
    ) -> Compiled:
        """Return the pins of requirements; the pins of ``previous`` stay, except for upgrades.

        Requirements that are already a lock are not resolved but compared with the index: the result keeps their hashes
        of files for the target. ``previous`` must be a lock for the same target. Raises LockError if no versions fit,
        or if an index or a repository does not answer.
        """
        if not requirements.requirements:
            return Compiled(pins=(), tools={})
        check_pip(requirements)
        check_upgrades(requirements, previous, upgrade_packages)
        if requirements.is_compiled:
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
            former=tuple(pin.name for pin in previous.pins) if previous else (),
            uploads=self.uploads,
        )
        return _run_job(job)

    def _compare(self, requirements: Requirements) -> Compiled:
        """Return the pins of a user's lock that apply to the target; raises LockError if the index has other files."""
        taken = tuple(r for r in requirements.requirements if _is_taken(r, self.target))
        if not taken:
            return Compiled(pins=(), tools={})
        own = dataclasses.replace(requirements, requirements=taken)
        report = Job(
            own, self.target, self.indexes, {}, (), (), self.metadata, self.download, uploads=self.uploads
        ).run()
        hashes = [tuple(row["hashes"]) for row in report["pins"]]
        sizes = {row["name"]: row["size"] for row in report["pins"] if row["size"]}
        return Compiled(
            pins=tuple(map(_as_written, taken, hashes)), tools={}, sizes=sizes, uploaded_before=self.uploads.before
        )


def _run_job(job: Job) -> Compiled:
    """Run a job, and return the pins in its report."""
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
        uploaded_before=job.uploads.before,
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
