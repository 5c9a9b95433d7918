"""Makes the metadata of sources: from the cache, in the image's build stage, or else on this host."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlspec.errors import MlspecError
from mlspec.host.cache import proofs
from mlspec.host.engine import metadata_build as engine
from mlspec.host.files.scratch import scratch
from mlspec.host.resolver.metadata import on_host
from mlspec.host.resolver.metadata.build_files import fetch_build_files
from mlspec.host.resolver.metadata.context import MetadataResult, read_result, write_context
from mlspec.host.resolver.metadata.unpacked_source import MadeMetadata, UnpackedSource
from mlspec.lock.pins import FROM_GIT, LockTarget
from mlspec.lock.requirements.indexes import Index
from mlspec.lock.requirements.values import Requirement
from mlspec.lock.source_layers import SourceLayer
from mlspec.lock.world import UNFIT, ForeignMetadata
from mlspec.plan.source_builds import MetadataStage
from mlspec.targets.metadata import draw_metadata
from mlspec.text import format_size

if TYPE_CHECKING:
    from mlspec.host.resolver.compile import Resolver

_FORMAT = "mlspec metadata 1"
_MOST_ROUNDS = 4
_LARGE = 50_000_000
"""Bytes; what a build downloads beyond that is told before."""


@dataclass
class MetadataMaker:
    """Makes the metadata of sources for a target.

    ``stage`` is what the image builds a source on, and ``project`` the folder of its spec; without a stage, this host
    makes it. ``constraints`` are those of the
    spec for builds. ``made`` tells what was made where, by name and version; ``say`` is told before something slow.
    """

    target: LockTarget
    indexes: tuple[Index, ...] = ()
    constraints: tuple[Requirement, ...] = ()
    stage: Callable[[SourceLayer], MetadataStage] | None = None
    say: Callable[[str], None] = lambda _: None
    project: Path = Path()
    made: dict[tuple[str, str], MadeMetadata] = field(default_factory=dict)
    _engine: str | None = None
    _names: list[str] = field(default_factory=list)

    @property
    def foreign(self) -> tuple[ForeignMetadata, ...]:
        """The sources whose metadata was not made in the image's build stage."""
        rows = ((name, version, made) for (name, version), made in self.made.items() if made.place)
        return tuple(
            ForeignMetadata(name=name, version=version, place=made.place, why=made.why) for name, version, made in rows
        )

    def make(self, source: UnpackedSource) -> MadeMetadata:
        """Return the metadata of a source, or the words of the build that failed.

        Raises LockError where an index does not answer.
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
        """Say how large the files of a build are, where they are large."""
        sizes = {f"{row['name']} {row['version']}": int(str(row["size"])) for row in files}
        if (total := sum(sizes.values())) >= _LARGE:
            largest = sorted(sizes, key=lambda name: -sizes[name])[:3]
            what = ", ".join(f"{name} ({format_size(sizes[name])})" for name in largest)
            who = self._names[-1] if self._names else "a source"
            self.say(f"the build of {who} takes {format_size(total)} of packages: {what}")

    def tell_looked(self, told: Mapping[str, Any]) -> None:
        """Say what of wheels was read to see which libraries they load, and of which not all."""
        self.say(f"looked into {told['wheels']} wheels for what they load: {format_size(told['fetched'])} read")
        if told["partial"]:
            self.say(f"not all was looked at, as it is large: {', '.join(told['partial'])}")
        if told["unknown"]:
            self.say(f"not looked into, as their index gives no parts of files: {', '.join(told['unknown'])}")

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
            self._engine = engine.unusable()
        if self._engine:
            return self._on_host(source, self._engine)
        return self._in_image(source, stage, place)

    def _in_image(self, source: UnpackedSource, stage: MetadataStage, place: str) -> MadeMetadata:
        platform = engine.platform_for(self.target.platform)
        self.say(f"making the metadata of {source.shown} in the image's build stage")
        reasons: list[str] = []

        def run(context: Path, out: Path) -> None:
            reasons.extend(filter(None, [engine.make(stage, platform, context, out, self.project)]))

        found = self._rounds(source, replace(self.target, platform=platform), run)
        if reasons:
            return self._on_host(source, f"the image's build stage could not be made: {reasons[0]}")
        if platform != self.target.platform:
            return replace(found, place=platform, why=f"the engine here does not run {self.target.platform}")
        _remember(place, found)
        return found

    def _on_host(self, source: UnpackedSource, why: str) -> MadeMetadata:
        where = on_host.describe_host()
        place = _place(self._key(source, [where]))
        if known := _recall(place):
            return replace(known, place=where, why=why)
        self.say(f"making the metadata of {source.shown} on this host, which runs its build: {why or 'as asked'}")
        found = self._rounds(source, on_host.target(), on_host.run)
        _remember(place, found)
        return replace(found, place=where, why=why)

    def _rounds(
        self, source: UnpackedSource, target: LockTarget | None, run: Callable[[Path, Path], None]
    ) -> MadeMetadata:
        """Return what a build tells, which may ask for more packages before it does."""
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
            return MetadataResult(error=f"what its build asks for cannot be had: {error.problems[0].message}")
        limits = () if target else tuple(r.text for r in self.constraints)
        write_context(files.parent, source, pins, None if target else limits)
        run(files.parent, out)
        return read_result(out)

    def _resolver(self, target: LockTarget, folder: Path) -> Resolver:
        from mlspec.host.resolver.compile import Resolver

        return Resolver(target, self.indexes, self, folder)

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
