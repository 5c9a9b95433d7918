"""The extras that follow from an accelerator, such as jax[cuda12] for jax in an image for CUDA 12."""

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
from mlspec.lock.requirements.requirement_types import Requirement, Requirements
from mlspec.lock.variants import Extra, bringers, extra_rows, extras_of, matches_any
from mlspec.lock.world import UNFIT, Compiled
from mlspec.spec.spec import Image


@dataclass(frozen=True, slots=True)
class AddedExtra:
    """A requirement with the extras that follow from the accelerator; ``shown`` is for people, such as jax[cuda12]."""

    row: Extra
    requirement: Requirement
    shown: str
    text: str

    def is_proven(self, pins: Iterable[Pin]) -> bool:
        """Return whether the lock has the packages of the extras, and has them because of this requirement."""
        return any(matches_any((pin.name,), self.row.proof) and self.requirement.name in pin.via for pin in pins)


@dataclass(frozen=True, slots=True)
class ExtrasChoice:
    """The written requirements of an image, and the extras that follow from its accelerator.

    ``is_slim`` is True if the base is a slim official image, so that it contains nothing but Python.
    """

    without_extras: Requirements
    extras: tuple[AddedExtra, ...]
    accelerator: Accelerator
    is_slim: bool

    @property
    def requirements(self) -> Requirements:
        """The requirements with their extras."""
        return with_extras(self.without_extras, self.extras)

    def compile(self, compile_: Callable[[Requirements], Compiled]) -> Compiled:
        """Return the pins of the requirements with their extras.

        The result has no extras if no release fits with them, or if a package already brings CUDA itself. Raises
        LockError if no release fits without the extras either.
        """
        if not self.extras:
            return compile_(self.without_extras)
        try:
            found = compile_(self.requirements)
        except LockError as error:
            if not any(problem.code in UNFIT for problem in error.problems):
                raise
            # If this fails too, the error is about the user's own requirements. If it succeeds, a rule warns of the
            # missing extras.
            return compile_(self.without_extras)
        names = {pin.name for pin in found.pins}
        has_second_cuda = names & set(bringers()) and any(extra.row.is_alone for extra in self.extras)
        return compile_(self.without_extras) if has_second_cuda else found

    def notes(self, current: RequirementsLock) -> tuple[str, ...]:
        """Return a sentence for each extra whose packages are in the lock."""
        proven = (extra for extra in self.extras if extra.is_proven(current.pins))
        return tuple(f"extra: {e.shown} for {e.requirement.name}, by accelerator: {self.accelerator}" for e in proven)


def choose_extras(image: Image, base: BaseLock, requirements: Requirements, platform: str) -> ExtrasChoice:
    """Return the requirements of an image on a platform, with the extras that follow from its accelerator.

    There are no extras if a step, a base of the user's own or a compiled file may bring the same packages.
    """
    settings = image.settings
    choice = base_reference(settings.python, settings.base)
    is_slim = isinstance(choice, BaseChoice) and choice.is_official and "-slim" in base.reference
    extras: tuple[AddedExtra, ...] = ()
    if is_slim and not settings.run and not (requirements.is_compiled or requirements.tool_lock):
        extras = find_extras(requirements, settings.accelerator, platform)
    return ExtrasChoice(requirements, extras, settings.accelerator, is_slim)


def find_extras(requirements: Requirements, accelerator: Accelerator, platform: str) -> tuple[AddedExtra, ...]:
    """Return the requirements that get extras in an image for this accelerator and platform.

    A requirement with hashes gets no extras, nor does one with an extra that already chooses a variant.
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
        # Without a version in the spec, the package that brings CUDA decides on the version.
        and (is_alone or not (row.is_alone or not major))
        and not any(matches_any(extras_of(requirement), other) for other in row.others)
        and not matches_any(names, row.proof)
    )


def _add_extra(requirement: Requirement, row: Extra, major: str) -> AddedExtra:
    parsed = Pep508(requirement.text)
    parsed.extras = {*parsed.extras, *(extra.format(major=major) for extra in row.extras)}
    return AddedExtra(row, requirement, f"{parsed.name}[{','.join(sorted(parsed.extras))}]", str(parsed))


def with_extras(requirements: Requirements, extras: Iterable[AddedExtra]) -> Requirements:
    """Return requirements with the extras that ``find_extras`` returned for them."""
    texts = {found.requirement: found.text for found in extras}
    return dataclasses.replace(
        requirements,
        requirements=tuple(dataclasses.replace(r, text=texts.get(r, r.text)) for r in requirements.requirements),
    )
