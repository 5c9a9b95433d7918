"""Lock the packages for developers: in versions that fit the packages of the image, and without changing those."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence

from mlspec.errors import LockError, Problem, SpecError
from mlspec.lock.damage import first_side
from mlspec.lock.digests import body_digest
from mlspec.lock.extras import ExtrasChoice
from mlspec.lock.image_requirements import read_dev_requirements
from mlspec.lock.local_names import find_name_conflicts
from mlspec.lock.mlspec_lock import BaseLock
from mlspec.lock.pins import Layer, Pin, RequirementsLock
from mlspec.lock.promises import check_logins, check_promises, find_requirement
from mlspec.lock.requirements.requirement_types import Requirements
from mlspec.lock.requirements_lock import dump_pins, parse_pins
from mlspec.lock.state import LockUpdate
from mlspec.lock.task import PlatformTask
from mlspec.lock.update_packages import list_changes
from mlspec.lock.update_tool_lock import compile_tool_lock, exempt_from_cooldown, require_pin
from mlspec.lock.world import Compiled
from mlspec.spec.files import Artifact
from mlspec.spec.spec import Image

_LAYER = "dev"
_NOTE = "# Packages for developers, beside those of the image: a dev container has them, the image never does."


def lock_dev_packages(
    update: LockUpdate, image: Image, base: BaseLock, requirements: Requirements, locks: Mapping[str, RequirementsLock]
) -> dict[str, RequirementsLock]:
    """Return the packages of the key ``dev`` on each platform of an image; empty without the key.

    ``locks`` are the packages of the image: their versions are constraints, and none of them is in the result. Raises
    SpecError, LockError or ToolError.
    """
    if not image.settings.dev:
        _note_digests(update, image, None)
        return {}
    written = read_dev_requirements(update.world, update.spec_file, image, requirements)
    found: dict[str, RequirementsLock] = {}
    for platform, own in locks.items():
        task = _limit_task(update, image, base, platform, written, own)
        found[platform] = _lock_platform(task, own, next(iter(found.values()), None))
    return found


def _limit_task(
    update: LockUpdate, image: Image, base: BaseLock, platform: str, written: Requirements, own: RequirementsLock
) -> PlatformTask:
    """Return the task to lock the packages beside those of ``own``: as wheels, because an image has no compiler."""
    pins = (*own.pins, *own.vcs)
    limits = (dataclasses.replace(require_pin(pin), hashes=(), place=image.at("dev")) for pin in pins)
    sources = (f"--no-binary {pin.name}" for pin in own.pins if pin.is_source)
    limited = dataclasses.replace(
        written,
        constraints=(*written.constraints, *limits),
        options=(*written.options, "--only-binary :all:", *sources),
    )
    extras = ExtrasChoice(limited, (), image.settings.accelerator, is_slim=False)
    return PlatformTask(update=update, image=image, platform=platform, base=base, extras=extras)


def _lock_platform(task: PlatformTask, own: RequirementsLock, model: RequirementsLock | None) -> RequirementsLock:
    """Return the packages on one platform: the locked ones if nothing changed, else as pip compiles them now.

    ``model`` has the packages on another platform, whose versions are preferred.
    """
    update, known, name = task.update, task.previous_entry, task.files.dev_lock
    text = update.world.read_lock(name)
    previous = _read_previous(task, text)
    is_upgrade = update.options.upgrade or task.upgrades(previous)
    if known and text is not None and known.dev_inputs == task.inputs and not is_upgrade:
        if known.dev_body == body_digest(text):
            return _record(task, previous or _group([]), text)
        if not update.options.mend:
            raise SpecError(_report_edit(update.path_of(name)))
    if update.options.locked:
        is_new = text is None or not known
        raise SpecError(update.not_current(f"{name} is missing" if is_new else "the requirements of dev changed"))
    update.world.say(f"{task.label}locking the packages for developers for {task.platform}")
    compiled = _compile(task, previous or model)
    current = _group(_pick(task, compiled, own))
    update.tools |= compiled.tools
    update.changes += [f"{task.label}{change}, for developers" for change in list_changes(previous, current)]
    header = f"# {task.files.lock_banner}\n{_NOTE}"
    return _record(task, current, dump_pins(current.pins, header=header))


def _read_previous(task: PlatformTask, text: str | None) -> RequirementsLock | None:
    if text is None:
        return None
    path, is_mended = task.update.path_of(task.files.dev_lock), task.update.options.mend
    try:
        return _group(parse_pins(first_side(text) if is_mended else text, path))
    except SpecError:
        if not is_mended:
            raise
        return None


def _group(pins: Sequence[Pin]) -> RequirementsLock:
    return RequirementsLock((Layer(_LAYER, tuple(pins)),) if pins else ())


def _report_edit(path: str) -> Problem:
    message = f"{path} was edited by hand after mlspec resolved and hashed it"
    return Problem(code="MLS405", message=message, hint="change `dev` instead, then lock again: mlspec lock").at(
        path, None
    )


def _compile(task: PlatformTask, previous: RequirementsLock | None) -> Compiled:
    if lock := task.without_extras.tool_lock:
        return compile_tool_lock(task, lock, previous)
    request = dataclasses.replace(task.request(previous), inspects_wheels=False)
    # The image may have its packages since before the cooldown was written.
    request = exempt_from_cooldown(request, (limit.name for limit in request.requirements.constraints))
    try:
        return task.update.world.compile_requirements(request)
    except LockError as error:
        raise LockError(*map(_without_builds, error.problems)) from None


def _without_builds(problem: Problem) -> Problem:
    """Return a problem without the advice to compile a package, which a dev container cannot."""
    return dataclasses.replace(problem, hint=problem.hint.partition("; or compile it: ")[0])


def _pick(task: PlatformTask, compiled: Compiled, own: RequirementsLock) -> tuple[Pin, ...]:
    """Return the compiled pins that the image does not have; raise SpecError if a dev container cannot install one."""
    names = {pin.name for pin in (*own.pins, *own.vcs)}
    pins = tuple(pin for pin in (*compiled.pins, *compiled.vcs) if pin.name not in names)
    requirements = task.without_extras
    problems = [
        *check_promises(requirements, pins, accelerator=task.image.settings.accelerator),
        *find_name_conflicts(requirements, pins),
        *_refuse_sources(requirements, pins),
    ]
    if errors := [problem for problem in problems if problem.severity == "error"]:
        raise SpecError(*errors)
    task.update.warnings += problems
    return pins


def _refuse_sources(requirements: Requirements, pins: Iterable[Pin]) -> Iterator[Problem]:
    pins = tuple(pins)
    by_name = {pin.name: pin for pin in pins}
    for pin in pins:
        if pin.is_source:
            message = f"{pin.name} would be built from source, and a dev container installs only wheels of an index"
            hint = f"take a release of {pin.name} that has a wheel, or name it in requirements"
            yield requirements.problem("MLS145", message, hint, find_requirement(pin.name, by_name, requirements))


def _record(task: PlatformTask, current: RequirementsLock, text: str) -> RequirementsLock:
    """Add a lock and its digests to the update; raise SpecError if the lock contains a login."""
    name = task.files.dev_lock
    if leaks := [*check_logins(text, name)]:
        raise SpecError(*leaks)
    task.update.artifacts.append(Artifact(name, text))
    _note_digests(task.update, task.image, task.platform, task.inputs, body_digest(text))
    return current


def _note_digests(update: LockUpdate, image: Image, platform: str | None, inputs: str = "", body: str = "") -> None:
    """Write the digests into the rows of an image: of one platform, or of all."""
    for number, row in enumerate(update.images):
        if row.name == image.key and platform in {None, row.platform}:
            update.images[number] = dataclasses.replace(row, dev_inputs=inputs, dev_body=body)
