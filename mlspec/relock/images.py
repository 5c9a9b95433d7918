"""The images of a spec to their lock, whole."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from mlspec.errors import MlspecError, Problem, SpecError
from mlspec.host.files import read as disk
from mlspec.lock import platforms
from mlspec.lock import promises as locking
from mlspec.lock.damage import first_side
from mlspec.lock.image_facts import ImageFacts
from mlspec.lock.mlspec_lock import BaseLock, Lock, dump_lock, parse_lock
from mlspec.lock.pins import Layer, Pin, RequirementsLock
from mlspec.lock.requirements.values import Requirements
from mlspec.lock.source_layers import source_layers, unite_source_layers
from mlspec.relock.bases import base_of
from mlspec.relock.platforms import platform_locks
from mlspec.relock.requirements import indexes_of, requirements_of
from mlspec.relock.work import Before, Contents, Locked, Wish, Work, banner
from mlspec.spec import values as syntax
from mlspec.spec.files import Artifact, Files, architecture, files_of
from mlspec.spec.spec import Image, Spec


def locked(spec: Spec, folder: Path, wish: Wish, say: Callable[[str], None] = lambda _: None) -> Locked:
    """Return the lock for ``spec`` as its files beside it say now; only what changed is resolved anew.

    ``say`` is told before something slow begins. Raises SpecError where the lock is not current and ``wish`` wants it
    left as it is, LockError where nothing fits, ToolError where a registry or index does not answer.
    """
    project = files_of(spec.document.file, "")
    before = _before(spec, folder, project, mends=wish.mend)
    name = spec.name or (before.lock.name if before.lock else _default_name(folder, project))
    work = Work(spec, folder, wish, before, say)
    problems: list[Problem] = []
    failure: type[MlspecError] = SpecError
    for image in spec.images:
        try:
            _lock_image(work, image, name)
        except MlspecError as error:
            problems += map(spec.document.placed, error.problems)
            failure = failure if type(error) is SpecError else type(error)
    if len(spec.images) > 1 or len(spec.images[0].settings.platforms) > 1:
        missing = sorted(set(wish.upgrade_packages) - work.upgraded)
        hint = "name a package of one of its locks"
        problems += [
            Problem(code="MLS411", message=f"no image of {spec.document.file} has {name}", hint=hint)
            for name in missing
        ]
    if before.held_merge:
        say(f"{project.lock} held both sides of a merge, so that no edit of a generated file is known")
    if wish.adopt and not (work.adopted or problems):
        say("nothing to adopt: no Dockerfile has another digest than the lock")
    if problems:
        raise failure(*dict.fromkeys(problems))
    has_build_locks = any(lock.builds for contents in work.contents.values() for lock in contents.packages.values())
    lock = Lock(
        name=name,
        tools=work.tools or (before.lock.tools if before.lock else {}),
        bases=tuple(work.bases[key] for key in sorted(work.bases)),
        images=tuple(work.images),
        files=before.lock.files if before.lock else {},
    )
    work.artifacts.append(_artifact(lock, project))
    warnings = tuple(dict.fromkeys(map(spec.document.placed, work.warnings)))
    return Locked(
        resolved={
            key: dataclasses.replace(found, has_build_locks=has_build_locks) for key, found in work.resolved.items()
        },
        contents=work.contents,
        artifacts=tuple(work.artifacts),
        changes=tuple(work.changes),
        warnings=warnings,
        lock=lock,
        recorded={} if before.held_merge else lock.files,
    )


def _artifact(lock: Lock, project: Files) -> Artifact:
    return Artifact(project.lock, dump_lock(lock, f"# {banner(project)}"))


def with_files(locked: Locked, project: Files, files: Mapping[str, str]) -> Locked:
    """Return the same with these fingerprints of generated files in its lock."""
    if not locked.lock:
        return locked
    lock = dataclasses.replace(locked.lock, files=files)
    others = (artifact for artifact in locked.artifacts if artifact.path != project.lock)
    return dataclasses.replace(locked, lock=lock, artifacts=(*others, _artifact(lock, project)))


def outlined(spec: Spec, folder: Path) -> Locked:
    """Return what can be told of a lock that is yet to be made: the bases by tag, and what is required by name.

    It writes nothing and asks nobody. Raises SpecError where the requirements or a base cannot be right.
    """
    work = Work(spec, folder, Wish(unpinned=True), Before(None), lambda _: None)
    problems: list[Problem] = []
    for image in spec.images:
        try:
            requirements, base, is_official = _inputs(work, image)
        except SpecError as error:
            problems += map(spec.document.placed, error.problems)
            continue
        from_git = [r for r in requirements.requirements if r.kind == "vcs"]
        named = (r for r in requirements.requirements if r.name)
        layer = Layer("requirements", tuple(Pin(name=r.name, version="", requirement=r.text) for r in named))
        named_only = RequirementsLock((layer,) if layer.pins else ())
        packages = {str(platform): named_only for platform in image.settings.platforms}
        work.contents[image.key] = Contents(base, requirements, packages)
        work.resolved[image.key] = ImageFacts(
            project=spec.name or _default_name(folder, files_of(spec.document.file, "")),
            base=f"{base.reference}@{base.digest}" if base.digest else base.reference,
            is_official=is_official,
            codename=base.codename,
            glibc=base.glibc,
            architectures=_architectures(spec),
            layers=(layer.name,) if len(from_git) < len(requirements.requirements) else (),
            has_vcs=bool(from_git),
            uses_ssh=any("git+ssh://" in r.text for r in from_git),
        )
    if problems:
        raise SpecError(*dict.fromkeys(problems))
    return Locked(resolved=work.resolved, contents=work.contents, artifacts=())


def _architectures(spec: Spec) -> tuple[str, ...]:
    """Return the architectures that any image of the spec has a lock of its own for."""
    several = (image.settings.platforms for image in spec.images if len(image.settings.platforms) > 1)
    return tuple(sorted({architecture(platform) for platforms_ in several for platform in platforms_}))


def _default_name(folder: Path, project: Files) -> str:
    """Return the folder's name; behind it the spec's own, where that is not mlspec.yaml and others may stand beside."""
    name = f"{disk.name_of(folder)} {project.project_prefix}"
    return syntax.slug(name)


def _before(spec: Spec, folder: Path, project: Files, *, mends: bool) -> Before:
    """Return what the last lock left; one that is damaged counts as none where the caller mends it."""
    text = disk.lock_text(folder / project.lock)
    held_merge = False
    try:
        lock = parse_lock(text, (folder / project.lock).as_posix()) if text else None
    except SpecError:
        if not mends:
            raise
        lock = _read_lock(first_side(text or ""))
        held_merge = True
    before = Before(lock, held_merge=held_merge)
    for image in spec.images:
        files = files_of(spec.document.file, image.key)
        for platform in image.settings.platforms:
            before.texts.update(_texts(folder, files, image, platform, before))
    return before


def _texts(folder: Path, files: Files, image: Image, platform: str, before: Before) -> Mapping[str, str]:
    """Return the locks of an image on a platform, by the names that they have now."""
    own = files.on(platform, image.settings.platforms)
    names = own.package_locks
    texts = {name: text for name in names if (text := disk.lock_text(folder / name)) is not None}
    if texts or not before.image(image.key, platform):
        return texts
    # While the image had more platforms, or this one alone, its locks had other names.
    other = files if own.architecture else dataclasses.replace(files, architecture=architecture(platform))
    former = zip(names, other.package_locks, strict=True)
    return {name: text for name, place in former if (text := disk.lock_text(folder / place)) is not None}


def _read_lock(text: str) -> Lock | None:
    try:
        return parse_lock(text, "")
    except SpecError:
        return None


def _lock_image(work: Work, image: Image, name: str) -> None:
    requirements, base, is_official = _inputs(work, image)
    if image.settings.apt_snapshot and not base.codename:
        raise SpecError(
            Problem(
                code="MLS333",
                message=f"{base.reference} does not say which Debian it is, so there is no snapshot of it",
                hint="remove apt_snapshot, or build on a Debian by its codename: base: slim-bookworm",
                path=image.origin("apt_snapshot"),
            )
        )
    locks = {str(platform): RequirementsLock() for platform in image.settings.platforms}
    if requirements.requirements:
        locks = platform_locks(work, image, base, requirements)
    programs = {name: package for row in work.images if row.name == image.key for name, package in row.programs.items()}
    work.contents[image.key] = Contents(base, requirements, locks, programs)
    pins = tuple(pin for lock in locks.values() for pin in lock.pins)
    build_pins = tuple(pin for lock in locks.values() for pin in lock.build_pins)
    vcs = tuple(pin for lock in locks.values() for pin in lock.vcs)
    layers = [tuple(layer.name for layer in lock.layers) for lock in locks.values()]
    work.resolved[image.key] = ImageFacts(
        project=name,
        base=f"{base.reference}@{base.digest}" if base.digest else base.reference,
        is_official=is_official,
        codename=base.codename,
        install_base=f"{base.reference}@{base.install_digest}" if base.install_digest else None,
        glibc=base.glibc,
        layers=platforms.united(layers),
        partial_layers=platforms.partial(layers),
        architectures=_architectures(work.spec),
        layer_indexes=_layer_indexes(image, requirements, locks.values()),
        index_urls=locking.serving(indexes_of(image, requirements), (*pins, *build_pins)),
        has_vcs=bool(vcs),
        uses_ssh=any("git+ssh://" in pin.requirement for pin in vcs),
        sources=unite_source_layers(map(source_layers, locks.values())),
        partial_builds=platforms.partial([tuple(layer.name for layer in lock.builds) for lock in locks.values()]),
        cuda=next(filter(None, (locking.cuda_of(lock.pins) for lock in locks.values())), ""),
        torch=next((pin.version for pin in pins if pin.name == "torch"), ""),
    )


def _layer_indexes(
    image: Image, requirements: Requirements, locks: Iterable[RequirementsLock]
) -> tuple[tuple[str, str], ...]:
    """Return the layers that come from an index of the image, on any of its platforms, each with its address."""
    indexes = indexes_of(image, requirements)
    return tuple(dict(pair for lock in locks for pair in locking.layer_indexes(indexes, lock.layers)).items())


def _inputs(work: Work, image: Image) -> tuple[Requirements, BaseLock, bool]:
    """Return the requirements, the base and whether that is official; raises with the problems of both."""
    problems: list[Problem] = []
    requirements = Requirements()
    try:
        requirements = requirements_of(work, image)
    except SpecError as error:
        problems += error.problems
    try:
        base, is_official = base_of(work, image)
    except MlspecError as error:
        raise type(error)(*problems, *error.problems) from None
    if problems:
        raise SpecError(*problems)
    return requirements, base, is_official
