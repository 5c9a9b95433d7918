"""The lock of a spec, brought up to date: what has not changed is kept, the rest is asked of the world."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping

from mlspec.errors import MlspecError, Problem, SpecError
from mlspec.lock import platforms
from mlspec.lock.damage import first_side
from mlspec.lock.image_facts import ImageFacts
from mlspec.lock.image_requirements import indexes_of, layer_indexes, read_requirements, used_urls
from mlspec.lock.mlspec_lock import BaseLock, Lock, dump_lock, parse_lock
from mlspec.lock.pins import Layer, Pin, RequirementsLock
from mlspec.lock.promises import find_cuda_version
from mlspec.lock.requirements.values import Requirements
from mlspec.lock.source_layers import source_layers, unite_source_layers
from mlspec.lock.state import NOT_CURRENT, ImageContents, LockOptions, LockResult, LockUpdate, PreviousLock
from mlspec.lock.update_base import lock_base
from mlspec.lock.update_platforms import lock_platforms
from mlspec.lock.world import World
from mlspec.spec import values as syntax
from mlspec.spec.files import Artifact, Files, architecture
from mlspec.spec.spec import Image, Spec


def update_lock(spec: Spec, world: World, options: LockOptions) -> LockResult:
    """Return the current lock for ``spec``, from the files beside it; only what changed is resolved anew.

    Raises SpecError where the lock is not current and ``options`` want it left as it is, LockError where nothing fits,
    ToolError where a registry or an index does not answer.
    """
    update = LockUpdate(spec, world, options, PreviousLock(None))
    previous = update.previous = _read_previous(update)
    name = spec.name or (previous.lock.name if previous.lock else _default_name(update))
    problems: list[Problem] = []
    failure: type[MlspecError] = SpecError
    for image in spec.images:
        try:
            _lock_image(update, image, name)
        except MlspecError as error:
            problems += map(spec.document.place, error.problems)
            failure = failure if type(error) is SpecError else type(error)
    problems += _unknown_upgrades(update)
    if previous.held_merge:
        world.say(
            f"{update.project_files.lock} held both sides of a merge, so that no edit of a generated file is known"
        )
    if options.adopt and not (update.adopted or problems):
        world.say("nothing to adopt: no Dockerfile has another digest than the lock")
    if problems:
        raise failure(*dict.fromkeys(problems))
    return _result(update, name)


def _unknown_upgrades(update: LockUpdate) -> Iterator[Problem]:
    """Yield a problem for each package to upgrade that none of several locks has."""
    spec, names = update.spec, set(update.options.upgrade_packages) - update.upgraded
    if len(spec.images) > 1 or len(spec.images[0].settings.platforms) > 1:
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
    facts = update.facts.items()
    return LockResult(
        facts={key: dataclasses.replace(found, has_build_locks=has_build_locks) for key, found in facts},
        contents=update.contents,
        artifacts=(*update.artifacts, _artifact(lock, files)),
        changes=tuple(update.changes),
        warnings=tuple(dict.fromkeys(map(update.spec.document.place, update.warnings))),
        lock=lock,
        recorded={} if previous.held_merge else lock.files,
    )


def _artifact(lock: Lock, files: Files) -> Artifact:
    return Artifact(files.lock, dump_lock(lock, f"# {files.lock_banner}"))


def record_files(result: LockResult, files: Files, fingerprints: Mapping[str, str]) -> LockResult:
    """Return the same with these fingerprints of generated files in its lock."""
    if not result.lock:
        return result
    lock = dataclasses.replace(result.lock, files=fingerprints)
    others = (artifact for artifact in result.artifacts if artifact.path != files.lock)
    return dataclasses.replace(result, lock=lock, artifacts=(*others, _artifact(lock, files)))


def read_or_outline_lock(spec: Spec, world: World) -> tuple[LockResult, bool]:
    """Return the lock of a spec and True, or, where it is missing or not current, its outline and False.

    Raises SpecError where the spec has other problems.
    """
    try:
        return update_lock(spec, world, LockOptions(locked=True, unpinned=True)), True
    except SpecError as error:
        if any(problem.code not in NOT_CURRENT for problem in error.problems):
            raise
    return outline_lock(spec, world), False


def outline_lock(spec: Spec, world: World) -> LockResult:
    """Return what is known before a lock is made: the bases by tag, and the requirements by name.

    No registry and no index is asked. Raises SpecError where the requirements or a base cannot be right.
    """
    update = LockUpdate(spec, world, LockOptions(unpinned=True), PreviousLock(None))
    problems: list[Problem] = []
    for image in spec.images:
        try:
            _outline_image(update, image)
        except SpecError as error:
            problems += map(spec.document.place, error.problems)
    if problems:
        raise SpecError(*dict.fromkeys(problems))
    return LockResult(facts=update.facts, contents=update.contents, artifacts=())


def _outline_image(update: LockUpdate, image: Image) -> None:
    spec = update.spec
    requirements, base, is_official = _read_inputs(update, image)
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
    )


def _reference(base: BaseLock, digest: str) -> str:
    return f"{base.reference}@{digest}" if digest else base.reference


def _architectures(spec: Spec) -> tuple[str, ...]:
    """Return the architectures that any image of the spec has a lock of its own for."""
    several = (image.settings.platforms for image in spec.images if len(image.settings.platforms) > 1)
    return tuple(sorted({architecture(platform) for platforms_ in several for platform in platforms_}))


def _default_name(update: LockUpdate) -> str:
    """Return the folder's name; behind it the spec's own, where that is not mlspec.yaml and others may stand beside."""
    return syntax.slug(f"{update.world.folder_name()} {update.project_files.project_prefix}")


def _read_previous(update: LockUpdate) -> PreviousLock:
    """Return the last lock; one that is damaged counts as none where the caller mends it."""
    name, held_merge = update.project_files.lock, False
    text = update.world.read_lock(name)
    try:
        lock = parse_lock(text, update.path_of(name)) if text else None
    except SpecError:
        if not update.options.mend:
            raise
        lock = _parse_first_side(text or "")
        held_merge = True
    previous = PreviousLock(lock, held_merge=held_merge)
    for image in update.spec.images:
        for platform in image.settings.platforms:
            previous.texts.update(_lock_texts(update, image, platform, previous))
    return previous


def _parse_first_side(text: str) -> Lock | None:
    """Return the lock on one side of a merge; None where it is damaged all the same."""
    try:
        return parse_lock(first_side(text), "")
    except SpecError:
        return None


def _lock_texts(update: LockUpdate, image: Image, platform: str, previous: PreviousLock) -> Mapping[str, str]:
    """Return the locks of an image's packages on a platform, by the names that they have now."""
    own, read = update.files_on(image, platform), update.world.read_lock
    names = own.package_locks
    texts = {name: text for name in names if (text := read(name)) is not None}
    if texts or not previous.image(image.key, platform):
        return texts
    # While the image had more platforms, or this one alone, its locks had other names.
    other = dataclasses.replace(own, architecture="" if own.architecture else architecture(platform))
    former = zip(names, other.package_locks, strict=True)
    return {name: text for name, path in former if (text := read(path)) is not None}


def _lock_image(update: LockUpdate, image: Image, name: str) -> None:
    requirements, base, is_official = _read_inputs(update, image)
    _check_snapshot(image, base)
    locks = {str(platform): RequirementsLock() for platform in image.settings.platforms}
    if requirements.requirements:
        locks = lock_platforms(update, image, base, requirements)
    rows = (row for row in update.images if row.name == image.key)
    programs = {name: package for row in rows for name, package in row.programs.items()}
    update.contents[image.key] = ImageContents(base, requirements, locks, programs)
    update.facts[image.key] = _image_facts(update, image, name, is_official=is_official)


def _check_snapshot(image: Image, base: BaseLock) -> None:
    if image.settings.apt_snapshot and not base.codename:
        message = f"{base.reference} does not say which Debian it is, so there is no snapshot of it"
        hint = "remove apt_snapshot, or build on a Debian by its codename: base: slim-bookworm"
        raise SpecError(image.problem("MLS333", message, hint, "apt_snapshot"))


def _image_facts(update: LockUpdate, image: Image, name: str, *, is_official: bool) -> ImageFacts:
    """Return what the locks of one image say, of all its platforms together."""
    contents = update.contents[image.key]
    base, locks = contents.base, contents.packages.values()
    indexes = indexes_of(image, contents.requirements)
    pins = tuple(pin for lock in locks for pin in lock.pins)
    build_pins = tuple(pin for lock in locks for pin in lock.build_pins)
    vcs = tuple(pin for lock in locks for pin in lock.vcs)
    layers = [tuple(layer.name for layer in lock.layers) for lock in locks]
    return ImageFacts(
        project=name,
        base=_reference(base, base.digest),
        is_official=is_official,
        codename=base.codename,
        install_base=_reference(base, base.install_digest) if base.install_digest else None,
        glibc=base.glibc,
        layers=platforms.merge_layer_names(layers),
        partial_layers=platforms.missing_somewhere(layers),
        architectures=_architectures(update.spec),
        layer_indexes=_layer_indexes(image, contents.requirements, locks),
        index_urls=used_urls(indexes, (*pins, *build_pins)),
        has_vcs=bool(vcs),
        uses_ssh=any("git+ssh://" in pin.requirement for pin in vcs),
        sources=unite_source_layers(map(source_layers, locks)),
        partial_builds=platforms.missing_somewhere([tuple(layer.name for layer in lock.builds) for lock in locks]),
        cuda=next(filter(None, (find_cuda_version(lock.pins) for lock in locks)), ""),
        torch=next((pin.version for pin in pins if pin.name == "torch"), ""),
    )


def _layer_indexes(
    image: Image, requirements: Requirements, locks: Iterable[RequirementsLock]
) -> tuple[tuple[str, str], ...]:
    """Return the layers that come from an index of the image, on any of its platforms, each with its address."""
    indexes = indexes_of(image, requirements)
    return tuple(dict(pair for lock in locks for pair in layer_indexes(indexes, lock.layers)).items())


def _read_inputs(update: LockUpdate, image: Image) -> tuple[Requirements, BaseLock, bool]:
    """Return the requirements, the base and whether that is official; raises with the problems of both."""
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
    if problems:
        raise SpecError(*problems)
    return requirements, base, is_official
