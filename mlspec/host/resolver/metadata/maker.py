"""The maker of metadata of sources: from the cache, in the image's build stage, or else on this host."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from mlspec.errors import MlspecError
from mlspec.host.cache import proofs
from mlspec.host.engine import metadata_build
from mlspec.host.files.scratch import scratch
from mlspec.host.resolver.compile import Resolver
from mlspec.host.resolver.metadata import on_host
from mlspec.host.resolver.metadata.build_files import fetch_build_files
from mlspec.host.resolver.metadata.context import MetadataResult, read_result, write_context
from mlspec.host.resolver.metadata.unpacked_source import MadeMetadata, UnpackedSource
from mlspec.host.resolver.upload_limit import ANY_AGE, UploadLimit
from mlspec.lock.pins import FROM_GIT, LockTarget
from mlspec.lock.requirements.indexes import Index
from mlspec.lock.requirements.requirement_types import Requirement
from mlspec.lock.source_layers import SourceLayer
from mlspec.lock.world import UNFIT, ForeignMetadata
from mlspec.plan.source_builds import MetadataStage
from mlspec.targets.metadata import draw_metadata
from mlspec.text import format_size

_FORMAT = "mlspec metadata 1"
_MOST_ROUNDS = 4
_LARGE = 50_000_000
"""Bytes. Before a build downloads more than this, mlspec says so."""


@dataclass
class MetadataMaker:
    """The maker of metadata of sources for a target.

    ``stage`` plans the stage in which the image builds a source; without it, this host builds the metadata. ``project``
    is the folder of the spec, ``constraints`` are the spec's constraints for builds, and ``uploads`` limits the age of
    what they install. ``made`` has all results by name and version. ``say`` receives a message before a slow step.
    """

    target: LockTarget
    indexes: tuple[Index, ...] = ()
    constraints: tuple[Requirement, ...] = ()
    stage: Callable[[SourceLayer], MetadataStage] | None = None
    say: Callable[[str], None] = lambda _: None
    project: Path = Path()
    uploads: UploadLimit = ANY_AGE
    made: dict[tuple[str, str], MadeMetadata] = field(default_factory=dict)
    _engine: str | None = None
    _names: list[str] = field(default_factory=list)

    @property
    def foreign(self) -> tuple[ForeignMetadata, ...]:
        """The sources whose metadata does not come from the image's build stage."""
        rows = ((name, version, made) for (name, version), made in self.made.items() if made.place)
        return tuple(
            ForeignMetadata(name=name, version=version, place=made.place, why=made.why) for name, version, made in rows
        )

    def make(self, source: UnpackedSource) -> MadeMetadata:
        """Return the metadata of a source, or the error of its failed build.

        Raises LockError if an index does not answer.
        """
        if source.name in self._names:
            return MadeMetadata(error=f"its build asks for {source.name} itself")
        self._names.append(source.name)
        try:
            found = self._find_or_make(source)
        finally:
            self._names.remove(source.name)
        self.made[source.name, source.version] = found
        return found

    def tell_download(self, files: Sequence[dict[str, object]]) -> None:
        """Report the size of a build's downloads if it is 50 MB or more."""
        sizes = {f"{row['name']} {row['version']}": int(str(row["size"])) for row in files}
        if (total := sum(sizes.values())) >= _LARGE:
            largest = sorted(sizes, key=lambda name: -sizes[name])[:3]
            what = ", ".join(f"{name} ({format_size(sizes[name])})" for name in largest)
            who = self._names[-1] if self._names else "a source"
            self.say(f"the build of {who} downloads {format_size(total)} of packages: {what}")

    def tell_looked(self, told: Mapping[str, Any]) -> None:
        """Report the bytes read from wheels to find the libraries that they load, and the wheels not fully read."""
        self.say(f"read which libraries {told['wheels']} wheels load: {format_size(told['fetched'])} downloaded")
        if told["partial"]:
            self.say(f"large, so mlspec did not read all of their files: {', '.join(told['partial'])}")
        if told["unknown"]:
            self.say(f"not read, because their index does not serve parts of files: {', '.join(told['unknown'])}")

    def _find_or_make(self, source: UnpackedSource) -> MadeMetadata:
        if self.stage is None:
            return self._on_host(source, "")
        layer = SourceLayer(
            layer=FROM_GIT if source.is_vcs else source.name,
            packages=(source.name,),
            languages=source.languages,
        )
        stage = self.stage(layer)
        place = _place(self._key(source, [draw_metadata(stage), *asdict(self.target).values()]))
        if known := _recall(place):
            return known
        if self._engine is None:
            self._engine = metadata_build.unusable()
        if self._engine:
            return self._on_host(source, self._engine)
        return self._in_image(source, stage, place)

    def _in_image(self, source: UnpackedSource, stage: MetadataStage, place: str) -> MadeMetadata:
        platform = metadata_build.platform_for(self.target.platform)
        self.say(f"building the metadata of {source.full_name} in the image's build stage")
        reasons: list[str] = []

        def run(context: Path, out: Path) -> None:
            reasons.extend(filter(None, [metadata_build.make(stage, platform, context, out, self.project)]))

        found = self._rounds(source, replace(self.target, platform=platform), run)
        if reasons:
            return self._on_host(source, f"the image's build stage could not be built: {reasons[0]}")
        if platform != self.target.platform:
            return replace(found, place=platform, why=f"the engine here does not run {self.target.platform}")
        _remember(place, found)
        return found

    def _on_host(self, source: UnpackedSource, why: str) -> MadeMetadata:
        where = on_host.describe_host()
        place = _place(self._key(source, [where]))
        if known := _recall(place):
            return replace(known, place=where, why=why)
        self.say(f"building the metadata of {source.full_name} on this host, which runs its build: {why or 'as asked'}")
        found = self._rounds(source, on_host.target(), on_host.run)
        _remember(place, found)
        return replace(found, place=where, why=why)

    def _rounds(
        self, source: UnpackedSource, target: LockTarget | None, run: Callable[[Path, Path], None]
    ) -> MadeMetadata:
        """Return the metadata from a build; repeat the build if its backend requires more packages."""
        asked: tuple[str, ...] = ()
        for _ in range(_MOST_ROUNDS):
            with scratch() as folder:
                result = self._round(folder, source, (*source.requires, *asked), target, run)
            if result.error or result.text or not result.asked:
                return MadeMetadata(text=result.text, requires=result.asked, error=result.error)
            asked = result.asked
        return MadeMetadata(error=f"its build still asks for {', '.join(asked)} after that was installed")

    def _round(
        self,
        folder: Path,
        source: UnpackedSource,
        requires: tuple[str, ...],
        target: LockTarget | None,
        run: Callable[[Path, Path], None],
    ) -> MetadataResult:
        files, out = folder / "context" / "files", folder / "out"
        files.mkdir(parents=True)
        try:
            pins = fetch_build_files(self._resolver(target, files), requires, self.constraints) if target else requires
        except MlspecError as error:
            if not {problem.code for problem in error.problems} <= UNFIT:
                raise
            return MetadataResult(error=f"its build dependencies cannot be installed: {error.problems[0].message}")
        limits = () if target else tuple(r.text for r in self.constraints)
        write_context(files.parent, source, pins, None if target else limits)
        run(files.parent, out)
        return read_result(out)

    def _resolver(self, target: LockTarget, folder: Path) -> Resolver:
        return Resolver(target, self.indexes, self, folder, uploads=self.uploads)

    def _key(self, source: UnpackedSource, where: Sequence[object]) -> str:
        known = (source.name, source.digest, source.requires, source.backend, source.backend_path)
        decisive = (
            [_FORMAT, *known, *where],
            [constraint.text for constraint in self.constraints],
            [(index.url, index.packages) for index in self.indexes],
        )
        return hashlib.sha256(json.dumps(decisive).encode()).hexdigest()


def _place(key: str) -> str:
    folder = proofs.cache_folder()
    return str(Path(folder, "metadata", key)) if folder else ""


def _recall(place: str) -> MadeMetadata | None:
    try:
        kept = json.loads(Path(place).read_bytes()) if place else None
        return MadeMetadata(text=str(kept["text"]), requires=tuple(kept["requires"])) if kept else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _remember(place: str, found: MadeMetadata) -> None:
    if place and found.text:
        proofs.remember(place, json.dumps({"text": found.text, "requires": found.requires}))
