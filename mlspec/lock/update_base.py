"""Pin the base image of a spec by digest, from the last lock, a Dockerfile, or its registry."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from mlspec.errors import Problem, Replace, SpecError, ToolError
from mlspec.facts.base_image import BaseChoice, BaseRefusal, base_reference
from mlspec.facts.versions import minor_version, parse_release
from mlspec.lock.adopt import check_adopted, find_moved_digest, hint_back
from mlspec.lock.dockerfile_bases import FromLine
from mlspec.lock.mlspec_lock import BaseLock
from mlspec.lock.state import LockUpdate
from mlspec.lock.world import NO_PLATFORM, RegistryImage
from mlspec.spec.place import Place
from mlspec.spec.spec import Image
from mlspec.text import slip


def lock_base(update: LockUpdate, image: Image) -> tuple[BaseLock, bool]:
    """Return the base of an image, and whether it is official; raises SpecError or ToolError if there is none."""
    choice = choose_base(image)
    known = update.bases.get(choice.with_digest) or (None if update.options.upgrade else update.previous.base(choice))
    base = known if known and (known.digest or update.options.unpinned) else None
    if choice.with_digest not in update.bases and (line := find_moved_digest(update, image, choice, known)):
        base = _adopt(update, image, choice, line)
    base = base or _look_up(update, image, choice)
    update.bases[choice.with_digest] = base
    _check_python(base, image)
    return base, choice.is_official


def choose_base(image: Image) -> BaseChoice:
    """Return the base that a spec asks for; raises SpecError if no base can have its name."""
    settings = image.settings
    choice = base_reference(settings.python, settings.base)
    if isinstance(choice, BaseRefusal):
        meant = slip(settings.base or "", choice.suggestions)
        repairs = (Replace(image.origin("base"), settings.base or "", meant),) if meant else ()
        raise SpecError(image.problem("MLS105", choice.message, choice.hint, "base", repairs=repairs))
    return choice


def _check_python(base: BaseLock, image: Image) -> None:
    python, minor = image.settings.python, minor_version(base.python)
    if python not in {base.python, minor}:
        message = f"{base.reference} has Python {base.python}, not {python}"
        hint = f"write: python: {minor}; or another base"
        raise SpecError(image.problem("MLS105", message, hint, _deciding_key(image)))


def _deciding_key(image: Image) -> str:
    """Return the key of the spec that decides on the base."""
    return "base" if image.settings.base else "python"


def _adopt(update: LockUpdate, image: Image, choice: BaseChoice, line: FromLine) -> BaseLock:
    """Return the base with the digest of a Dockerfile, as its registry knows it; any other image is an error.

    The build installs the packages again on this digest. So the Dockerfile keeps the digest that the bot wrote, and
    gets no further stage.
    """
    try:
        base = _pin(update, image, dataclasses.replace(choice, digest=line.digest), line.place)
    except ToolError as error:
        raise hint_back(error, update.spec_file) from None
    check_adopted(base, line, choice, image.settings.python, update.spec_file)
    update.adopted.add(choice.reference)
    update.changes.append(f"{choice.reference} has the digest of its Dockerfile: {line.digest}")
    return dataclasses.replace(base, install_digest="")


def _look_up(update: LockUpdate, image: Image, choice: BaseChoice) -> BaseLock:
    """Return the base as its registry has it now, or by its tag alone if the caller accepts that."""
    if update.options.locked:
        raise SpecError(update.not_current(f"the digest of {choice.reference} is not in it"))
    if update.options.unpinned:
        return _take_tag(update, image, choice)
    return _pin(update, image, choice, image.at(_deciding_key(image)))


def _pin(update: LockUpdate, image: Image, choice: BaseChoice, place: Place) -> BaseLock:
    """Return the base at its current digest; raises ToolError at ``place`` if no registry knows the digest."""
    update.world.say(f"asking the registry for {choice.reference}")
    platforms = image.settings.platforms
    try:
        answers = _ask_registry(update, choice, platforms, place)
    except ToolError as error:
        is_missing = any(problem.code == NO_PLATFORM for problem in error.problems)
        if choice.digest and not update.options.adopt and not is_missing:
            # The user already wrote the digest that a registry would give; only the base's Python remains unconfirmed.
            return _take_tag(update, image, choice)
        raise ToolError(*(_with_ways_on(problem, choice) for problem in error.problems)) from None
    answer = answers[0]
    if not answer.python:
        _warn_of_guess(update, image, f"{choice.reference} does not say which Python it has", image.settings.python)
    update.looked_up |= {(choice.reference, platform) for platform in platforms}
    base = BaseLock(
        reference=choice.reference,
        digest=answer.digest,
        python=_oldest_python(update, image, choice, answers) or image.settings.python,
        glibc=answer.glibc or choice.glibc or _guess_glibc(update, image, choice),
        codename=answer.codename or choice.codename or "",
    )
    return dataclasses.replace(base, install_digest=_install_digest(update, base, platforms[0]))


def _ask_registry(
    update: LockUpdate, choice: BaseChoice, platforms: Sequence[str], place: Place
) -> tuple[RegistryImage, ...]:
    """Return the base on each of the platforms, all under the digest of the first platform."""
    look_up = update.world.look_up_image
    first = look_up(choice.with_digest, platforms[0], place)
    return (first, *(look_up(f"{choice.reference}@{first.digest}", platform, place) for platform in platforms[1:]))


def _oldest_python(update: LockUpdate, image: Image, choice: BaseChoice, answers: Sequence[RegistryImage]) -> str:
    """Return the oldest Python of a base on any platform: packages that fit it fit the other platforms too."""
    pythons = {answer.platform: answer.python for answer in answers if answer.python}
    if len(set(pythons.values())) > 1:
        listed = " and ".join(f"{python} on {platform}" for platform, python in pythons.items())
        message = f"{choice.reference} has Python {listed}: its platforms are rebuilt one by one"
        hint = "ask again in some hours: mlspec lock --upgrade"
        update.warnings.append(_warning(image, "MLS238", message, hint))
    return min(pythons.values(), key=parse_release, default="")


def check_platform(update: LockUpdate, image: Image, base: BaseLock, platform: str) -> None:
    """Raise ToolError if an image has several platforms and its base is known not to be built for this one.

    mlspec asks a registry only about platforms that have no lock yet.
    """
    is_new = not update.previous.has_platform(platform) and (base.reference, platform) not in update.looked_up
    if len(image.settings.platforms) > 1 and is_new and base.digest:
        update.looked_up.add((base.reference, platform))
        try:
            update.world.look_up_image(f"{base.reference}@{base.digest}", platform, image.at(_deciding_key(image)))
        except ToolError as error:
            # Without a registry, the build reports it, as it does for a digest that the user wrote.
            if missing := [problem for problem in error.problems if problem.code == NO_PLATFORM]:
                raise ToolError(*missing) from None


def _install_digest(update: LockUpdate, base: BaseLock, platform: str) -> str:
    """Return the earlier digest of the base that packages are installed on, if they fit the new one just as well.

    They fit while Python's minor version, the Linux and its C library are the same. The registry must still have the
    earlier digest.
    """
    former = update.previous.former_base(base)
    digest = (former.install_digest or former.digest) if former else ""
    if not digest or digest == base.digest:
        return ""
    try:
        found = update.world.look_up_image(f"{base.reference}@{digest}", platform, Place())
    except ToolError:
        return ""
    return digest if found.digest == digest else ""


def _with_ways_on(problem: Problem, choice: BaseChoice) -> Problem:
    """Return a problem of a registry, with a hint how to go on without one."""
    hint = f"{problem.hint}\n" if problem.hint else ""
    offline = (
        f"without a registry: write the digest, base: {choice.reference}@sha256:...; or accept the tag, which may be "
        "a different image on another day: mlspec render --unpinned"
    )
    return dataclasses.replace(problem, hint=hint + offline)


def _take_tag(update: LockUpdate, image: Image, choice: BaseChoice) -> BaseLock:
    """Return the base as the spec names it, and warn of each guess."""
    if choice.digest:
        guess = f"Python {image.settings.python}"
        _warn_of_guess(update, image, f"no registry described the content of {choice.reference}", guess)
    else:
        message = f"{choice.reference} is not pinned: the tag may be a different image on another day"
        update.warnings.append(_warning(image, "MLS331", message, "pin it with a network: mlspec lock"))
    return BaseLock(
        reference=choice.reference,
        digest=choice.digest,
        python=choice.python or image.settings.python,
        glibc=choice.glibc or _guess_glibc(update, image, choice),
        codename=choice.codename or "",
    )


def _guess_glibc(update: LockUpdate, image: Image, choice: BaseChoice) -> str:
    # The oldest C library of all supported distributions: wheels for it run on all of them.
    oldest = "2.31"
    _warn_of_guess(update, image, f"{choice.reference} does not say which Linux it is", f"glibc {oldest}")
    return oldest


def _warn_of_guess(update: LockUpdate, image: Image, message: str, guess: str) -> None:
    update.warnings.append(_warning(image, "MLS332", f"{message}; mlspec assumes {guess}"))


def _warning(image: Image, code: str, message: str, hint: str = "") -> Problem:
    return image.warning(code, message, hint, _deciding_key(image))
