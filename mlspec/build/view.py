"""The views of a build: its steps as rows, as plain lines, as lines of a screen, and as facts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from mlspec.build.steps import CACHE_IMPORT, Step, step_of
from mlspec.build.stream import BuildState, Transfer, Vertex
from mlspec.text import format_size

if TYPE_CHECKING:
    from mlspec.errors import KeyPath

State = Literal["waiting", "running", "done", "cached", "missing", "failed", "canceled"]

ENDED: frozenset[State] = frozenset({"done", "cached", "missing", "failed", "canceled"})


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRow:
    """One step and its state: seconds of work, bytes transferred, and total bytes (0 if unknown)."""

    step: Step
    state: State
    seconds: float = 0.0
    moved: int = 0
    total: int = 0
    output: tuple[str, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFacts:
    """The facts of a finished step: its key in the spec, its seconds, and its bytes transferred."""

    label: str
    path: KeyPath
    cached: bool
    seconds: float
    moved: int
    is_minor: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildFacts:
    """The facts of a finished build; ``seconds`` run from the start of its first step to the end of its last step."""

    image: str
    image_id: str
    seconds: float
    steps: tuple[StepFacts, ...]
    warnings: tuple[str, ...] = ()


def rows(build: BuildState, steps: Sequence[Step], now: float) -> tuple[StepRow, ...]:
    """Return a row for each step that BuildKit reported, in the order of their starts, unstarted steps last.

    ``now`` is in seconds since 1970 by the engine's clock.
    """
    found: dict[Step, list[Vertex]] = {}
    for vertex in build.vertexes.values():
        if vertex.name:
            found.setdefault(step_of(vertex.name, steps), []).append(vertex)
    groups = {step: _drop_merged(group) for step, group in found.items()}
    has_failed = any(_has_failed(vertex) for group in groups.values() for vertex in group)
    made = [
        (_began(group), _settle(_row(step, group, now), build, has_failed=has_failed)) for step, group in groups.items()
    ]
    return tuple(row for _, row in sorted(made, key=lambda pair: pair[0]))


# Simultaneous builds share their steps. If BuildKit finds that a step has the same inputs as a running one, it merges
# the two: this build's own vertex never begins or ends as canceled, and the stream continues with the other vertex of
# that name. https://github.com/moby/buildkit/blob/master/docs/dev/solver.md


def _drop_merged(group: Sequence[Vertex]) -> list[Vertex]:
    """Return the vertexes of a step without those that BuildKit merged into another one of the same name."""
    merged = [vertex for vertex in group if vertex.started is None or _is_canceled(vertex)]
    names = {vertex.name for vertex in group if vertex not in merged}
    return [vertex for vertex in group if vertex not in merged or vertex.name not in names]


def _settle(row: StepRow, build: BuildState, *, has_failed: bool) -> StepRow:
    """Return a row that is canceled only if a step failed, and that has ended if the build succeeded."""
    if row.state == "canceled" and not has_failed:
        row = replace(row, state="waiting", error="")
    if build.has_succeeded and row.state in {"waiting", "running"}:
        # BuildKit does not report a step that another build did for this one, or the end of such a step.
        row = replace(row, state="cached" if row.state == "waiting" else "done")
    return row


def _is_canceled(vertex: Vertex) -> bool:
    return "context canceled" in vertex.error


def _has_failed(vertex: Vertex) -> bool:
    return bool(vertex.error) and not _is_canceled(vertex) and not _is_missing(vertex)


def _is_missing(vertex: Vertex) -> bool:
    # Without its cache a build goes on: solver/llbsolver/bridge.go of BuildKit.
    return bool(vertex.error) and vertex.name.startswith(CACHE_IMPORT)


def states(before: Mapping[Step, State], now: Iterable[StepRow]) -> dict[Step, State]:
    """Return the state of each step to show. A step that ended stays ended, even if BuildKit starts it again."""
    return {row.step: known if (known := before.get(row.step)) in ENDED and known else row.state for row in now}


def label_of(vertex: str, steps: Sequence[Step]) -> str:
    """Return the label of the step of the vertex named ``vertex``."""
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
    # Extracted bytes were counted in the download: "extracting sha256:..." repeats the bytes of "sha256:...".
    return transfer.id.startswith(("transferring ", "sha256:")) or (
        transfer.total > 0 and not transfer.id.startswith("extracting ")
    )


def _state(step: Step, group: Sequence[Vertex]) -> State:
    if any(map(_is_missing, group)):
        return "missing"
    if any(vertex.error for vertex in group):
        return "failed" if any(map(_has_failed, group)) else "canceled"
    if any(vertex.started is not None and vertex.completed is None for vertex in group):
        return "running"
    if step.is_reading and not any(vertex.transfers for vertex in group):
        # BuildKit reports this step as complete once before it reads anything.
        return "running"
    # COPY --link has two vertexes. BuildKit needs the weak one only if the other is not cached.
    strong = [vertex for vertex in group if not vertex.is_weak] or list(group)
    if any(vertex.completed is None for vertex in strong):
        return "waiting"
    return "cached" if all(vertex.cached for vertex in strong) else "done"


def facts(build: BuildState, steps: Sequence[Step], image: str) -> BuildFacts:
    """Return the facts of a finished build of ``image``."""
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
    """Format a duration for people: ``3.4 s``, ``2 min 05 s``, ``1 h 02 min``."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def summary(known: BuildFacts) -> str:
    """Return the last line of a build: the number of steps, the time, and the bytes transferred."""
    shown = [step for step in known.steps if not step.is_minor]
    cached, count = sum(step.cached for step in shown), len(shown)
    moved = sum(step.moved for step in known.steps)
    parts = [f"{count} step{'' if count == 1 else 's'} in {format_seconds(known.seconds)}"]
    parts += [f"{cached} cached"] if cached else []
    parts += [f"{format_size(moved)} transferred"] if moved else []
    return ", ".join(parts)


# Without a terminal


def new_lines(before: Mapping[Step, State], now: Iterable[StepRow]) -> Iterator[str]:
    """Yield a line for each step that began or ended since the states ``before``."""
    for row in now:
        known = before.get(row.step, "waiting")
        if row.step.is_minor and row.state != "failed":
            continue
        if known == "waiting" and row.state in {"running", "done", "missing", "failed", "canceled"}:
            yield f"{'started':8} {row.step.label}"
        if known not in ENDED and row.state in ENDED:
            yield f"{row.state:8} {row.step.label}{_format_measure(row)}"


def _format_measure(row: StepRow) -> str:
    parts = [] if row.state == "cached" else [format_seconds(row.seconds)]
    parts += [format_size(row.moved)] if row.moved else []
    parts = [row.error.rpartition("cache importer: ")[2]] if row.state == "missing" else parts
    return f" ({', '.join(parts)})" if parts else ""


# On a terminal


@dataclass(frozen=True, slots=True)
class ScreenLine:
    """One line of the screen: a label, a measure and a detail, in the style of ``state``."""

    state: State
    label: str
    measure: str
    detail: str = ""


def ended_lines(before: Mapping[Step, State], now: Iterable[StepRow]) -> tuple[ScreenLine, ...]:
    """Return a line for each step that ended since the states ``before``, without minor, cached and canceled steps."""
    return tuple(
        ScreenLine(row.state, row.step.label, _format_measure(row)[2:-1])
        for row in now
        if not row.step.is_minor
        and row.state in ENDED - {"cached", "canceled"}
        and before.get(row.step, "waiting") not in ENDED
    )


def running_lines(now: Iterable[StepRow], most: int) -> tuple[ScreenLine, ...]:
    """Return a line for each running step, with the step's last line of output.

    Return at most ``most`` lines, the newest step last.
    """
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
    """Format the progress of a build: the number of ended steps, of known steps, and of cached steps."""
    shown = [row for row in now if not row.step.is_minor]
    ended = sum(row.state in ENDED for row in shown)
    cached = sum(row.state == "cached" for row in shown)
    return f"{ended} of {len(shown)} steps{f', {cached} cached' if cached else ''}"
