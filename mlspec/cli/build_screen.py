"""The progress of a running build: a live screen on a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

from mlspec.build import view
from mlspec.build.steps import Step
from mlspec.build.stream import BuildState
from mlspec.build.view import ScreenLine, State
from mlspec.cli.quick import is_terminal
from mlspec.cli.terminal import live_console, sanitize, tell

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

    from mlspec.host.engine.image_build import Watch
    from mlspec.host.rendered import Rendered
    from mlspec.plan.plan import Plan


@contextmanager
def watching(how: str, steps: Sequence[Step], title: str) -> Iterator[Watch]:
    """Yield a function that shows the state of a build; ``how`` is ``auto``, ``plain`` (all output) or ``quiet``."""
    if how == "quiet":
        yield lambda build, line: None
    elif how == "auto" and _is_screen():
        with _screen(steps, title) as screen:
            yield screen
    else:
        yield _Lines(steps, with_output=how == "plain")


def _is_screen() -> bool:
    return is_terminal(sys.stderr) and os.environ.get("TERM", "") not in {"dumb", "unknown"}


def fail(rendered: Rendered, plan: Plan, state: BuildState, steps: Sequence[Step]) -> NoReturn:
    """Show the end of the failed step's output, and raise ToolError with the cause."""
    from mlspec import api
    from mlspec.build import failed_step
    from mlspec.errors import ToolError
    from mlspec.host.engine import engine

    if not any(vertex.error for vertex in state.vertexes.values()):
        # No step failed: maybe the engine is not running.
        engine.require()
    failure = failed_step.find_failed_step(state, steps)
    if failure.tail and not state.is_plain:
        tell(f"{failure.step.label}:")
        tell("\n".join(f"  | {line}".rstrip() for line in failure.tail))
    raise ToolError(failed_step.problem_of(failure, api.source(rendered, plan)))


class _Lines:
    """Plain progress: a line for each start and each end of a step, without color or control characters."""

    def __init__(self, steps: Sequence[Step], *, with_output: bool) -> None:
        self._steps = steps
        self._with_output = with_output
        self._states: dict[Step, State] = {}
        self._heard: dict[str, int] = {}
        self._revision = 0

    def __call__(self, build: BuildState, line: bytes) -> None:
        if build.is_plain:
            tell(line.decode("utf-8", "replace").rstrip("\r\n"), colors=False)
            return
        if self._with_output:
            self._echo_output(build)
        if build.revision == self._revision:
            return
        rows = view.rows(build, self._steps, build.latest)
        for text in view.new_lines(self._states, rows):
            tell(text, colors=False)
        self._states = view.states(self._states, rows)
        self._revision = build.revision

    def _echo_output(self, build: BuildState) -> None:
        for vertex in build.vertexes.values():
            heard = self._heard.get(vertex.digest, 0)
            if vertex.heard > heard:
                label = view.label_of(vertex.name, self._steps)
                for text in vertex.said_since(heard):
                    tell(f"{label} | {text}", colors=False)
                self._heard[vertex.digest] = vertex.heard


@contextmanager
def _screen(steps: Sequence[Step], title: str) -> Iterator[_Screen]:
    from rich.live import Live

    console = live_console()
    screen = _Screen(console, steps, title)
    # transient removes the drawing at the end; the lines above it stay.
    with Live(
        console=console,
        get_renderable=screen.draw,
        transient=True,
        refresh_per_second=8,
        redirect_stdout=False,
        redirect_stderr=False,
    ):
        yield screen


class _Screen:
    """A live screen: lines of finished steps, and below them the running steps, redrawn several times a second."""

    def __init__(self, console: Console, steps: Sequence[Step], title: str) -> None:
        self._console = console
        self._steps = steps
        self._title = title
        self._build = BuildState()
        self._states: dict[Step, State] = {}
        self._heard_at = time.monotonic()
        # A terminal without UTF-8 would show the marks as question marks.
        self._is_plain = not (console.encoding or "").lower().startswith("utf")

    def __call__(self, build: BuildState, line: bytes) -> None:
        if build.is_plain:
            self._console.print(sanitize(line.decode("utf-8", "replace").rstrip("\r\n")))
            return
        changed = build.revision != self._build.revision
        self._build, self._heard_at = build, time.monotonic()
        if not changed:
            return
        rows = view.rows(build, self._steps, build.latest)
        for ended in view.ended_lines(self._states, rows):
            self._console.print(self._line(ended), no_wrap=True, overflow="ellipsis", crop=True)
        self._states = view.states(self._states, rows)

    def draw(self) -> RenderableType:
        """Return the running steps and the progress of the whole build; all seconds are those of the engine's clock."""
        from rich.console import Group
        from rich.text import Text

        # The engine's clock, carried on by the host's since the last message: the report counts its seconds so, too.
        now = self._build.latest + time.monotonic() - self._heard_at
        rows = view.rows(self._build, self._steps, now)
        lines = [self._line(line) for line in view.running_lines(rows, max(1, self._console.height - 4))]
        status = f"building {self._title}: {view.format_progress(rows)}, {view.format_seconds(now - self._build.began)}"
        return Group(*lines, Text(sanitize(status), no_wrap=True, overflow="ellipsis", style="bold"))

    def _line(self, line: ScreenLine) -> Text:
        """Return one line that fits the width; a long label or detail is cut, the measure never is."""
        from rich.text import Text

        room = self._console.width - 1
        measure = Text(f"  {line.measure}" if line.measure else "", no_wrap=True)
        label = Text(sanitize(line.label), no_wrap=True)
        label.truncate(max(8, room - 2 - measure.cell_len), overflow="ellipsis")
        text = Text.assemble((f"{self._mark(line.state)} ", _STYLES[line.state]), label, (measure.plain, "dim"))
        rest = room - text.cell_len - 2
        if line.detail and rest >= _LEAST_DETAIL:
            detail = Text(sanitize(line.detail), style="dim italic")
            detail.truncate(rest, overflow="ellipsis")
            text = Text.assemble(text, "  ", detail)
        text.no_wrap, text.overflow = True, "ellipsis"
        return text

    def _mark(self, state: State) -> str:
        marks = _PLAIN_MARKS if self._is_plain else _MARKS
        frames = marks.get(state, " ")
        return frames[int(time.monotonic() * 8) % len(frames)]


# A shorter piece of a step's output is not useful.
_LEAST_DETAIL = 12
_MARKS = {"running": "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", "done": "✓", "failed": "✗", "cached": "✓", "missing": "-", "canceled": "-"}
_PLAIN_MARKS = {"running": "|/-\\", "done": "+", "failed": "x", "cached": "+", "missing": "-", "canceled": "-"}
_STYLES = {
    "running": "cyan",
    "done": "green",
    "cached": "green",
    "failed": "red",
    "missing": "yellow",
    "canceled": "yellow",
    "waiting": "dim",
}
