"""The report of one finished build, as a value: its steps, its layers, and the upload of a push."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mlspec.build.report.built import BuiltImage
from mlspec.build.report.contents import UNKNOWN, Content
from mlspec.build.view import BuildFacts

if TYPE_CHECKING:
    from mlspec.build.prepared import PreparedBuild


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerReport:
    """One layer of the image: its contents, its digest and its size in bytes.

    ``is_new``: the last build did not have the layer. It is None without a last build to compare with.
    """

    content: Content
    digest: str
    size: int
    is_new: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """The size in bytes and the number of the layers that a push uploads.

    New layers are those that the last build of this image lacks, or the image of this name in a registry.
    ``is_done``: the layers were pushed.
    """

    beside: Literal["last build", "registry"]
    size: int
    layers: int
    is_done: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildReport:
    """The report of one build; ``layers`` is empty if the layers are unknown.

    ``names`` are the names of the image. Sizes are compressed, as in a push or a pull, or else those on disk.
    """

    names: tuple[str, ...]
    platform: str
    digest: str
    facts: BuildFacts
    layers: tuple[LayerReport, ...] = ()
    is_compressed: bool = True
    upload: Upload | None = None

    @property
    def size(self) -> int:
        """The size of the image in bytes."""
        return sum(layer.size for layer in self.layers)

    @property
    def new(self) -> tuple[LayerReport, ...]:
        """The layers that the last build did not have, the largest first."""
        return tuple(sorted((layer for layer in self.layers if layer.is_new), key=lambda layer: -layer.size))


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """The images before a build: that of the last build, and that of this name in the registry.

    Each is None if it did not exist, is unknown, or cannot be compared.
    """

    last: BuiltImage | None = None
    registry: BuiltImage | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result of a build: its steps, its image and the names of the image.

    ``image`` is None if its layers are unknown.
    """

    facts: BuildFacts
    image: BuiltImage | None
    names: tuple[str, ...] = ()
    is_pushed: bool = False


def report_build(prepared: PreparedBuild, outcome: Outcome, before: Before) -> BuildReport:
    """Return the report of a finished build."""
    facts, built = outcome.facts, outcome.image
    names = outcome.names or (prepared.image,)
    if built is None:
        return BuildReport(names=names, platform=prepared.platform, digest=facts.image_id, facts=facts)
    last = before.last if before.last and before.last.is_compressed == built.is_compressed else None
    there = {layer.digest for layer in last.layers} if last else None
    layers = tuple(
        LayerReport(
            content=content,
            digest=layer.digest,
            size=layer.size,
            is_new=None if there is None else layer.digest not in there,
        )
        for layer, content in zip(built.layers, _contents(prepared, built), strict=True)
    )
    return BuildReport(
        names=names,
        platform=prepared.platform,
        digest=built.digest,
        facts=facts,
        layers=layers,
        is_compressed=built.is_compressed,
        upload=_upload(built, last, before.registry, is_pushed=outcome.is_pushed),
    )


def _contents(prepared: PreparedBuild, built: BuiltImage) -> tuple[Content, ...]:
    below = len(built.layers) - len(prepared.contents)
    if below < 0:
        return (UNKNOWN,) * len(built.layers)
    return (*(prepared.base,) * below, *prepared.contents)


def _upload(
    built: BuiltImage, last: BuiltImage | None, registry: BuiltImage | None, *, is_pushed: bool
) -> Upload | None:
    # Digests of compressed layers can only be compared with digests of compressed layers.
    there = registry if built.is_compressed and registry else last
    if there is None:
        return None
    had = {layer.digest for layer in there.layers}
    new = {layer.digest: layer.size for layer in built.layers if layer.digest not in had}
    beside: Literal["last build", "registry"] = "registry" if there is registry else "last build"
    return Upload(beside=beside, size=sum(new.values()), layers=len(new), is_done=is_pushed)
