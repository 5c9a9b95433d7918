"""The demands of a spec on the host that builds and runs its images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mlspec.advice.doctor.needs import need_of
from mlspec.advice.doctor.observations import Need
from mlspec.advice.lint import Subject
from mlspec.facts.base_image import BaseChoice, base_reference
from mlspec.host.files.bounded import read_beginning
from mlspec.host.home import known_home
from mlspec.lock.image_requirements import indexes_of
from mlspec.lock.requirements.requirement_types import Requirements
from mlspec.plan.compiled_spec import CompiledSpec
from mlspec.plan.plan import Plan
from mlspec.spec.spec import Image

_LARGEST_SCRIPT = 1_000_000


@dataclass(frozen=True, slots=True)
class Demand:
    """The demands of a spec on a host: needs of its images, base images, and indexes besides the default index."""

    folder: Path
    needs: tuple[Need, ...]
    bases: tuple[str, ...]
    indexes: tuple[str, ...] = ()


def need_at(plan: Plan, folder: Path, wheels: int = 0) -> Need:
    """Return the needs of an image on this host; ``wheels`` is the size of its packages in bytes."""
    return need_of(plan, wheels=wheels, folder=folder.resolve().as_posix(), home=known_home())


def demand_of(compiled: CompiledSpec, folder: Path, subjects: Sequence[Subject]) -> Demand:
    """Return the demands of a spec on a host."""
    spec, plans = compiled.spec, compiled.plans
    each = [(image, [subject for subject in subjects if subject.image.key == image.key]) for image in spec.images]
    needs = (_need(plan, folder, own) for plan, (_, own) in zip(plans, each, strict=True))
    choices = (base_reference(image.settings.python, image.settings.base) for image in spec.images)
    return Demand(
        folder=folder,
        needs=tuple(needs),
        bases=tuple(dict.fromkeys(choice.reference for choice in choices if isinstance(choice, BaseChoice))),
        indexes=tuple(dict.fromkeys(url for image, own in each for url in _index_urls(image, own))),
    )


def _need(plan: Plan, folder: Path, subjects: Sequence[Subject]) -> Need:
    wheels = sum(pin.size or 0 for pin in subjects[-1].pins) if subjects else 0
    name = plan.files.run_script
    scripts = (name,) if _has_crlf(folder / name) else ()
    return replace(need_at(plan, folder, wheels), windows_scripts=scripts)


def _index_urls(image: Image, subjects: Sequence[Subject]) -> Iterator[str]:
    """Yield the addresses of the indexes that serve a package of an image."""
    names = {pin.name for subject in subjects for pin in subject.pins}
    names |= {requirement.name for subject in subjects for requirement in subject.requirements.requirements}
    required = subjects[-1].requirements if subjects else Requirements()
    return (index.url for index in indexes_of(image, required) if any(map(index.serves, names)))


def _has_crlf(path: Path) -> bool:
    """Return whether a script has the line ends of Windows."""
    try:
        return b"\r\n" in read_beginning(path, _LARGEST_SCRIPT)
    except OSError:
        return False
