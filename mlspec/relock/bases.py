"""A spec's base image to the entry of it in the lock."""

from __future__ import annotations

import dataclasses

from mlspec import catalog
from mlspec.errors import Problem, Replace, SpecError, ToolError
from mlspec.lockfile import (
    BaseLock,
)
from mlspec.relock.work import Work, not_current
from mlspec.spec import Image
from mlspec.spelling import slip


def base_of(work: Work, image: Image) -> tuple[BaseLock, bool]:
    """Return the base of an image, and whether it is official; raises SpecError or ToolError where there is none."""
    settings = image.settings
    choice = catalog.base_reference(settings.python, settings.base)
    if isinstance(choice, catalog.BaseRefusal):
        place, meant = image.origin("base"), slip(settings.base or "", choice.suggestions)
        repairs = (Replace(place, settings.base or "", meant),) if meant else ()
        raise SpecError(
            Problem(code="MLS105", message=choice.message, hint=choice.hint, path=place, repairs=repairs),
        )
    known = work.bases.get(choice.pinned) or (None if work.wish.upgrade else work.before.base(choice))
    base = known if known and (known.digest or work.wish.unpinned) else _asked(work, image, choice)
    work.bases[choice.pinned] = base
    minor = ".".join(base.python.split(".")[:2])
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


def _asked(work: Work, image: Image, choice: catalog.BaseChoice) -> BaseLock:
    """Return the base as its registry answers now, or by the tag alone where the caller accepts that."""
    from mlspec.effects import registry

    if work.wish.locked:
        raise SpecError(not_current(work, f"the digest of {choice.reference} is not in it"))
    if work.wish.unpinned:
        return _unpinned(work, image, choice)
    work.say(f"asking the registry for {choice.reference}")
    try:
        answer = registry.resolve(choice.pinned, image.settings.platforms[0])
    except ToolError as error:
        if choice.digest:
            # The user wrote what a registry would be asked for; only which Python it holds is not known for sure.
            return _unpinned(work, image, choice)
        raise ToolError(*(_at_base(problem, image, choice) for problem in error.problems)) from None
    if not answer.python:
        _guess(work, image, f"{choice.reference} does not say which Python it has", image.settings.python)
    base = BaseLock(
        reference=choice.reference,
        digest=answer.digest,
        python=answer.python or image.settings.python,
        glibc=answer.glibc or choice.glibc or _glibc(work, image, choice),
        codename=answer.codename or choice.codename or "",
    )
    return dataclasses.replace(base, install_digest=_install_digest(work, base, image.settings.platforms[0]))


def _install_digest(work: Work, base: BaseLock, platform: str) -> str:
    """Return the state of the base that packages were installed on so far, where they fit this one just as well.

    They do while Python's minor version, the Linux and its C library agree; the registry must still have it.
    """
    from mlspec.effects import registry

    former = work.before.former(base)
    digest = (former.install_digest or former.digest) if former else ""
    if not digest or digest == base.digest:
        return ""
    try:
        return digest if registry.resolve(f"{base.reference}@{digest}", platform).digest == digest else ""
    except ToolError:
        return ""


def _at_base(problem: Problem, image: Image, choice: catalog.BaseChoice) -> Problem:
    path = image.origin("base" if image.settings.base else "python")
    hint = f"{problem.hint}\n" if problem.hint else ""
    offline = (
        f"without a registry: write the digest, base: {choice.reference}@sha256:...; or go on with the tag alone, "
        "which means another image another day: mlspec render --unpinned"
    )
    return dataclasses.replace(problem, path=path, hint=hint + offline)


def _unpinned(work: Work, image: Image, choice: catalog.BaseChoice) -> BaseLock:
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


def _glibc(work: Work, image: Image, choice: catalog.BaseChoice) -> str:
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
