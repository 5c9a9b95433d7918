"""The digests of base images that a bot moved in the Dockerfiles, for the lock to adopt."""

from __future__ import annotations

from collections.abc import Iterator

from mlspec.errors import Problem, SpecError, ToolError
from mlspec.facts.base_image import BaseChoice
from mlspec.facts.versions import minor_version
from mlspec.lock.dockerfile_bases import FromLine, back_to_lock, from_lines
from mlspec.lock.mlspec_lock import BaseLock
from mlspec.lock.state import LockUpdate
from mlspec.spec.files import files_of
from mlspec.spec.spec import Image


def find_moved_digest(update: LockUpdate, image: Image, choice: BaseChoice, known: BaseLock | None) -> FromLine | None:
    """Return the line of a Dockerfile that has another digest for a base than the lock; None where none has.

    Raises SpecError where the Dockerfiles have several, or another image, or where the digest stands in the spec.
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
            message = f"{spec} has the digest of {choice.reference} itself, so that it is moved there"
            hint = f"write base: {line.reference}@{line.digest}\nthen: {back_to_lock(spec)}"
            raise SpecError(line.problem(message, hint))
    if len({line.digest for line in moved}) > 1:
        message = f"{choice.reference} has several new digests, and a base has one"
        raise SpecError(moved[-1].problem(message, f"write one of them in each FROM, then: mlspec lock --adopt {spec}"))
    return moved[0] if moved else None


def _lines(update: LockUpdate, image: Image) -> Iterator[FromLine]:
    """Yield the lines that name a base by its digest, in the Dockerfiles of all images with the base of this one."""
    for other in update.spec.images:
        shares = (other.settings.python, other.settings.base) == (image.settings.python, image.settings.base)
        name = files_of(update.spec_file, other.key).dockerfile
        if shares and (text := update.world.read_generated(name)):
            yield from (line for line in from_lines(text, update.path_of(name)) if line.digest)


def check_adopted(base: BaseLock, line: FromLine, choice: BaseChoice, python: str, spec: str) -> None:
    """Raise SpecError where a digest is an image of another Python, or of another Debian, than its tag says."""
    wrong = ""
    if python not in {base.python, minor_version(base.python)}:
        wrong = f"has Python {base.python}"
    elif choice.codename and base.codename != choice.codename:
        wrong = f"is Debian {base.codename}"
    if wrong:
        message = f"the image of this digest {wrong}, and is no {choice.reference}"
        raise SpecError(line.problem(message, back_to_lock(spec)))


def place_at_from(error: ToolError, line: FromLine, spec: str) -> ToolError:
    """Return a registry's failure to find a digest, at the FROM line that asks for it."""
    hints = (f"{problem.hint}\n" if problem.code != "MLS302" and problem.hint else "" for problem in error.problems)
    placed: list[Problem] = [
        line.problem(problem.message, f"{hint}{back_to_lock(spec)}", problem.code)
        for problem, hint in zip(error.problems, hints, strict=True)
    ]
    return ToolError(*placed)
