"""Lock the packages of an image on one platform: keep them if nothing changed, else compile them again."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

from mlspec.errors import LockError, Problem, SpecError
from mlspec.lock.digests import body_digest
from mlspec.lock.layers import group_pins, is_as_wanted
from mlspec.lock.local_names import find_name_conflicts
from mlspec.lock.mlspec_lock import ImageLock
from mlspec.lock.package_locks import check_unedited, dump_locks, has_locks, is_unedited, parse_locks, previous_pins
from mlspec.lock.pins import Layer, Pin, RequirementsLock
from mlspec.lock.platforms import prefer_pins
from mlspec.lock.promises import check_logins, check_promises, find_requirement
from mlspec.lock.requirements.requirement_types import Requirements
from mlspec.lock.task import PlatformTask
from mlspec.lock.update_base import check_platform
from mlspec.lock.update_builds import lock_builds, regroup_builds
from mlspec.lock.update_tool_lock import compile_tool_lock
from mlspec.lock.world import UNFIT, Compiled, CompileRequest
from mlspec.spec.files import Artifact


def lock_packages(task: PlatformTask, model: RequirementsLock | None = None) -> RequirementsLock:
    """Return the packages of an image on a platform; raises SpecError, LockError or ToolError.

    ``model`` is the lock of another platform, whose versions are preferred where they fit.
    """
    options, known = task.update.options, task.previous_entry
    is_upgrade = bool(options.upgrade or options.upgrade_packages)
    if known and known.inputs == task.inputs and has_locks(task) and not is_upgrade:
        if is_unedited(task, known):
            return _keep(task, known)
        if not options.mend:
            check_unedited(task, known)
    if options.locked:
        raise SpecError(task.update.not_current(_why_not_current(task)))
    check_platform(task.update, task.image, task.base, task.platform)
    return _compile(task, model)


def _why_not_current(task: PlatformTask) -> str:
    if not task.update.previous.images(task.image.key):
        return "it does not know this image"
    if has_locks(task):
        return "the requirements, the base or the platform changed"
    return f"{task.files.requirements_lock} is missing"


def _keep(task: PlatformTask, known: ImageLock) -> RequirementsLock:
    update, current = task.update, parse_locks(task)
    if not is_as_wanted(current.layers, task.image.settings.layers, task.indexes):
        return _regroup(task, known, current)
    update.images.append(known)
    texts = update.previous.texts
    # Write the locks again with LF: in a checkout with the line ends of Windows, CR would become part of names.
    update.artifacts += [Artifact(name, texts[name]) for name in task.files.package_locks if name in texts]
    return current


def _regroup(task: PlatformTask, known: ImageLock, former: RequirementsLock) -> RequirementsLock:
    """Return the same pins in the layers that the spec asks for now; this resolves nothing and needs no network."""
    update = task.update
    if update.options.locked:
        raise SpecError(update.not_current("its layers are not those of the spec"))
    layers = _group(task, former.pins, former)
    current = RequirementsLock(layers, former.vcs, regroup_builds(former, layers))
    texts = dump_locks(task, current)
    update.artifacts += [Artifact(name, text) for name, text in texts.items()]
    update.images.append(dataclasses.replace(known, body=body_digest(*texts.values())))
    return current


def _group(task: PlatformTask, pins: Iterable[Pin], previous: RequirementsLock | None) -> tuple[Layer, ...]:
    # Images of one spec, and locks of several platforms, share their common layers.
    is_alone = len(task.update.spec.images) == 1 and len(task.image.settings.platforms) <= 1
    return group_pins(pins, previous, task.image.settings.layers, task.indexes, may_be_light=is_alone)


def _compile(task: PlatformTask, model: RequirementsLock | None) -> RequirementsLock:
    """Return the packages as pip compiles them now."""
    update, previous = task.update, previous_pins(task)
    update.world.say(f"{task.label}locking the requirements for Python {task.target.python} on {task.platform}")
    if lock := task.without_extras.tool_lock:
        compiled = compile_tool_lock(task, lock, previous)
    elif not task.without_extras.requirements:
        # A package in a folder of the project may have no dependencies.
        compiled = Compiled(pins=(), tools={})
    else:
        request = task.request(previous)
        compiled = task.extras.compile(lambda requirements: _ask_pip(task, request, requirements, model))
    update.warnings += _foreign_metadata_warnings(compiled, task.without_extras)
    _check_promises(task, compiled)
    layers = _group(task, compiled.pins, previous or model)
    current = lock_builds(task, previous, compiled, RequirementsLock(layers, compiled.vcs))
    _record(task, current, compiled)
    update.changes += [f"{task.label}{change}" for change in list_changes(previous, current)]
    return current


def _ask_pip(
    task: PlatformTask, request: CompileRequest, requirements: Requirements, model: RequirementsLock | None
) -> Compiled:
    compile_, own = task.update.world.compile_requirements, dataclasses.replace(request, requirements=requirements)
    if model is not None:
        pins = prefer_pins(model, None if own.upgrade else own.previous)
        try:
            return compile_(dataclasses.replace(own, previous=pins, upgrade=False))
        except LockError as error:
            # The versions of the other platform may be the reason that no release fits.
            if not UNFIT & {problem.code for problem in error.problems}:
                raise
    return compile_(own)


def _check_promises(task: PlatformTask, compiled: Compiled) -> None:
    """Warn of pins that look wrong for the spec; raise SpecError if pins break its promise."""
    requirements, pins = task.without_extras, (*compiled.pins, *compiled.vcs)
    problems = (
        *check_promises(requirements, compiled.pins, accelerator=task.image.settings.accelerator),
        *find_name_conflicts(requirements, pins),
    )
    if errors := [problem for problem in problems if problem.severity == "error"]:
        raise SpecError(*errors)
    task.update.warnings += problems


def _record(task: PlatformTask, current: RequirementsLock, compiled: Compiled) -> None:
    """Add the new locks to the update; raise SpecError if one of them contains a login."""
    update, texts = task.update, dump_locks(task, current)
    for note in task.extras.notes(current):
        update.world.say(f"{task.label}{note}")
    for row in compiled.held_back:
        if row.is_young:
            update.world.say(f"{task.label}{row}")
    for program, package in compiled.programs.items():
        origin = f"comes with {package}" if package else "no locked package provides it"
        update.world.say(f"{task.label}{program}: {origin}")
    if leaks := [problem for name, text in texts.items() for problem in check_logins(text, name)]:
        raise SpecError(*leaks)
    update.artifacts += [Artifact(name, text) for name, text in texts.items()]
    update.tools |= compiled.tools
    update.images.append(
        ImageLock(
            name=task.image.key,
            platform=task.platform,
            inputs=task.inputs,
            body=body_digest(*texts.values()),
            uploaded_before=compiled.uploaded_before,
            held_back=tuple(sorted(map(str, compiled.held_back))),
            sources=tuple(pin.name for pin in current.pins if pin.is_source),
            programs=compiled.programs,
            wheels={wheel.path: wheel.sha256 for wheel in task.without_extras.wheels},
        )
    )


def list_changes(previous: RequirementsLock | None, current: RequirementsLock) -> Iterable[str]:
    """Yield a line for each package that is new, gone, or at another version."""
    old = {pin.name: pin.version for pin in (*previous.pins, *previous.vcs)} if previous else {}
    new = {pin.name: pin.version for pin in (*current.pins, *current.vcs)}
    for name in sorted(old.keys() | new.keys()):
        if name not in old:
            yield f"+ {name} {new[name]}"
        elif name not in new:
            yield f"- {name} {old[name]}"
        elif old[name] != new[name]:
            yield f"  {name} {old[name]} -> {new[name]}"


def _foreign_metadata_warnings(compiled: Compiled, requirements: Requirements) -> Iterator[Problem]:
    """Yield a warning for each locked source whose metadata does not come from the image's own Python."""
    by_name = {pin.name: pin for pin in (*compiled.pins, *compiled.vcs)}
    for made in compiled.foreign:
        if made.name not in by_name or made.version not in {"", by_name[made.name].version}:
            continue
        shown = f"{made.name} {by_name[made.name].version}"
        message = f"the requirements of {shown} come from its build on {made.place}, not in the image: {made.why}"
        hint = "they may differ in the image; start an engine and lock it again: "
        hint += f"mlspec lock -P {made.name}; or state them below dependency_metadata"
        found = requirements.problem("MLS262", message, hint, find_requirement(made.name, by_name, requirements))
        yield dataclasses.replace(found, severity="warning")
