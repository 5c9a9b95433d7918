"""The requirements of an image to its locked packages."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from mlspec.errors import LockError, Problem, SpecError
from mlspec.facts import base_image
from mlspec.lock import layers as layering
from mlspec.lock import promises as locking
from mlspec.lock.damage import first_side
from mlspec.lock.mlspec_lock import BaseLock, ImageLock
from mlspec.lock.pins import RequirementsLock, Target
from mlspec.lock.platforms import preferring
from mlspec.lock.requirements.indexes import Index
from mlspec.lock.requirements.values import Requirements
from mlspec.lock.requirements_txt import dump_builds, dump_requirements, dump_vcs, parse_requirements, parse_vcs
from mlspec.lock.started_programs import list_unknown_programs
from mlspec.relock.bases import verify
from mlspec.relock.builds import regrouped_builds, with_builds
from mlspec.relock.extras import Wanted, wanted
from mlspec.relock.metadata import made_elsewhere, metadata_maker, resolver_of
from mlspec.relock.requirements import indexes_of, with_logins, written_indexes
from mlspec.relock.work import Work, banner, not_current
from mlspec.spec.files import Artifact, Files, files_of
from mlspec.spec.spec import Image

if TYPE_CHECKING:
    from mlspec.host.resolver import Compiled, Resolver


def requirements_lock(
    work: Work,
    image: Image,
    platform: str,
    base: BaseLock,
    requirements: Requirements,
    *,
    model: RequirementsLock | None = None,
) -> RequirementsLock:
    """Return the packages of an image on a platform: as they were locked, where nothing changed that decides, else
    resolved anew.

    ``model`` is the lock of another platform, whose versions are taken where they fit.
    """
    files = files_of(work.spec.document.file, image.key).on(platform, image.settings.platforms)
    target = Target(python=_whole_version(base.python), platform=platform, glibc=base.glibc)
    indexes = indexes_of(image, requirements)
    # The accelerator stands for the index it implies, so that a new table of those does not void every lock.
    accelerator = Index(url=f"accelerator:{image.settings.accelerator}")
    named = (*written_indexes(image, requirements), accelerator)
    asked = wanted(image, base, requirements, platform)
    inputs = locking.inputs_digest(target, asked.requirements, named)
    known = work.before.image(image.key, platform)
    texts = _texts_before(work, files)
    is_wanted = not (work.wish.upgrade or work.wish.upgrade_packages)
    if known and known.inputs == inputs and texts and is_wanted:
        if _is_whole(work, files, known):
            return _kept(work, image, files, known, asked)
        if not work.wish.mend:
            # Both sides of a merge are told as such, by the reader of locks.
            _parsed(work, files)
            raise SpecError(_edited(work, files))
    if work.wish.locked:
        raise SpecError(not_current(work, _why_not(work, image, files, texts)))
    verify(work, image, base, platform)
    return _compiled(work, image, files, target, asked, indexes, inputs, model)


def _why_not(work: Work, image: Image, files: Files, texts: list[str]) -> str:
    if not work.before.images(image.key):
        return "it does not know this image"
    return "the requirements, the base or the platform changed" if texts else f"{files.requirements_lock} is missing"


def _whole_version(python: str) -> str:
    return python if python.count(".") == 2 else f"{python}.0"


def _kept(work: Work, image: Image, files: Files, known: ImageLock, asked: Wanted) -> RequirementsLock:
    current = _parsed(work, files)
    if not layering.is_as_wanted(current.layers, image.settings.layers, indexes_of(image, asked.written)):
        return _regrouped(work, image, files, known, current, asked)
    work.images.append(known)
    texts = work.before.texts
    for name in files.package_locks:
        if name in texts:
            # A checkout with the line ends of Windows is put right again: in an image they would be part of names.
            work.artifacts.append(Artifact(name, texts[name]))
    return current


def _regrouped(
    work: Work, image: Image, files: Files, known: ImageLock, former: RequirementsLock, asked: Wanted
) -> RequirementsLock:
    """Return the same pins in the layers that the spec asks for now: nothing is resolved, so no network is used."""
    if work.wish.locked:
        raise SpecError(not_current(work, "its layers are not those of the spec"))
    layers = layering.grouped(former.pins, former, image.settings.layers, indexes_of(image, asked.written))
    current = RequirementsLock(layers, former.vcs, regrouped_builds(former, layers))
    texts = _texts(files, current, asked)
    work.artifacts += [Artifact(name, text) for name, text in texts.items()]
    work.images.append(dataclasses.replace(known, body=locking.body_digest(*texts.values())))
    return current


def _parsed(work: Work, files: Files) -> RequirementsLock:
    texts = work.before.texts
    locked_, vcs = texts.get(files.requirements_lock), texts.get(files.vcs_lock)
    place = work.folder
    build = texts.get(files.build_lock)
    return RequirementsLock(
        parse_requirements(locked_, (place / files.requirements_lock).as_posix()).layers if locked_ else (),
        parse_vcs(vcs, (place / files.vcs_lock).as_posix()) if vcs else (),
        parse_requirements(build, (place / files.build_lock).as_posix()).layers if build else (),
    )


def _is_whole(work: Work, files: Files, known: ImageLock) -> bool:
    """Tell whether the packages are as they were locked; what is left over from earlier requirements is forgotten."""
    texts = work.before.texts
    for left_over in ((), (files.vcs_lock,), (files.build_lock,), (files.vcs_lock, files.build_lock)):
        named = (name for name in files.package_locks if name in texts and name not in left_over)
        if known.body == locking.body_digest(*(texts[name] for name in named)):
            for name in left_over:
                texts.pop(name, None)
            return True
    return False


def _texts_before(work: Work, files: Files) -> list[str]:
    return [work.before.texts[name] for name in files.package_locks if name in work.before.texts]


def _compiled(
    work: Work,
    image: Image,
    files: Files,
    target: Target,
    asked: Wanted,
    indexes: tuple[Index, ...],
    inputs: str,
    model: RequirementsLock | None,
) -> RequirementsLock:
    previous, requirements = _previous(work, image, files, target.platform), asked.written
    label = f"{image.key}: " if image.key else ""
    work.say(f"{label}locking the requirements for Python {target.python} on {target.platform}")
    entered = with_logins(work, image, indexes)
    upgrades = _own_upgrades(work, image, requirements, previous)
    maker = metadata_maker(work, image, target, asked.written, entered)
    resolver = resolver_of(maker, list_unknown_programs(image.settings) if asked.is_slim else ())
    compiled = asked.compiled(lambda wish: _resolved(work, wish, resolver, previous, model, upgrades))
    work.warnings += made_elsewhere(maker, compiled, requirements)
    found = locking.promise_problems(requirements, compiled.pins, accelerator=image.settings.accelerator)
    if errors := [problem for problem in found if problem.severity == "error"]:
        raise SpecError(*errors)
    work.warnings += [problem for problem in found if problem.severity == "warning"]
    layers = layering.grouped(compiled.pins, previous or model, image.settings.layers, indexes)
    current = with_builds(work, image, resolver, compiled, RequirementsLock(layers, compiled.vcs), previous)
    texts = _texts(files, current, asked)
    for note in asked.notes(current):
        work.say(f"{label}{note}")
    for program, package in compiled.programs.items():
        work.say(f"{label}{program}: {f'comes with {package}' if package else 'no locked package brings it'}")
    if leaks := [problem for name, text in texts.items() for problem in locking.credentials_problems(text, name)]:
        raise SpecError(*leaks)
    work.artifacts += [Artifact(name, text) for name, text in texts.items()]
    work.tools |= compiled.tools
    work.changes += [f"{label}{change}" for change in _changes(previous, current)]
    held_back = tuple(sorted(map(str, compiled.held_back)))
    sources = tuple(pin.name for pin in current.pins if pin.is_source)
    body = locking.body_digest(*texts.values())
    work.images.append(
        ImageLock(
            name=image.key,
            platform=target.platform,
            inputs=inputs,
            body=body,
            held_back=held_back,
            sources=sources,
            programs=compiled.programs,
        )
    )
    return current


def _resolved(
    work: Work,
    requirements: Requirements,
    resolver: Resolver,
    previous: RequirementsLock | None,
    model: RequirementsLock | None,
    upgrades: tuple[str, ...],
) -> Compiled:
    from mlspec.host.resolver import UNFIT

    resolve = partial(resolver.compile, requirements, upgrade_packages=upgrades)
    upgrade = work.wish.upgrade
    if model is not None:
        try:
            return resolve(previous=preferring(model, None if upgrade else previous))
        except LockError as error:
            # What another platform has may be the reason that nothing fits.
            if not UNFIT & {problem.code for problem in error.problems}:
                raise
    return resolve(previous=previous, upgrade=upgrade)


def _own_upgrades(
    work: Work, image: Image, requirements: Requirements, previous: RequirementsLock | None
) -> tuple[str, ...]:
    """Return the packages to upgrade that this lock has; where one lock is all there is, none is left out."""
    if len(work.spec.images) == len(image.settings.platforms) == 1:
        return work.wish.upgrade_packages
    known = {pin.name for pin in (*previous.pins, *previous.vcs)} if previous else set()
    known |= {requirement.name for requirement in requirements.requirements}
    mine = tuple(name for name in work.wish.upgrade_packages if canonicalize_name(name) in known)
    work.upgraded.update(mine)
    return mine


def _previous(work: Work, image: Image, files: Files, platform: str) -> RequirementsLock | None:
    """Return the old pins where they were made for the same base and platform: for another, they mean nothing."""
    if work.before.lock:
        known = work.before.image(image.key, platform)
        choice = base_image.base_reference(image.settings.python, image.settings.base)
        same_base = isinstance(choice, base_image.BaseChoice) and work.before.base(choice)
        if not known or not same_base:
            return None
        texts = _texts_before(work, files)
        if texts and not _is_whole(work, files, known) and not work.wish.mend:
            _parsed(work, files)
            raise SpecError(_edited(work, files))
    if work.wish.mend:
        for name in files.package_locks:
            if name in work.before.texts:
                work.before.texts[name] = first_side(work.before.texts[name])
    try:
        return _parsed(work, files)
    except SpecError:
        # Damaged beyond a merge: what is locked anew is then told as new.
        return None


def _texts(files: Files, current: RequirementsLock, asked: Wanted) -> dict[str, str]:
    header = f"# {banner(files)}"
    noted = "\n".join((header, *(f"# {note}" for note in asked.notes(current))))
    texts = {files.requirements_lock: dump_requirements(current, header=noted)} if current.layers else {}
    if current.vcs:
        texts[files.vcs_lock] = dump_vcs(current, header=header)
    if current.builds:
        texts[files.build_lock] = dump_builds(current, header=header)
    return texts


def _changes(previous: RequirementsLock | None, current: RequirementsLock) -> Iterable[str]:
    old = {pin.name: pin.version for pin in (*previous.pins, *previous.vcs)} if previous else {}
    new = {pin.name: pin.version for pin in (*current.pins, *current.vcs)}
    for name in sorted(old.keys() | new.keys()):
        if name not in old:
            yield f"+ {name} {new[name]}"
        elif name not in new:
            yield f"- {name} {old[name]}"
        elif old[name] != new[name]:
            yield f"  {name} {old[name]} -> {new[name]}"


def _edited(work: Work, files: Files) -> Problem:
    name = (work.folder / files.requirements_lock).as_posix()
    return Problem(
        code="MLS405",
        message=f"{name} was edited by hand, and is no longer what was resolved and hashed",
        hint="change the requirements instead, then make it anew: mlspec lock",
    ).at(name, None)
