"""Update the lock of a spec: keep unchanged parts, and ask the network for the rest."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping

from mlspec.errors import MlspecError, Problem, SpecError
from mlspec.lock import platforms
from mlspec.lock.image_facts import ImageFacts
from mlspec.lock.image_requirements import (
    indexes_of,
    layer_indexes,
    read_dev_requirements,
    read_requirements,
    used_urls,
)
from mlspec.lock.mlspec_lock import BaseLock, Lock, dump_lock
from mlspec.lock.pins import FROM_PROJECT, Layer, Pin, RequirementsLock
from mlspec.lock.promises import find_cuda_version
from mlspec.lock.read_previous import read_previous
from mlspec.lock.requirements.requirement_types import Requirements
from mlspec.lock.source_layers import local_source_layers, source_layers, unite_source_layers
from mlspec.lock.state import NOT_CURRENT, ImageContents, LockOptions, LockResult, LockUpdate, PreviousLock
from mlspec.lock.update_base import lock_base
from mlspec.lock.update_dev import lock_dev_packages
from mlspec.lock.update_platforms import lock_platforms
from mlspec.lock.wheel_fit import find_unfit_wheels
from mlspec.lock.world import World
from mlspec.spec.files import Artifact, Files, architecture
from mlspec.spec.spec import Image, Spec
from mlspec.spec.values import slug


def update_lock(spec: Spec, world: World, options: LockOptions) -> LockResult:
    """Return the current lock for ``spec``, from the files beside it; resolve only the parts that changed.

    Raises SpecError if the lock is not current and ``options`` do not allow changes, LockError if no releases fit, and
    ToolError if a registry or an index does not answer.
    """
    update = LockUpdate(spec, world, options, PreviousLock(None))
    previous = update.previous = read_previous(update)
    name = spec.name or (previous.lock.name if previous.lock else _default_name(update))
    problems: list[Problem] = []
    failure: type[MlspecError] = SpecError
    for image in spec.images:
        try:
            _lock_image(update, image, name)
        except MlspecError as error:
            problems += error.problems
            failure = failure if type(error) is SpecError else type(error)
    problems += _unknown_upgrades(update)
    if previous.held_merge:
        world.say(
            f"{update.project_files.lock} had unresolved merge conflicts, so mlspec cannot detect edits of generated "
            "files"
        )
    if options.adopt and not (update.adopted or problems):
        world.say("nothing to adopt: no Dockerfile has another digest than the lock")
    if problems:
        raise failure(*dict.fromkeys(problems))
    return _result(update, name)


def _unknown_upgrades(update: LockUpdate) -> Iterator[Problem]:
    """Yield a problem for each package to upgrade that is in none of the spec's several locks."""
    spec, names = update.spec, set(update.options.upgrade_packages) - update.upgraded
    if not update.has_one_lock:
        for name in sorted(names):
            message = f"no image of {spec.document.file} has {name}"
            yield Problem(code="MLS411", message=message, hint="name a package of one of its locks")


def _result(update: LockUpdate, name: str) -> LockResult:
    previous, files = update.previous, update.project_files
    lock = Lock(
        name=name,
        tools=update.tools or (previous.lock.tools if previous.lock else {}),
        bases=tuple(update.bases[key] for key in sorted(update.bases)),
        images=tuple(update.images),
        files=previous.lock.files if previous.lock else {},
    )
    locks = (lock for contents in update.contents.values() for lock in contents.packages.values())
    has_build_locks = any(lock.builds for lock in locks)
    has_dev_locks = any(contents.dev for contents in update.contents.values())
    facts = update.facts.items()
    return LockResult(
        facts={
            key: dataclasses.replace(found, has_build_locks=has_build_locks, has_dev_locks=has_dev_locks)
            for key, found in facts
        },
        contents=update.contents,
        artifacts=(*update.artifacts, _artifact(lock, files)),
        changes=tuple(update.changes),
        warnings=tuple(dict.fromkeys(update.warnings)),
        lock=lock,
        recorded={} if previous.held_merge else lock.files,
    )


def _artifact(lock: Lock, files: Files) -> Artifact:
    return Artifact(files.lock, dump_lock(lock, f"# {files.lock_banner}"))


def record_files(result: LockResult, files: Files, fingerprints: Mapping[str, str]) -> LockResult:
    """Return ``result`` with ``fingerprints`` of generated files in its lock."""
    if not result.lock:
        return result
    lock = dataclasses.replace(result.lock, files=fingerprints)
    others = (artifact for artifact in result.artifacts if artifact.path != files.lock)
    return dataclasses.replace(result, lock=lock, artifacts=(*others, _artifact(lock, files)))


def read_or_outline_lock(spec: Spec, world: World) -> tuple[LockResult, bool]:
    """Return the lock of a spec and True; if the lock is missing or not current, its outline and False.

    Raises SpecError if the spec has other problems.
    """
    try:
        return update_lock(spec, world, LockOptions(locked=True, unpinned=True)), True
    except SpecError as error:
        if any(problem.code not in NOT_CURRENT for problem in error.problems):
            raise
    return outline_lock(spec, world), False


def outline_lock(spec: Spec, world: World) -> LockResult:
    """Return the facts that are known without a lock: the bases by tag, and the requirements by name.

    mlspec asks no registry and no index for it. Raises SpecError if the requirements or a base cannot be right.
    """
    update = LockUpdate(spec, world, LockOptions(unpinned=True), PreviousLock(None))
    problems: list[Problem] = []
    for image in spec.images:
        try:
            _outline_image(update, image)
        except SpecError as error:
            problems += error.problems
    if problems:
        raise SpecError(*dict.fromkeys(problems))
    return LockResult(facts=update.facts, contents=update.contents, artifacts=())


def _outline_image(update: LockUpdate, image: Image) -> None:
    spec = update.spec
    requirements, base, is_official = _read_inputs(update, image)
    dev = read_dev_requirements(update.world, update.spec_file, image, requirements)
    from_git = [r for r in requirements.requirements if r.kind == "vcs"]
    named = (r for r in requirements.requirements if r.name)
    layer = Layer("requirements", tuple(Pin(name=r.name, version="", requirement=r.text) for r in named))
    named_only = RequirementsLock((layer,) if layer.pins else ())
    packages = {str(platform): named_only for platform in image.settings.platforms}
    update.contents[image.key] = ImageContents(base, requirements, packages)
    update.facts[image.key] = ImageFacts(
        project=spec.name or _default_name(update),
        base=_reference(base, base.digest),
        is_official=is_official,
        codename=base.codename,
        glibc=base.glibc,
        architectures=_architectures(spec),
        layers=(layer.name,) if len(from_git) < len(requirements.requirements) else (),
        has_vcs=bool(from_git),
        uses_ssh=any("git+ssh://" in r.text for r in from_git),
        local=requirements.local,
        wheels=requirements.wheels,
        dev=tuple(r.name for r in dev.requirements if r.name),
    )


def _reference(base: BaseLock, digest: str) -> str:
    return f"{base.reference}@{digest}" if digest else base.reference


def _architectures(spec: Spec) -> tuple[str, ...]:
    """Return the architectures that have locks of their own for any image of the spec."""
    several = (image.settings.platforms for image in spec.images if len(image.settings.platforms) > 1)
    return tuple(sorted({architecture(platform) for platforms_ in several for platform in platforms_}))


def _default_name(update: LockUpdate) -> str:
    """Return the name of the folder; if the spec is not mlspec.yaml, with the name of the spec added.

    Other specs may be in the same folder.
    """
    return slug(f"{update.world.folder_name()} {update.project_files.project_prefix}")


def _lock_image(update: LockUpdate, image: Image, name: str) -> None:
    requirements, base, is_official = _read_inputs(update, image)
    _check_snapshot(image, base)
    locks = {str(platform): RequirementsLock() for platform in image.settings.platforms}
    is_any = bool(requirements.requirements or requirements.tool_lock or requirements.own)
    if is_any or image.settings.dev:
        locks = lock_platforms(update, image, base, requirements)
    rows = (row for row in update.images if row.name == image.key)
    programs = {name: package for row in rows for name, package in row.programs.items()}
    dev = lock_dev_packages(update, image, base, requirements, locks)
    update.contents[image.key] = ImageContents(base, requirements, locks, programs, dev)
    update.facts[image.key] = _image_facts(update, image, name, is_official=is_official)


def _check_snapshot(image: Image, base: BaseLock) -> None:
    if image.settings.apt_snapshot and not base.codename:
        message = f"{base.reference} does not say which Debian it is, so there is no snapshot of it"
        hint = "remove apt_snapshot, or build on a Debian by its codename: base: slim-bookworm"
        raise SpecError(image.problem("MLS333", message, hint, "apt_snapshot"))


def _image_facts(update: LockUpdate, image: Image, name: str, *, is_official: bool) -> ImageFacts:
    """Return the facts about one image from its locks, for all its platforms together."""
    contents = update.contents[image.key]
    base, locks = contents.base, contents.packages.values()
    indexes = indexes_of(image, contents.requirements)
    pins = tuple(pin for lock in locks for pin in lock.pins)
    build_pins = tuple(pin for lock in locks for pin in lock.build_pins)
    own = tuple(pin for lock in locks for part in lock.builds if part.name == FROM_PROJECT for pin in part.pins)
    vcs = tuple(pin for lock in locks for pin in lock.vcs)
    dev = tuple(pin for lock in contents.dev.values() for pin in lock.pins)
    return ImageFacts(
        project=name,
        base=_reference(base, base.digest),
        is_official=is_official,
        codename=base.codename,
        install_base=_reference(base, base.install_digest) if base.install_digest else None,
        glibc=base.glibc,
        layers=platforms.merge_layer_names([tuple(layer.name for layer in lock.layers) for lock in locks]),
        architectures=_architectures(update.spec),
        layer_indexes=_layer_indexes(image, contents.requirements, locks),
        index_urls=used_urls(indexes, (*pins, *build_pins)),
        project_indexes=used_urls(indexes, own),
        has_vcs=bool(vcs),
        uses_ssh=any("git+ssh://" in pin.requirement for pin in vcs),
        sources=(*unite_source_layers(map(source_layers, locks)), *local_source_layers(contents.requirements.local)),
        local=contents.requirements.local,
        wheels=contents.requirements.wheels,
        cuda=next(filter(None, (find_cuda_version(lock.pins) for lock in locks)), ""),
        torch=next((pin.version for pin in pins if pin.name == "torch"), ""),
        dev=tuple(sorted({pin.name for pin in dev})),
        dev_indexes=used_urls(indexes, dev),
    )


def _layer_indexes(
    image: Image, requirements: Requirements, locks: Iterable[RequirementsLock]
) -> tuple[tuple[str, str], ...]:
    """Return the layers that come from an index of the image, on any of its platforms, each with its address."""
    indexes = indexes_of(image, requirements)
    return tuple(dict(pair for lock in locks for pair in layer_indexes(indexes, lock.layers)).items())


def _read_inputs(update: LockUpdate, image: Image) -> tuple[Requirements, BaseLock, bool]:
    """Return the requirements, the base and whether the base is official; raises with the problems of both."""
    problems: list[Problem] = []
    requirements = Requirements()
    try:
        requirements = read_requirements(update.world, update.spec_file, image)
    except SpecError as error:
        problems += error.problems
    try:
        base, is_official = lock_base(update, image)
    except MlspecError as error:
        raise type(error)(*problems, *error.problems) from None
    problems += find_unfit_wheels(requirements.wheels, base, image.settings.platforms)
    if problems:
        raise SpecError(*problems)
    return requirements, base, is_official
