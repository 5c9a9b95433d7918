"""Adopt the digests of base images that a bot changed in the Dockerfiles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from mlspec.errors import SpecError, ToolError
from mlspec.facts.base_image import BaseChoice
from mlspec.facts.versions import minor_version
from mlspec.lock.dockerfile_bases import FromLine, back_to_lock, from_lines
from mlspec.lock.mlspec_lock import BaseLock
from mlspec.lock.state import LockUpdate
from mlspec.spec.files import files_of
from mlspec.spec.spec import Image


def find_moved_digest(update: LockUpdate, image: Image, choice: BaseChoice, known: BaseLock | None) -> FromLine | None:
    """Return the FROM line of a Dockerfile whose digest differs from that of the lock; None if no line differs.

    Raises SpecError if the Dockerfiles have several new digests, if one names another image, or if the spec itself
    contains the digest.
    """
    if not (update.options.adopt and known):
        return None
    is_locked = {(known.reference, known.digest), (known.reference, known.install_digest)}
    moved = [line for line in _lines(update, image) if (line.reference, line.digest) not in is_locked]
    spec = update.spec_file
    for line in moved:
        if line.reference != choice.reference:
            raise SpecError(line.of_another_image(choice.reference, spec))
        if choice.digest:
            message = f"{spec} contains the digest of {choice.reference}, so change it there"
            hint = f"write base: {line.reference}@{line.digest}\nthen: {back_to_lock(spec)}"
            raise SpecError(line.problem(message, hint))
    if len({line.digest for line in moved}) > 1:
        message = f"{choice.reference} has several new digests, but a base has one"
        raise SpecError(moved[-1].problem(message, f"write one of them in each FROM, then: mlspec lock --adopt {spec}"))
    return moved[0] if moved else None


def _lines(update: LockUpdate, image: Image) -> Iterator[FromLine]:
    """Yield the FROM lines with a digest, in the Dockerfiles of all images that have the same base as this image."""
    for other in update.spec.images:
        shares = (other.settings.python, other.settings.base) == (image.settings.python, image.settings.base)
        name = files_of(update.spec_file, other.key).dockerfile
        if shares and (text := update.world.read_generated(name)):
            yield from (line for line in from_lines(text, update.path_of(name)) if line.digest)


def check_adopted(base: BaseLock, line: FromLine, choice: BaseChoice, python: str, spec: str) -> None:
    """Raise SpecError if the image of an adopted digest has another Python or another Debian than its tag says."""
    wrong = ""
    if python not in {base.python, minor_version(base.python)}:
        wrong = f"has Python {base.python}"
    elif choice.codename and base.codename != choice.codename:
        wrong = f"is Debian {base.codename}"
    if wrong:
        message = f"the image of this digest {wrong}, and is no {choice.reference}"
        raise SpecError(line.problem(message, back_to_lock(spec)))


def hint_back(error: ToolError, spec: str) -> ToolError:
    """Return the error of a registry that could not find the digest of a FROM line, with a hint to restore the digest.

    The hint restores the digest of the lock.
    """
    hints = (f"{problem.hint}\n" if problem.code != "MLS302" and problem.hint else "" for problem in error.problems)
    found = zip(error.problems, hints, strict=True)
    return ToolError(*(replace(problem, hint=f"{hint}{back_to_lock(spec)}") for problem, hint in found))
