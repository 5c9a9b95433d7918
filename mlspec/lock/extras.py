"""The extras that follow from an accelerator: jax[cuda12] for jax in an image for CUDA 12."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from packaging.requirements import Requirement as Pep508

from mlspec.errors import LockError
from mlspec.facts.accelerator import Accelerator
from mlspec.facts.base_image import BaseChoice, base_reference
from mlspec.lock.mlspec_lock import BaseLock
from mlspec.lock.pins import Pin, RequirementsLock
from mlspec.lock.requirements.values import Requirement, Requirements
from mlspec.lock.variants import Extra, bringers, extra_rows, extras_of, matches_any
from mlspec.lock.world import UNFIT, Compiled
from mlspec.spec.spec import Image


@dataclass(frozen=True, slots=True)
class AddedExtra:
    """A requirement with the extras that follow from the accelerator: ``shown`` is jax[cuda12], say."""

    row: Extra
    requirement: Requirement
    shown: str
    text: str

    def is_proven(self, pins: Iterable[Pin]) -> bool:
        """Return whether the lock holds what the extras bring, and holds it for this requirement."""
        return any(matches_any((pin.name,), self.row.proof) and self.requirement.name in pin.via for pin in pins)


@dataclass(frozen=True, slots=True)
class ExtrasChoice:
    """The requirements of an image as they are written, and the extras that follow from its accelerator.

    Its base ``is_slim`` where nothing but Python is known to be in it.
    """

    written: Requirements
    extras: tuple[AddedExtra, ...]
    accelerator: Accelerator
    is_slim: bool

    @property
    def requirements(self) -> Requirements:
        """The requirements with their extras."""
        return with_extras(self.written, self.extras)

    def compile(self, compile_: Callable[[Requirements], Compiled]) -> Compiled:
        """Return the pins; without the extras where those fit nothing else, or where something brings CUDA itself.

        Raises LockError where nothing fits without them either.
        """
        if not self.extras:
            return compile_(self.written)
        try:
            found = compile_(self.requirements)
        except LockError as error:
            if not any(problem.code in UNFIT for problem in error.problems):
                raise
            # A failure without them is about what the user wrote; where that fits, a rule warns of what it lacks.
            return compile_(self.written)
        names = {pin.name for pin in found.pins}
        has_second_cuda = names & set(bringers()) and any(extra.row.is_alone for extra in self.extras)
        return compile_(self.written) if has_second_cuda else found

    def notes(self, current: RequirementsLock) -> tuple[str, ...]:
        """Return a sentence for each extra that the lock holds the packages of."""
        proven = (extra for extra in self.extras if extra.is_proven(current.pins))
        return tuple(f"extra: {e.shown} for {e.requirement.name}, by accelerator: {self.accelerator}" for e in proven)


def choose_extras(image: Image, base: BaseLock, requirements: Requirements, platform: str) -> ExtrasChoice:
    """Return the requirements of an image on a platform, with the extras that follow from its accelerator.

    None follow where a step, a base of the user's own, or a compiled file may bring what they would.
    """
    settings = image.settings
    choice = base_reference(settings.python, settings.base)
    is_slim = isinstance(choice, BaseChoice) and choice.is_official and "-slim" in base.reference
    extras: tuple[AddedExtra, ...] = ()
    if is_slim and not settings.run and not requirements.compiled:
        extras = find_extras(requirements, settings.accelerator, platform)
    return ExtrasChoice(requirements, extras, settings.accelerator, is_slim)


def find_extras(requirements: Requirements, accelerator: Accelerator, platform: str) -> tuple[AddedExtra, ...]:
    """Return the requirements that get extras in an image for this accelerator and platform.

    A requirement with hashes, or with an extra that makes the choice, is left as it is.
    """
    if not accelerator.is_cuda:
        return ()
    names = frozenset(requirement.name for requirement in requirements.requirements)
    major, is_alone = accelerator.major, not names & frozenset(bringers())
    rows = (
        (requirement, row)
        for requirement in requirements.requirements
        for row in extra_rows()
        if row.package == requirement.name and requirement.kind == "index" and not requirement.hashes
    )
    return tuple(
        _add_extra(requirement, row, major or row.default)
        for requirement, row in rows
        if (major or row.default) in row.majors
        and (not row.platforms or platform in row.platforms)
        # Without a version, the CUDA of an image is that of what brings it.
        and (is_alone or not (row.is_alone or not major))
        and not any(matches_any(extras_of(requirement), other) for other in row.others)
        and not matches_any(names, row.proof)
    )


def _add_extra(requirement: Requirement, row: Extra, major: str) -> AddedExtra:
    parsed = Pep508(requirement.text)
    parsed.extras = {*parsed.extras, *(extra.format(major=major) for extra in row.extras)}
    return AddedExtra(row, requirement, f"{parsed.name}[{','.join(sorted(parsed.extras))}]", str(parsed))


def with_extras(requirements: Requirements, extras: Iterable[AddedExtra]) -> Requirements:
    """Return requirements with the extras that were found for them."""
    texts = {found.requirement: found.text for found in extras}
    return dataclasses.replace(
        requirements,
        requirements=tuple(dataclasses.replace(r, text=texts.get(r, r.text)) for r in requirements.requirements),
    )
