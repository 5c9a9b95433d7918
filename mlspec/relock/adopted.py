"""Digests of base images that a bot moved in the Dockerfiles, for the lock to take over."""

from __future__ import annotations

from collections.abc import Iterator

from mlspec.errors import Problem, SpecError, ToolError
from mlspec.facts.base_image import BaseChoice
from mlspec.facts.versions import minor_version
from mlspec.host.files import read as disk
from mlspec.lock.mlspec_lock import BaseLock
from mlspec.relock.work import Work
from mlspec.spec.files import files_of
from mlspec.spec.spec import Image
from mlspec.targets.changes import FromLine, back_to_lock, from_lines


def moved_base(work: Work, image: Image, choice: BaseChoice, known: BaseLock | None) -> FromLine | None:
    """Return the line of a Dockerfile that has another digest for a base than the lock; None where none has.

    Raises SpecError where the Dockerfiles have several, or another image, or where the digest stands in the spec.
    """
    if not (work.wish.adopt and known):
        return None
    is_locked = {(known.reference, known.digest), (known.reference, known.install_digest)}
    moved = [line for line in _lines(work, image) if (line.reference, line.digest) not in is_locked]
    spec = work.spec.document.file
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


def _lines(work: Work, image: Image) -> Iterator[FromLine]:
    """Yield the lines that name a base by its digest, in the Dockerfiles of all images that share that of this one."""
    for other in work.spec.images:
        shares = (other.settings.python, other.settings.base) == (image.settings.python, image.settings.base)
        place = work.folder / files_of(work.spec.document.file, other.key).dockerfile
        if shares and (text := disk.text_of(place)):
            yield from (line for line in from_lines(text, place.as_posix()) if line.digest)


def check_adopted(base: BaseLock, line: FromLine, choice: BaseChoice, python: str, spec: str) -> None:
    """Raise SpecError where a digest is an image of another Python, or of another Debian, than its tag says."""
    wrong = ""
    if base.python != python and minor_version(base.python) != python:
        wrong = f"has Python {base.python}"
    elif choice.codename and base.codename != choice.codename:
        wrong = f"is Debian {base.codename}"
    if wrong:
        message = f"the image of this digest {wrong}, and is no {choice.reference}"
        raise SpecError(line.problem(message, back_to_lock(spec)))


def refused(error: ToolError, line: FromLine, spec: str) -> ToolError:
    """Return the answer of a registry that has no image of a digest, at the line of the Dockerfile that asks for it."""
    hints = (f"{problem.hint}\n" if problem.code != "MLS302" and problem.hint else "" for problem in error.problems)
    told: list[Problem] = [
        line.problem(problem.message, f"{hint}{back_to_lock(spec)}", problem.code)
        for problem, hint in zip(error.problems, hints, strict=True)
    ]
    return ToolError(*told)
