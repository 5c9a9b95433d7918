"""A spec's base image to the entry of it in the lock."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mlspec.errors import Problem, Replace, SpecError, ToolError
from mlspec.facts import base_image
from mlspec.facts.versions import minor_version
from mlspec.lock.mlspec_lock import BaseLock
from mlspec.relock.adopted import check_adopted, moved_base, refused
from mlspec.relock.work import Work, not_current
from mlspec.spec.spec import Image
from mlspec.targets.changes import FromLine
from mlspec.text import slip

if TYPE_CHECKING:
    from mlspec.host.network import registry


def base_of(work: Work, image: Image) -> tuple[BaseLock, bool]:
    """Return the base of an image, and whether it is official; raises SpecError or ToolError where there is none."""
    settings = image.settings
    choice = base_image.base_reference(settings.python, settings.base)
    if isinstance(choice, base_image.BaseRefusal):
        place, meant = image.origin("base"), slip(settings.base or "", choice.suggestions)
        repairs = (Replace(place, settings.base or "", meant),) if meant else ()
        raise SpecError(
            Problem(code="MLS105", message=choice.message, hint=choice.hint, path=place, repairs=repairs),
        )
    known = work.bases.get(choice.pinned) or (None if work.wish.upgrade else work.before.base(choice))
    base = known if known and (known.digest or work.wish.unpinned) else None
    if choice.pinned not in work.bases and (line := moved_base(work, image, choice, known)):
        base = _adopted(work, image, choice, line)
    base = base or _asked(work, image, choice)
    work.bases[choice.pinned] = base
    minor = minor_version(base.python)
    if base.python != settings.python and minor != settings.python:
        raise SpecError(
            Problem(
                code="MLS105",
                message=f"{base.reference} has Python {base.python}, not {settings.python}",
                hint=f"write: python: {minor}; or another base",
                path=image.origin("base" if settings.base else "python"),
            )
        )
    return base, choice.is_official


def _adopted(work: Work, image: Image, choice: base_image.BaseChoice, line: FromLine) -> BaseLock:
    """Return the base with the digest that a Dockerfile has, as its registry knows it: no other image is taken for it.

    Packages are installed on it anew, so that the Dockerfile says what it was changed to, and no stage more.
    """
    spec = work.spec.document.file
    try:
        base = _from_registry(work, image, dataclasses.replace(choice, digest=line.digest))
    except ToolError as error:
        raise refused(error, line, spec) from None
    check_adopted(base, line, choice, image.settings.python, spec)
    work.adopted.add(choice.reference)
    work.changes.append(f"{choice.reference} has the digest of its Dockerfile: {line.digest}")
    return dataclasses.replace(base, install_digest="")


def _asked(work: Work, image: Image, choice: base_image.BaseChoice) -> BaseLock:
    """Return the base as its registry answers now, or by the tag alone where the caller accepts that."""

    if work.wish.locked:
        raise SpecError(not_current(work, f"the digest of {choice.reference} is not in it"))
    if work.wish.unpinned:
        return _unpinned(work, image, choice)
    return _from_registry(work, image, choice)


def _from_registry(work: Work, image: Image, choice: base_image.BaseChoice) -> BaseLock:
    from mlspec.host.network import registry

    work.say(f"asking the registry for {choice.reference}")
    try:
        answers = _answers(choice, image.settings.platforms)
    except ToolError as error:
        if (
            choice.digest
            and not work.wish.adopt
            and not any(problem.code == registry.NO_PLATFORM for problem in error.problems)
        ):
            # The user wrote what a registry would be asked for; only which Python it holds is not known for sure.
            return _unpinned(work, image, choice)
        raise ToolError(*(_at_base(problem, image, choice) for problem in error.problems)) from None
    answer = answers[0]
    if not answer.python:
        _guess(work, image, f"{choice.reference} does not say which Python it has", image.settings.python)
    work.seen |= {(choice.reference, platform) for platform in image.settings.platforms}
    base = BaseLock(
        reference=choice.reference,
        digest=answer.digest,
        python=_oldest(work, image, choice, answers) or image.settings.python,
        glibc=answer.glibc or choice.glibc or _glibc(work, image, choice),
        codename=answer.codename or choice.codename or "",
    )
    return dataclasses.replace(base, install_digest=_install_digest(work, base, image.settings.platforms[0]))


def _answers(choice: base_image.BaseChoice, platforms: Sequence[str]) -> tuple[registry.Resolved, ...]:
    """Return what a base is on each of the platforms, all under the digest that it has on the first."""
    from mlspec.host.network import registry

    first = registry.resolve(choice.pinned, platforms[0])
    return (first, *(registry.resolve(f"{choice.reference}@{first.digest}", platform) for platform in platforms[1:]))


def _oldest(work: Work, image: Image, choice: base_image.BaseChoice, answers: Sequence[registry.Resolved]) -> str:
    """Return the oldest Python that a base has on any platform: what fits it fits the others too."""
    pythons = {answer.platform: answer.python for answer in answers if answer.python}
    if len(set(pythons.values())) > 1:
        said = " and ".join(f"{python} on {platform}" for platform, python in pythons.items())
        work.warnings.append(
            Problem(
                code="MLS238",
                message=f"{choice.reference} has Python {said}: its platforms are rebuilt one by one",
                hint="ask again in some hours: mlspec lock --upgrade",
                path=image.origin("base" if image.settings.base else "python"),
                severity="warning",
            )
        )
    return min(pythons.values(), key=lambda python: tuple(map(int, re.findall(r"\d+", python))), default="")


def verify(work: Work, image: Image, base: BaseLock, platform: str) -> None:
    """Raise ToolError where the base of an image with several platforms is known not to be built for this one.

    A registry is asked only about platforms that nothing was locked for before.
    """
    from mlspec.host.network import registry

    is_new = not any(known.platform == platform for known in (work.before.lock.images if work.before.lock else ()))
    if len(image.settings.platforms) > 1 and is_new and base.digest and (base.reference, platform) not in work.seen:
        work.seen.add((base.reference, platform))
        try:
            registry.resolve(f"{base.reference}@{base.digest}", platform)
        except ToolError as error:
            # Without a registry, as with a digest that the user wrote, the build tells.
            if found := [problem for problem in error.problems if problem.code == registry.NO_PLATFORM]:
                path = image.origin("base" if image.settings.base else "python")
                raise ToolError(*(dataclasses.replace(problem, path=path) for problem in found)) from None


def _install_digest(work: Work, base: BaseLock, platform: str) -> str:
    """Return the state of the base that packages were installed on so far, where they fit this one just as well.

    They do while Python's minor version, the Linux and its C library agree; the registry must still have it.
    """
    from mlspec.host.network import registry

    former = work.before.former(base)
    digest = (former.install_digest or former.digest) if former else ""
    if not digest or digest == base.digest:
        return ""
    try:
        return digest if registry.resolve(f"{base.reference}@{digest}", platform).digest == digest else ""
    except ToolError:
        return ""


def _at_base(problem: Problem, image: Image, choice: base_image.BaseChoice) -> Problem:
    path = image.origin("base" if image.settings.base else "python")
    hint = f"{problem.hint}\n" if problem.hint else ""
    offline = (
        f"without a registry: write the digest, base: {choice.reference}@sha256:...; or go on with the tag alone, "
        "which means another image another day: mlspec render --unpinned"
    )
    return dataclasses.replace(problem, path=path, hint=hint + offline)


def _unpinned(work: Work, image: Image, choice: base_image.BaseChoice) -> BaseLock:
    if choice.digest:
        _guess(work, image, f"no registry told what is in {choice.reference}", f"Python {image.settings.python}")
    else:
        work.warnings.append(
            Problem(
                code="MLS331",
                message=f"{choice.reference} is not pinned: the tag means another image another day",
                hint="pin it when there is a network: mlspec lock",
                path=image.origin("base" if image.settings.base else "python"),
                severity="warning",
            )
        )
    glibc = choice.glibc or _glibc(work, image, choice)
    return BaseLock(
        reference=choice.reference,
        digest=choice.digest,
        python=choice.python or image.settings.python,
        glibc=glibc,
        codename=choice.codename or "",
    )


def _glibc(work: Work, image: Image, choice: base_image.BaseChoice) -> str:
    # The oldest C library of the distributions still supported: wheels for it run on all of them.
    oldest = "2.31"
    _guess(work, image, f"{choice.reference} does not say which Linux it is", f"glibc {oldest}")
    return oldest


def _guess(work: Work, image: Image, message: str, guess: str) -> None:
    work.warnings.append(
        Problem(
            code="MLS332",
            message=f"{message}; {guess} is assumed",
            path=image.origin("base" if image.settings.base else "python"),
            severity="warning",
        )
    )
