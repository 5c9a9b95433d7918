"""The report of one finished build, as a value: steps, layers, and what a push takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mlspec.build.report import contents
from mlspec.build.report.built import BuiltImage
from mlspec.build.report.contents import Content
from mlspec.build.view import BuildFacts
from mlspec.plan.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerReport:
    """One layer of the image: what is in it, its digest and bytes.

    ``is_new`` tells that the last build did not have it; None where there is no last build to compare with.
    """

    content: Content
    digest: str
    size: int
    is_new: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """The bytes and the number of the layers that are new beside what was there before: in the last build of this
    image, or under this name in a registry. ``is_done`` where they were pushed.
    """

    beside: Literal["last build", "registry"]
    size: int
    layers: int
    is_done: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildReport:
    """All that is told of one build; no layers where nothing could be learned of them.

    ``names`` are those that the image got; sizes are compressed, as they are pushed and pulled, or else as on disk.
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
        """The bytes of the image."""
        return sum(layer.size for layer in self.layers)

    @property
    def new(self) -> tuple[LayerReport, ...]:
        """The layers that the last build did not have, the largest first."""
        return tuple(sorted((layer for layer in self.layers if layer.is_new), key=lambda layer: -layer.size))


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What was there before a build: its own last result, and what the registry had under this name.

    None where there was none, where it is not known, or where it cannot be compared.
    """

    last: BuiltImage | None = None
    registry: BuiltImage | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a build came to: its steps, the image, None where its layers cannot be seen, and the names it got."""

    facts: BuildFacts
    image: BuiltImage | None
    names: tuple[str, ...] = ()
    is_pushed: bool = False


def report_build(plan: Plan, outcome: Outcome, known: Sequence[Content], before: Before) -> BuildReport:
    """Return the report of a build of ``plan``; ``known`` are the contents of the layers above the base, as planned."""
    facts, built = outcome.facts, outcome.image
    names = outcome.names or (plan.image,)
    if built is None:
        return BuildReport(names=names, platform=plan.platform, digest=facts.image_id, facts=facts)
    last = before.last if before.last and before.last.is_compressed == built.is_compressed else None
    there = {layer.digest for layer in last.layers} if last else None
    layers = tuple(
        LayerReport(
            content=content,
            digest=layer.digest,
            size=layer.size,
            is_new=None if there is None else layer.digest not in there,
        )
        for layer, content in zip(built.layers, _contents(plan, built, known), strict=True)
    )
    return BuildReport(
        names=names,
        platform=plan.platform,
        digest=built.digest,
        facts=facts,
        layers=layers,
        is_compressed=built.is_compressed,
        upload=_upload(built, last, before.registry, is_pushed=outcome.is_pushed),
    )


def _contents(plan: Plan, built: BuiltImage, known: Sequence[Content]) -> tuple[Content, ...]:
    below = len(built.layers) - len(known)
    if below < 0:
        return (contents.UNKNOWN,) * len(built.layers)
    return (*(contents.base(plan),) * below, *known)


def _upload(
    built: BuiltImage, last: BuiltImage | None, registry: BuiltImage | None, *, is_pushed: bool
) -> Upload | None:
    # Digests of compressed layers are compared with their like only.
    there = registry if built.is_compressed and registry else last
    if there is None:
        return None
    had = {layer.digest for layer in there.layers}
    new = {layer.digest: layer.size for layer in built.layers if layer.digest not in had}
    beside: Literal["last build", "registry"] = "registry" if there is registry else "last build"
    return Upload(beside=beside, size=sum(new.values()), layers=len(new), is_done=is_pushed)
