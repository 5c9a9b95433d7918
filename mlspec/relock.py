"""A spec and what was locked before to a lock that is right for it now."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from packaging.utils import canonicalize_name

from mlspec import catalog, layering, locking, syntax
from mlspec.effects import disk
from mlspec.errors import MlspecError, Problem, SpecError, ToolError
from mlspec.lockfile import (
    BaseLock,
    ImageLock,
    Layer,
    Lock,
    Pin,
    RequirementsLock,
    Target,
    dump_lock,
    dump_requirements,
    dump_vcs,
    first_side,
    parse_lock,
    parse_requirements,
    parse_vcs,
)
from mlspec.plan import Files, Resolved, files_of
from mlspec.requirements import Entry, Index, Requirements, collect
from mlspec.spec import Image, Spec
from mlspec.targets import Artifact

NOT_CURRENT = frozenset({"MLS404", "MLS405"})
"""The codes of a lock that is missing, out of date or edited: no fault of its spec."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a caller wants of a lock: left as it is (``locked``), or pins and digests moved."""

    locked: bool = False
    unpinned: bool = False
    upgrade: bool = False
    upgrade_packages: tuple[str, ...] = ()
    mend: bool = False
    """Resolve again what was edited by hand, rather than refuse it."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What is in one image's lock: its base, what was required, and every package that came of it."""

    base: BaseLock
    requirements: Requirements
    packages: RequirementsLock


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """A current lock: facts and contents for each image by its key, the lock files, what moved, and what to warn of."""

    resolved: Mapping[str, Resolved]
    contents: Mapping[str, Contents]
    artifacts: tuple[Artifact, ...]
    changes: tuple[str, ...] = ()
    warnings: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class Before:
    """What stands beside a spec from the last lock: the lock and the texts of the locked requirements."""

    lock: Lock | None
    texts: dict[str, str] = field(default_factory=dict)

    def base(self, choice: catalog.BaseChoice) -> BaseLock | None:
        """Return the entry of this base image: with the digest that the spec writes, where it writes one."""
        bases = self.lock.bases if self.lock else ()
        fits = (base for base in bases if base.reference == choice.reference and choice.digest in {"", base.digest})
        return next(fits, None)

    def former(self, base: BaseLock) -> BaseLock | None:
        """Return the last entry of the same base, if what was installed on it runs on this one too."""
        bases = self.lock.bases if self.lock else ()
        return next((former for former in bases if _kind(former) == _kind(base)), None)

    def image(self, key: str) -> ImageLock | None:
        """Return the entry of this image."""
        return next((image for image in self.lock.images if image.name == key), None) if self.lock else None


def _kind(base: BaseLock) -> tuple[str, str, str, str]:
    minor = ".".join(base.python.split(".")[:2])
    return base.reference, minor, base.glibc, base.codename


@dataclass(slots=True)
class _Work:
    """One lock in the making."""

    spec: Spec
    folder: Path
    wish: Wish
    before: Before
    say: Callable[[str], None]
    bases: dict[str, BaseLock] = field(default_factory=dict)
    images: list[ImageLock] = field(default_factory=list)
    artifacts: list[Artifact] = field(default_factory=list)
    resolved: dict[str, Resolved] = field(default_factory=dict)
    contents: dict[str, Contents] = field(default_factory=dict)
    tools: dict[str, str] = field(default_factory=dict)
    changes: list[str] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    upgraded: set[str] = field(default_factory=set)


def locked(spec: Spec, folder: Path, wish: Wish, say: Callable[[str], None] = lambda _: None) -> Locked:
    """Return the lock for ``spec`` as its files beside it say now; only what changed is resolved anew.

    ``say`` is told before something slow begins. Raises SpecError where the lock is not current and ``wish`` wants it
    left as it is, LockError where nothing fits, ToolError where a registry or index does not answer.
    """
    project = files_of(spec.document.file, "")
    before = _before(spec, folder, project, mends=wish.mend)
    name = spec.name or (before.lock.name if before.lock else _default_name(folder, project))
    work = _Work(spec, folder, wish, before, say)
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
    lock = Lock(
        name=name,
        tools=work.tools or (before.lock.tools if before.lock else {}),
        bases=tuple(work.bases[key] for key in sorted(work.bases)),
        images=tuple(work.images),
    )
    work.artifacts.append(Artifact(project.lock, dump_lock(lock, f"# {_banner(project)}")))
    warnings = tuple(dict.fromkeys(map(spec.document.placed, work.warnings)))
    return Locked(
        resolved=work.resolved,
        contents=work.contents,
        artifacts=tuple(work.artifacts),
        changes=tuple(work.changes),
        warnings=warnings,
    )


def outlined(spec: Spec, folder: Path) -> Locked:
    """Return what can be told of a lock that is yet to be made: the bases by tag, and what is required by name.

    It writes nothing and asks nobody. Raises SpecError where the requirements or a base cannot be right.
    """
    work = _Work(spec, folder, Wish(unpinned=True), Before(None), lambda _: None)
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
            layers=(layer.name,) if len(from_git) < len(requirements.requirements) else (),
            has_vcs=bool(from_git),
            uses_ssh=any("git+ssh://" in r.text for r in from_git),
            builds_sources=bool(from_git),
        )
    if problems:
        raise SpecError(*dict.fromkeys(problems))
    return Locked(resolved=work.resolved, contents=work.contents, artifacts=())


def _default_name(folder: Path, project: Files) -> str:
    """Return the folder's name; behind it the spec's own, where that is not mlspec.yaml and others may stand beside."""
    name = f"{disk.name_of(folder)} {project.project_prefix}"
    return syntax.slug(name)


def _banner(files: Files) -> str:
    return f"{disk.MARK}{files.spec}; edit that file, then run: mlspec lock"


def _before(spec: Spec, folder: Path, project: Files, *, mends: bool) -> Before:
    """Return what the last lock left; one that is damaged counts as none where the caller mends it."""
    text = disk.text_of(folder / project.lock)
    texts = {}
    for image in spec.images:
        files = files_of(spec.document.file, image.key)
        for name in (files.requirements_lock, files.vcs_lock):
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


def _lock_image(work: _Work, image: Image, name: str) -> None:
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
        current = _requirements_lock(work, image, files, base, requirements)
    work.contents[image.key] = Contents(base, requirements, current)
    work.resolved[image.key] = Resolved(
        project=name,
        base=f"{base.reference}@{base.digest}" if base.digest else base.reference,
        is_official=is_official,
        codename=base.codename,
        install_base=f"{base.reference}@{base.install_digest}" if base.install_digest else None,
        layers=tuple(layer.name for layer in current.layers),
        index_urls=locking.serving(_indexes(image), current.pins),
        has_vcs=bool(current.vcs),
        uses_ssh=any("git+ssh://" in pin.requirement for pin in current.vcs),
        builds_sources=bool(current.vcs) or any(pin.is_source for pin in current.pins),
        cuda=locking.cuda_of(current.pins),
    )


def _inputs(work: _Work, image: Image) -> tuple[Requirements, BaseLock, bool]:
    """Return the requirements, the base and whether that is official; raises with the problems of both."""
    problems: list[Problem] = []
    requirements = Requirements()
    try:
        requirements = _requirements(work, image)
    except SpecError as error:
        problems += error.problems
    try:
        base, is_official = _base(work, image)
    except MlspecError as error:
        raise type(error)(*problems, *error.problems) from None
    if problems:
        raise SpecError(*problems)
    return requirements, base, is_official


# The base image


def _base(work: _Work, image: Image) -> tuple[BaseLock, bool]:
    settings = image.settings
    choice = catalog.base_reference(settings.python, settings.base)
    if isinstance(choice, catalog.BaseRefusal):
        raise SpecError(
            Problem(code="MLS105", message=choice.message, hint=choice.hint, path=image.origin("base")),
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


def _asked(work: _Work, image: Image, choice: catalog.BaseChoice) -> BaseLock:
    """Return the base as its registry answers now, or by the tag alone where the caller accepts that."""
    from mlspec.effects import registry

    if work.wish.locked:
        raise SpecError(_not_current(work, f"the digest of {choice.reference} is not in it"))
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


def _install_digest(work: _Work, base: BaseLock, platform: str) -> str:
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


def _unpinned(work: _Work, image: Image, choice: catalog.BaseChoice) -> BaseLock:
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


def _glibc(work: _Work, image: Image, choice: catalog.BaseChoice) -> str:
    # The oldest C library of the distributions still supported: wheels for it run on all of them.
    oldest = "2.31"
    _guess(work, image, f"{choice.reference} does not say which Linux it is", f"glibc {oldest}")
    return oldest


def _guess(work: _Work, image: Image, message: str, guess: str) -> None:
    work.warnings.append(
        Problem(
            code="MLS332",
            message=f"{message}; {guess} is assumed",
            path=image.origin("base" if image.settings.base else "python"),
            severity="warning",
        )
    )


# The requirements


def _requirements(work: _Work, image: Image) -> Requirements:
    items = enumerate(image.settings.requirements)
    entries = [Entry(text, image.origin("requirements", index)) for index, text in items]
    return collect(entries, disk.reader(work.folder), work.spec.document.file)


def _indexes(image: Image) -> tuple[Index, ...]:
    """Return the indexes of an image: those of the spec, then the one its accelerator implies for torch's family."""
    named = tuple(Index(url=index.url, packages=index.packages) for index in image.settings.indexes)
    label = catalog.torch_label(image.settings.accelerator)
    if label is None:
        return named
    return (*named, Index(url=catalog.torch_index(label).url, packages=catalog.torch_packages()))


def _with_logins(work: _Work, image: Image, indexes: tuple[Index, ...]) -> tuple[Index, ...]:
    from mlspec.effects.logins import login

    settings = image.settings
    entered = list(indexes)
    for number, index in enumerate(settings.indexes):
        if index.secret:
            try:
                user, password = login(index.url, index.secret, settings.secrets[index.secret], work.folder)
            except SpecError as error:
                path = image.origin("indexes", number, "secret")
                raise SpecError(*(dataclasses.replace(problem, path=path) for problem in error.problems)) from None
            entered[number] = dataclasses.replace(indexes[number], username=user, password=password)
    return tuple(entered)


def _requirements_lock(
    work: _Work, image: Image, files: Files, base: BaseLock, requirements: Requirements
) -> RequirementsLock:
    platform = image.settings.platforms[0]
    target = Target(python=_whole_version(base.python), platform=platform, glibc=base.glibc)
    indexes = _indexes(image)
    # The accelerator stands for the index it implies, so that a new table of those does not void every lock.
    named = (*indexes[: len(image.settings.indexes)], Index(url=f"accelerator:{image.settings.accelerator}"))
    inputs = locking.inputs_digest(target, requirements, named)
    known = work.before.image(image.key)
    texts = [work.before.texts[name] for name in (files.requirements_lock, files.vcs_lock) if name in work.before.texts]
    is_wanted = not (work.wish.upgrade or work.wish.upgrade_packages)
    if known and known.inputs == inputs and texts and is_wanted:
        if known.body == locking.body_digest(*texts):
            return _kept(work, image, files, known)
        # A lock of git dependencies that is left over from earlier requirements is none of this lock's.
        if known.body == locking.body_digest(*texts[:1]):
            work.before.texts.pop(files.vcs_lock, None)
            return _kept(work, image, files, known)
        if not work.wish.mend:
            # Both sides of a merge are told as such, by the reader of locks.
            _parsed(work, files)
            raise SpecError(_edited(work, files))
    if work.wish.locked:
        raise SpecError(_not_current(work, _why_not(known, files, texts)))
    return _compiled(work, image, files, target, requirements, indexes, inputs)


def _why_not(known: ImageLock | None, files: Files, texts: list[str]) -> str:
    if not known:
        return "it does not know this image"
    return "the requirements, the base or the platform changed" if texts else f"{files.requirements_lock} is missing"


def _whole_version(python: str) -> str:
    return python if python.count(".") == 2 else f"{python}.0"


def _kept(work: _Work, image: Image, files: Files, known: ImageLock) -> RequirementsLock:
    current = _parsed(work, files)
    if not layering.is_as_wanted(current.layers, image.settings.layers):
        return _regrouped(work, image, files, known, current)
    work.images.append(known)
    texts = work.before.texts
    for name in (files.requirements_lock, files.vcs_lock):
        if name in texts:
            # A checkout with the line ends of Windows is put right again: in an image they would be part of names.
            work.artifacts.append(Artifact(name, texts[name].replace("\r\n", "\n")))
    return current


def _regrouped(work: _Work, image: Image, files: Files, known: ImageLock, former: RequirementsLock) -> RequirementsLock:
    """Return the same pins in the layers that the spec asks for now: nothing is resolved, so no network is used."""
    if work.wish.locked:
        raise SpecError(_not_current(work, "its layers are not those of the spec"))
    current = RequirementsLock(layering.grouped(former.pins, former, image.settings.layers), former.vcs)
    texts = _texts(files, current)
    work.artifacts += [Artifact(name, text) for name, text in texts.items()]
    work.images.append(dataclasses.replace(known, body=locking.body_digest(*texts.values())))
    return current


def _parsed(work: _Work, files: Files) -> RequirementsLock:
    texts = work.before.texts
    locked_, vcs = texts.get(files.requirements_lock), texts.get(files.vcs_lock)
    place = work.folder
    layers = parse_requirements(locked_, (place / files.requirements_lock).as_posix()).layers if locked_ else ()
    return RequirementsLock(layers, parse_vcs(vcs, (place / files.vcs_lock).as_posix()) if vcs else ())


def _compiled(
    work: _Work,
    image: Image,
    files: Files,
    target: Target,
    requirements: Requirements,
    indexes: tuple[Index, ...],
    inputs: str,
) -> RequirementsLock:
    from mlspec.effects.locker import compile_requirements

    previous = _previous(work, image, files)
    label = f"{image.key}: " if image.key else ""
    work.say(f"{label}locking the requirements for Python {target.python} on {target.platform}")
    compiled = compile_requirements(
        requirements,
        target,
        _with_logins(work, image, indexes),
        previous=previous,
        upgrade=work.wish.upgrade,
        upgrade_packages=_own_upgrades(work, requirements, previous),
    )
    found = locking.promise_problems(requirements, compiled.pins, accelerator=image.settings.accelerator)
    if errors := [problem for problem in found if problem.severity == "error"]:
        raise SpecError(*errors)
    work.warnings += [problem for problem in found if problem.severity == "warning"]
    current = RequirementsLock(layering.grouped(compiled.pins, previous, image.settings.layers), compiled.vcs)
    texts = _texts(files, current)
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
        )
    )
    return current


def _own_upgrades(work: _Work, requirements: Requirements, previous: RequirementsLock | None) -> tuple[str, ...]:
    """Return the packages to upgrade that this image has; where one image is all there is, none is left out."""
    if len(work.spec.images) == 1:
        return work.wish.upgrade_packages
    known = {pin.name for pin in (*previous.pins, *previous.vcs)} if previous else set()
    known |= {requirement.name for requirement in requirements.requirements}
    mine = tuple(name for name in work.wish.upgrade_packages if canonicalize_name(name) in known)
    work.upgraded.update(mine)
    return mine


def _previous(work: _Work, image: Image, files: Files) -> RequirementsLock | None:
    """Return the old pins where they were made for the same base and platform: for another, they mean nothing."""
    if work.before.lock:
        known = work.before.image(image.key)
        choice = catalog.base_reference(image.settings.python, image.settings.base)
        same_base = isinstance(choice, catalog.BaseChoice) and work.before.base(choice)
        if not known or not same_base or known.platform != image.settings.platforms[0]:
            return None
        texts = [
            work.before.texts[name] for name in (files.requirements_lock, files.vcs_lock) if name in work.before.texts
        ]
        is_whole = known.body in {locking.body_digest(*texts), locking.body_digest(*texts[:1])}
        if texts and not is_whole and not work.wish.mend:
            _parsed(work, files)
            raise SpecError(_edited(work, files))
    if work.wish.mend:
        for name in (files.requirements_lock, files.vcs_lock):
            if name in work.before.texts:
                work.before.texts[name] = first_side(work.before.texts[name])
    try:
        return _parsed(work, files)
    except SpecError:
        # Damaged beyond a merge: what is locked anew is then told as new.
        return None


def _texts(files: Files, current: RequirementsLock) -> dict[str, str]:
    header = f"# {_banner(files)}"
    texts = {files.requirements_lock: dump_requirements(current, header=header)} if current.layers else {}
    if current.vcs:
        texts[files.vcs_lock] = dump_vcs(current, header=header)
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


def _not_current(work: _Work, why: str) -> Problem:
    name = (work.folder / files_of(work.spec.document.file, "").lock).as_posix()
    message = f"{name} was not made for this spec: {why}" if work.before.lock else f"there is no {name}"
    return Problem(code="MLS404", message=message, hint="make it anew: mlspec lock").at(name, None)


def _edited(work: _Work, files: Files) -> Problem:
    name = (work.folder / files.requirements_lock).as_posix()
    return Problem(
        code="MLS405",
        message=f"{name} was edited by hand, and is no longer what was resolved and hashed",
        hint="change the requirements instead, then make it anew: mlspec lock",
    ).at(name, None)
