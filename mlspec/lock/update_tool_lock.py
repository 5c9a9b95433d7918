"""Lock the packages of an image with another tool's lock: keep its pins, and ask an index for the rest."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from packaging.requirements import Requirement as Pep508
from packaging.utils import canonicalize_name

from mlspec.errors import LockError, MlspecError, Problem, SpecError
from mlspec.lock.pins import Pin, RequirementsLock
from mlspec.lock.requirements.requirement_types import Requirement, Requirements, ToolLock
from mlspec.lock.task import PlatformTask
from mlspec.lock.world import Compiled, CompileRequest


def compile_tool_lock(task: PlatformTask, lock: ToolLock, previous: RequirementsLock | None) -> Compiled:
    """Return the pins of a lock for the platform of a task, with those of the requirements beside it.

    mlspec asks an index for the parts that the lock lacks: other packages, build dependencies of sources, and sizes.
    Raises SpecError if a requirement contradicts the lock, LockError if no release fits or an index does not answer.
    """
    _check_upgrade(task, lock)
    pins = {pin.name: pin for pin in lock.pins(task.target, task.without_extras.built_from_source)}
    if problems := [*_find_contradictions(task.without_extras, pins, lock)]:
        raise SpecError(*problems)
    compiled = Compiled(pins=(), tools={})
    if rest := _request_rest(task, pins, previous):
        compiled = _ask_index(task, rest)
    else:
        pins = _add_sizes(task, lock, pins)
    return _join(pins, compiled)


def _check_upgrade(task: PlatformTask, lock: ToolLock) -> None:
    """Report the command that moves the pins of a lock; raise SpecError if the options upgrade one of these pins."""
    options = task.update.options
    if options.upgrade:
        task.update.world.say(f"{lock.path} has the pins; to move them: {lock.tell_upgrade()}")
    names = {pin.name for pin in lock.pins(task.target, task.without_extras.built_from_source)}
    for name in map(canonicalize_name, options.upgrade_packages):
        if name in names:
            message = f"the pin of {name} is that of {lock.path}"
            raise SpecError(Problem(code="MLS274", message=message, hint=f"move it there: {lock.tell_upgrade(name)}"))


def _find_contradictions(requirements: Requirements, pins: Mapping[str, Pin], lock: ToolLock) -> Iterator[Problem]:
    """Yield a problem for each requirement and constraint beside a lock that the lock's pin does not fit."""
    for requirement in (*requirements.without_tool_lock, *requirements.constraints):
        pin = pins.get(requirement.name)
        if not pin:
            continue
        if requirement.kind != "index":
            message = f"{requirement.name} comes from an address here, and {lock.path} has {pin.version} of it"
            yield requirement.problem("MLS274", message, "name one of them")
        elif not Pep508(requirement.text).specifier.contains(pin.version, prereleases=True):
            message = f"{lock.path} has {requirement.name} {pin.version}, which {requirement.text} excludes"
            hint = f"remove this line, or require it in the project, then: {lock.tell_upgrade(requirement.name)}"
            yield requirement.problem("MLS274", message, hint)


# The parts that the lock lacks


@dataclass(frozen=True, slots=True)
class _Rest:
    """The request to an index for the parts that a lock lacks, and whether the image needs an answer."""

    request: CompileRequest
    is_needed: bool
    names: str


def _request_rest(task: PlatformTask, pins: Mapping[str, Pin], previous: RequirementsLock | None) -> _Rest | None:
    """Return the request for packages that the lock lacks and for its sources; None if there are neither."""
    written = task.without_extras
    more = [r for r in written.without_tool_lock if r.name not in pins or Pep508(r.text).extras or r.kind != "index"]
    sources = [require_pin(pin) for pin in pins.values() if pin.is_source]
    if not more and not sources:
        return None
    bounds = [require_pin(pin) for pin in pins.values() if " @ " not in pin.requirement and not pin.is_source]
    own = dataclasses.replace(
        written,
        requirements=(*more, *sources),
        constraints=(*written.constraints, *(dataclasses.replace(r, hashes=()) for r in bounds)),
        options=(*written.options, *(f"--no-binary {r.name}" for r in sources if r.kind == "index")),
        tool_lock=None,
    )
    request = dataclasses.replace(task.request(previous), requirements=own, upgrade_packages=())
    request = exempt_from_cooldown(request, pins)  # the pins of the lock are of any age
    return _Rest(request, is_needed=bool(more), names=", ".join(r.name for r in sources))


def exempt_from_cooldown(request: CompileRequest, names: Iterable[str]) -> CompileRequest:
    """Return a request that takes releases of these packages at any age."""
    if not request.cooldown:
        return request
    exclude = (*request.cooldown.exclude, *names)
    return dataclasses.replace(request, cooldown=request.cooldown.model_copy(update={"exclude": exclude}))


def require_pin(pin: Pin) -> Requirement:
    """Return the requirement of exactly one pin."""
    kind = "vcs" if " @ git+" in pin.requirement else "url" if " @ " in pin.requirement else "index"
    hashes = pin.hashes if kind == "index" else ()
    return Requirement(text=pin.requirement, name=pin.name, kind=kind, hashes=hashes)  # type: ignore[arg-type]


def _ask_index(task: PlatformTask, rest: _Rest) -> Compiled:
    try:
        return task.update.world.compile_requirements(rest.request)
    except LockError as error:
        if rest.is_needed:
            raise
        problem = error.problems[0]
        message = f"the build dependencies of {rest.names} are not locked: {problem.message}"
        hint = "their builds take what the index has on that day; lock again where the index answers, or go on without"
        task.update.warnings.append(
            dataclasses.replace(problem, code="MLS261", message=message, hint=hint, severity="warning")
        )
        return Compiled(pins=(), tools={})


def _add_sizes(task: PlatformTask, lock: ToolLock, pins: dict[str, Pin]) -> dict[str, Pin]:
    """Return pins with the sizes of their files, from the index if the lock has none and the index answers."""
    if lock.has_sizes or not pins:
        return pins
    asked = tuple(r for r in map(require_pin, pins.values()) if r.is_pinned)
    own = Requirements(requirements=asked)
    try:
        request = dataclasses.replace(
            task.request(None), requirements=own, upgrade=False, upgrade_packages=(), cooldown=None
        )
        sizes = task.update.world.compile_requirements(request).sizes
    except MlspecError as error:
        # Sizes decide on layers alone: without them the contents of the image are the same.
        reason = error.problems[0].message
        task.update.world.say(f"{lock.path} has no sizes, so its packages share layers: {reason}")
        return pins
    return {name: dataclasses.replace(pin, size=pin.size or sizes.get(name)) for name, pin in pins.items()}


def _join(pins: Mapping[str, Pin], compiled: Compiled) -> Compiled:
    """Return the pins of a lock and those compiled beside it; for a package in both, the lock's file counts."""
    found = {pin.name: pin for pin in (*compiled.pins, *compiled.vcs)}
    joined = dict(found)
    for name, pin in pins.items():
        other = found.get(name)
        via = tuple(sorted({*pin.via, *(other.via if other else ())}))
        languages = other.languages if other and pin.is_source else pin.languages
        joined[name] = dataclasses.replace(pin, via=via, languages=languages, loads=other.loads if other else pin.loads)
    everything = [pin for _, pin in sorted(joined.items())]
    return dataclasses.replace(
        compiled,
        pins=tuple(pin for pin in everything if " @ git+" not in pin.requirement),
        vcs=tuple(pin for pin in everything if " @ git+" in pin.requirement),
        held_back=tuple(row for row in compiled.held_back if row.name not in pins),
    )
