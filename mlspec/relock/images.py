"""The images of a spec to their lock, whole."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

from mlspec import compiling, locking, syntax
from mlspec.effects import disk
from mlspec.errors import MlspecError, Problem, SpecError
from mlspec.lockfile import (
    BaseLock,
    Layer,
    Lock,
    Pin,
    RequirementsLock,
    dump_lock,
    first_side,
    parse_lock,
)
from mlspec.plan import Files, Resolved, files_of
from mlspec.relock.bases import base_of
from mlspec.relock.packages import indexes_of, requirements_lock, requirements_of
from mlspec.relock.work import Before, Contents, Locked, Wish, Work, banner
from mlspec.requirements import Requirements
from mlspec.spec import Image, Spec
from mlspec.targets import Artifact


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
    if len(spec.images) > 1:
        missing = sorted(set(wish.upgrade_packages) - work.upgraded)
        hint = "name a package of one of its locks"
        problems += [
            Problem(code="MLS411", message=f"no image of {spec.document.file} has {name}", hint=hint)
            for name in missing
        ]
    if problems:
        raise failure(*dict.fromkeys(problems))
    has_build_locks = any(contents.packages.builds for contents in work.contents.values())
    lock = Lock(
        name=name,
        tools=work.tools or (before.lock.tools if before.lock else {}),
        bases=tuple(work.bases[key] for key in sorted(work.bases)),
        images=tuple(work.images),
    )
    work.artifacts.append(Artifact(project.lock, dump_lock(lock, f"# {banner(project)}")))
    warnings = tuple(dict.fromkeys(map(spec.document.placed, work.warnings)))
    return Locked(
        resolved={
            key: dataclasses.replace(found, has_build_locks=has_build_locks) for key, found in work.resolved.items()
        },
        contents=work.contents,
        artifacts=tuple(work.artifacts),
        changes=tuple(work.changes),
        warnings=warnings,
    )


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
        work.contents[image.key] = Contents(base, requirements, RequirementsLock((layer,) if layer.pins else ()))
        work.resolved[image.key] = Resolved(
            project=spec.name or _default_name(folder, files_of(spec.document.file, "")),
            base=f"{base.reference}@{base.digest}" if base.digest else base.reference,
            is_official=is_official,
            codename=base.codename,
            layers=(layer.name,) if len(from_git) < len(requirements.requirements) else (),
            has_vcs=bool(from_git),
            uses_ssh=any("git+ssh://" in r.text for r in from_git),
        )
    if problems:
        raise SpecError(*dict.fromkeys(problems))
    return Locked(resolved=work.resolved, contents=work.contents, artifacts=())


def _default_name(folder: Path, project: Files) -> str:
    """Return the folder's name; behind it the spec's own, where that is not mlspec.yaml and others may stand beside."""
    name = f"{disk.name_of(folder)} {project.project_prefix}"
    return syntax.slug(name)


def _before(spec: Spec, folder: Path, project: Files, *, mends: bool) -> Before:
    """Return what the last lock left; one that is damaged counts as none where the caller mends it."""
    text = disk.text_of(folder / project.lock)
    texts = {}
    for image in spec.images:
        files = files_of(spec.document.file, image.key)
        for name in files.package_locks:
            if (locked_text := disk.text_of(folder / name)) is not None:
                texts[name] = locked_text
    try:
        return Before(parse_lock(text, (folder / project.lock).as_posix()) if text else None, texts)
    except SpecError:
        if not mends:
            raise
        return Before(_read_lock(first_side(text or "")), texts)


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
    files = files_of(work.spec.document.file, image.key)
    current = RequirementsLock()
    if requirements.requirements:
        current = requirements_lock(work, image, files, base, requirements)
    work.contents[image.key] = Contents(base, requirements, current)
    work.resolved[image.key] = Resolved(
        project=name,
        base=f"{base.reference}@{base.digest}" if base.digest else base.reference,
        is_official=is_official,
        codename=base.codename,
        install_base=f"{base.reference}@{base.install_digest}" if base.install_digest else None,
        layers=tuple(layer.name for layer in current.layers),
        layer_indexes=locking.layer_indexes(indexes_of(image), current.layers),
        index_urls=locking.serving(indexes_of(image), (*current.pins, *current.build_pins)),
        has_vcs=bool(current.vcs),
        uses_ssh=any("git+ssh://" in pin.requirement for pin in current.vcs),
        sources=compiling.source_layers(current),
        cuda=locking.cuda_of(current.pins),
        torch=next((pin.version for pin in current.pins if pin.name == "torch"), ""),
    )


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
