"""Show a build: its steps as rows, as plain lines, as lines of a screen, and as facts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from mlspec.build.steps import Step, step_of
from mlspec.build.stream import BuildState, Transfer, Vertex
from mlspec.errors import KeyPath
from mlspec.text import format_size

State = Literal["waiting", "running", "done", "cached", "failed", "canceled"]

ENDED: frozenset[State] = frozenset({"done", "cached", "failed", "canceled"})


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRow:
    """One step and how it stands: seconds worked on it, bytes it moved and of how many (0 where unknown)."""

    step: Step
    state: State
    seconds: float = 0.0
    moved: int = 0
    total: int = 0
    output: tuple[str, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFacts:
    """What is known of a step that was built: its key in the spec, and what it took in seconds and bytes."""

    label: str
    path: KeyPath
    cached: bool
    seconds: float
    moved: int
    is_minor: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildFacts:
    """What is known of a finished build; ``seconds`` is from its first step to the end of its last one."""

    image: str
    image_id: str
    seconds: float
    steps: tuple[StepFacts, ...]
    warnings: tuple[str, ...] = ()


def rows(build: BuildState, steps: Sequence[Step], now: float) -> tuple[StepRow, ...]:
    """Return a row for each step that BuildKit told of, in the order they began, those that did not at the end.

    ``now`` is in seconds since 1970 by the engine's clock.
    """
    found: dict[Step, list[Vertex]] = {}
    for vertex in build.vertexes.values():
        if vertex.name:
            found.setdefault(step_of(vertex.name, steps), []).append(vertex)
    made = [(_began(group), _row(step, group, now)) for step, group in found.items()]
    return tuple(row for _, row in sorted(made, key=lambda pair: pair[0]))


def states(before: Mapping[Step, State], now: Iterable[StepRow]) -> dict[Step, State]:
    """Return the state of each step to show: a step that ended stays ended, even if BuildKit looks at it again."""
    return {row.step: known if (known := before.get(row.step)) in ENDED and known else row.state for row in now}


def label_of(vertex: str, steps: Sequence[Step]) -> str:
    """Return what the step of a vertex of this name is called."""
    return step_of(vertex, steps).label


def _began(group: Iterable[Vertex]) -> float:
    return min((vertex.started for vertex in group if vertex.started is not None), default=float("inf"))


def _row(step: Step, group: Sequence[Vertex], now: float) -> StepRow:
    transfers = [transfer for vertex in group for transfer in vertex.transfers.values() if _is_bytes(transfer)]
    return StepRow(
        step=step,
        state=_state(step, group),
        seconds=sum(vertex.seconds(now) for vertex in group),
        moved=sum(transfer.current for transfer in transfers),
        total=sum(transfer.total for transfer in transfers),
        output=tuple(line for vertex in group for line in vertex.output),
        error=next((vertex.error for vertex in group if vertex.error), ""),
    )


def _is_bytes(transfer: Transfer) -> bool:
    # What is unpacked was counted when it came: "extracting sha256:..." repeats the bytes of "sha256:...".
    return transfer.id.startswith(("transferring ", "sha256:")) or (
        transfer.total > 0 and not transfer.id.startswith("extracting ")
    )


def _state(step: Step, group: Sequence[Vertex]) -> State:
    errors = [vertex.error for vertex in group if vertex.error]
    if errors:
        return "canceled" if all("context canceled" in error for error in errors) else "failed"
    if any(vertex.started is not None and vertex.completed is None for vertex in group):
        return "running"
    if step.is_reading and not any(vertex.transfers for vertex in group):
        # It is told to be complete once before anything was read.
        return "running"
    # COPY --link is two vertexes, of which the weak one is needed only where the other is not cached.
    strong = [vertex for vertex in group if not vertex.is_weak] or list(group)
    if any(vertex.completed is None for vertex in strong):
        return "waiting"
    return "cached" if all(vertex.cached for vertex in strong) else "done"


def facts(build: BuildState, steps: Sequence[Step], image: str) -> BuildFacts:
    """Return what is known of a finished build of ``image``."""
    return BuildFacts(
        image=image,
        image_id=build.image_id,
        seconds=build.latest - build.began,
        steps=tuple(
            StepFacts(
                label=row.step.label,
                path=row.step.path,
                cached=row.state == "cached",
                seconds=row.seconds,
                moved=row.moved,
                is_minor=row.step.is_minor,
            )
            for row in rows(build, steps, build.latest)
            if row.state in ENDED
        ),
        warnings=build.warnings,
    )


def format_seconds(seconds: float) -> str:
    """Return a length of time as people read it: ``3.4 s``, ``2 min 05 s``, ``1 h 02 min``."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def summary(known: BuildFacts) -> str:
    """Return the last line of a build: how many steps, how long, how many bytes."""
    shown = [step for step in known.steps if not step.is_minor]
    cached, count = sum(step.cached for step in shown), len(shown)
    moved = sum(step.moved for step in known.steps)
    parts = [f"{count} step{'' if count == 1 else 's'} in {format_seconds(known.seconds)}"]
    parts += [f"{cached} cached"] if cached else []
    parts += [f"{format_size(moved)} transferred"] if moved else []
    return ", ".join(parts)


# Where there is no terminal


def new_lines(before: Mapping[Step, State], now: Iterable[StepRow]) -> Iterator[str]:
    """Yield a line for each step that began or ended since it was in the state of ``before``."""
    for row in now:
        known = before.get(row.step, "waiting")
        if row.step.is_minor and row.state != "failed":
            continue
        if known == "waiting" and row.state in {"running", "done", "failed", "canceled"}:
            yield f"{'started':8} {row.step.label}"
        if known not in ENDED and row.state in ENDED:
            yield f"{row.state:8} {row.step.label}{_format_measure(row)}"


def _format_measure(row: StepRow) -> str:
    parts = [] if row.state == "cached" else [format_seconds(row.seconds)]
    parts += [format_size(row.moved)] if row.moved else []
    return f" ({', '.join(parts)})" if parts else ""


# On a terminal


@dataclass(frozen=True, slots=True)
class ScreenLine:
    """One line of a screen: a mark, what it is about, and how it stands; each is drawn in the style of the state."""

    state: State
    label: str
    measure: str
    detail: str = ""


def ended_lines(before: Mapping[Step, State], now: Iterable[StepRow]) -> tuple[ScreenLine, ...]:
    """Return a line for each step worth one that ended since ``before``: those that were cached are only counted."""
    return tuple(
        ScreenLine(row.state, row.step.label, _format_measure(row)[2:-1])
        for row in now
        if not row.step.is_minor
        and row.state in ENDED - {"cached", "canceled"}
        and before.get(row.step, "waiting") not in ENDED
    )


def running_lines(now: Iterable[StepRow], most: int) -> tuple[ScreenLine, ...]:
    """Return a line for each step at work, the newest last and at most ``most``, each with the last thing it said."""
    running = [row for row in now if row.state == "running"]
    lines = tuple(
        ScreenLine(row.state, row.step.label, _running_measure(row), row.output[-1] if row.output else "")
        for row in running
    )
    hidden = len(lines) - most
    if hidden <= 0:
        return lines
    return (*lines[-(most - 1) :], ScreenLine("waiting", f"and {hidden + 1} more", "")) if most > 1 else lines[-most:]


def _running_measure(row: StepRow) -> str:
    size = f"{format_size(row.moved)}{f' of {format_size(row.total)}' if row.total > row.moved else ''}"
    return f"{format_seconds(row.seconds)}{f', {size}' if row.moved else ''}"


def format_progress(now: Sequence[StepRow]) -> str:
    """Return how far a build is: steps ended, of how many that are known, and how many were cached."""
    shown = [row for row in now if not row.step.is_minor]
    ended = sum(row.state in ENDED for row in shown)
    cached = sum(row.state == "cached" for row in shown)
    return f"{ended} of {len(shown)} steps{f', {cached} cached' if cached else ''}"
