"""The metadata of the sources of an image: where it is made, and what is said where that is not the image."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mlspec.errors import Problem
from mlspec.facts import base_image
from mlspec.lock.pins import Target
from mlspec.lock.promises import bringer
from mlspec.lock.requirements.indexes import Index
from mlspec.lock.requirements.values import Requirements
from mlspec.lock.source_layers import SourceLayer
from mlspec.plan.source_builds import CompilerFacts, MetadataStage, plan_metadata_stage
from mlspec.relock.work import Work
from mlspec.spec.spec import Image

if TYPE_CHECKING:
    from mlspec.host.resolver import Compiled, Resolver
    from mlspec.host.resolver.metadata import Maker


def metadata_maker(
    work: Work, image: Image, target: Target, requirements: Requirements, indexes: tuple[Index, ...]
) -> Maker:
    """Return what makes the metadata of an image's sources, on the stage that builds them."""
    from mlspec.host.resolver.metadata import Maker

    choice = base_image.base_reference(image.settings.python, image.settings.base)
    assert isinstance(choice, base_image.BaseChoice)  # noqa: S101 - any other was refused before
    base = work.bases[choice.pinned]
    reference = f"{base.reference}@{base.digest}" if base.digest else base.reference
    kit = CompilerFacts(image.settings, base.codename)

    def stage(source: SourceLayer) -> MetadataStage:
        return plan_metadata_stage(kit, reference, None if choice.is_official else "0:0", source)

    return Maker(target, indexes, requirements.build_constraints, stage, work.say)


def resolver_of(maker: Maker, programs: tuple[str, ...]) -> Resolver:
    """Return the resolver for a maker's target, which looks into wheels for these programs."""
    from mlspec.host.resolver import Resolver

    return Resolver(maker.target, maker.indexes, maker, looks=True, programs=programs)


def made_elsewhere(maker: Maker, compiled: Compiled, requirements: Requirements) -> Iterator[Problem]:
    """Yield a warning for each locked source whose metadata was not made by the image's own Python."""
    by_name = {pin.name: pin for pin in (*compiled.pins, *compiled.vcs)}
    for (name, version), made in maker.made.items():
        if not made.place or name not in by_name or version not in {"", by_name[name].version}:
            continue
        shown = f"{name} {by_name[name].version}"
        message = f"what {shown} requires was told by its build on {made.place}, not in the image: {made.why}"
        hint = "what it asks for there may differ; with an engine that runs, lock it again: "
        hint += f"mlspec lock -P {name}; or state it below dependency_metadata"
        place = bringer(name, by_name, requirements)
        if place:
            yield place.problem("MLS262", message, hint, severity="warning")
        else:
            yield Problem(code="MLS262", message=message, hint=hint, severity="warning")
