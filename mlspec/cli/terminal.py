"""Print for people: answers on stdout, everything else on stderr; and end a command.

This is the one place that prints. What others wrote passes through it, into terminals and logs: hidden characters are
made visible, logins and secrets blanked. Of escape sequences only those that color are let through.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

import click

from mlspec.cli.quick import color, is_terminal
from mlspec.host import interrupts

if TYPE_CHECKING:
    from rich.console import Console

    from mlspec.errors import MlspecError, Problem


def is_quiet() -> bool:
    """Return whether ``--quiet`` is set."""
    return bool(click.get_current_context().find_root().meta.get("mlspec.quiet"))


# Printing

# The colors of letters, bold and dim: what this program uses. Others hide text, such as 8, or color its ground.
_COLORS = re.compile(r"(\x1b\[(?:(?:[0-4]|22|3[0-79]|9[0-7])(?:;(?=\d))?)+m)")


def sanitize(text: str) -> str:
    """Return a text without secrets, logins, hidden characters and foreign escape sequences."""
    from mlspec.host.known_secrets import blank_secrets
    from mlspec.text import printable

    pieces = _COLORS.split(text)
    return "".join(piece if n % 2 else blank_secrets(printable(piece)) for n, piece in enumerate(pieces))


def say(text: str) -> None:
    """Tell a person what happens, on stderr."""
    if not is_quiet():
        tell(text)


class ProgressLine:
    """One line at the end of a terminal that says what is going on, until something else is said."""

    is_drawn = False

    def pulse(self, text: str) -> None:
        """Draw the line anew; where nobody watches a terminal, nothing."""
        if is_quiet() or not is_terminal(sys.stderr) or os.environ.get("TERM", "") in {"", "dumb", "unknown"}:
            return
        # The last column stays free: some terminals begin a new line after it.
        shown = sanitize(text)[: shutil.get_terminal_size().columns - 1]
        with contextlib.suppress(OSError):
            sys.stderr.write(f"\r{shown}\x1b[K")
            sys.stderr.flush()
            ProgressLine.is_drawn = True

    def note(self, text: str) -> None:
        """Say what a person should read in any case."""
        say(text)

    @staticmethod
    def clear() -> None:
        """Remove the line, if there is one."""
        if ProgressLine.is_drawn:
            ProgressLine.is_drawn = False
            with contextlib.suppress(OSError):
                sys.stderr.write("\r\x1b[K")
                sys.stderr.flush()


def tell(text: str, *, colors: bool | None = None) -> None:
    """Print on stderr, with ``--quiet`` too; ``colors`` as click has it."""
    ProgressLine.clear()
    # Where stderr itself is full or closed, nobody can be told, and the exit code is all that is left.
    with contextlib.suppress(OSError):
        click.echo(sanitize(text), err=True, color=color() if colors is None else colors)


def answer(text: str, *, ends_line: bool = True) -> None:
    """Print what was asked for on stdout; raises ToolError where it takes no more."""
    _write(f"{sanitize(text)}\n" if ends_line else sanitize(text))


def answer_file(text: str) -> None:
    """Print the text of a file on stdout, byte by byte where a program reads it; raises ToolError as :func:`answer`."""
    _write(sanitize(text) if is_terminal(sys.stdout) else text)


def _write(text: str) -> None:
    from mlspec.errors import Problem, ToolError

    if sys.stdout is None:
        hint = "leave out what closed it, such as: >&-"
        raise ToolError(Problem(code="MLS420", message="standard output is closed", hint=hint))
    try:
        click.echo(text, nl=False, color=color())
    except OSError as error:
        # A reader that has seen enough, such as head, is no fault.
        if error.errno == errno.EPIPE:
            raise
        _forget_stdout()
        hint = "make room where the output goes, or name another place"
        reason = (error.strerror or str(error)).lower()
        raise ToolError(Problem(code="MLS420", message=f"standard output: {reason}", hint=hint)) from None


def _forget_stdout() -> None:
    """Point stdout at nothing: else Python would try again at the end what is left to write, and fail once more."""
    with contextlib.suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())


def ask(text: str, default: str) -> str:
    """Ask a person a question on the terminal, and return what they say or the ``default``."""
    said: str = click.prompt(sanitize(text), default=default, show_default=bool(default), err=True)
    return said


def show(problem: Problem) -> None:
    """Show a problem on stderr."""
    tell(format_problem(problem))


def format_problem(problem: Problem) -> str:
    """Return a problem as a terminal shows it: its place bold, its code in the color of how grave it is."""
    first, *rest = str(problem).split("\n")
    place, found, sentence = first.partition(f"{problem.code}: ")
    tint = "yellow" if problem.severity == "warning" else "red"
    return "\n".join([f"{click.style(place, bold=True)}{click.style(found, fg=tint)}{sentence}", *rest])


def page(markdown: str) -> None:
    """Print an answer in Markdown: drawn on a terminal, as it is elsewhere."""
    if not (is_terminal(sys.stdout) or color()):
        answer(markdown)
        return
    from rich.console import Console
    from rich.markdown import Markdown
    from rich.theme import Theme

    # Colors of the terminal's own, since nobody knows what its background is.
    theme = Theme({"markdown.code": "bold cyan", "markdown.h2": "bold"})
    console = Console(no_color=color() is False, force_terminal=True, theme=theme)
    # Lines of more than 100 characters are hard to follow with the eye.
    console.print(Markdown(sanitize(markdown), code_theme="ansi_dark"), width=min(console.width, 100))


def live_console() -> Console:
    """Return the console for a screen that is drawn anew; each text on it has to pass through :func:`sanitize`."""
    from rich.console import Console

    is_plain = color() is False
    return Console(stderr=True, highlight=False, emoji=False, markup=False, color_system=None if is_plain else "auto")


# How a command ends


def fail(error: MlspecError) -> NoReturn:
    """Show the problems of an error and exit with its code."""
    for problem in error.problems:
        show(problem)
    sys.exit(error.exit_code)


def exit_interrupted(text: str = "interrupted") -> NoReturn:
    """Say that somebody interrupted this, and exit as shells and make expect it: with 128 and the signal's number."""
    code = interrupts.acknowledge()
    tell(text)
    sys.exit(code)


@contextmanager
def report_errors() -> Iterator[None]:
    """Print an error instead of a traceback, and exit with its code."""
    from mlspec.errors import MlspecError

    try:
        yield
    except MlspecError as error:
        fail(error)
    except KeyboardInterrupt:
        exit_interrupted()
    except (Exception, RecursionError) as error:
        if os.environ.get("MLSPEC_DEBUG"):
            raise
        if _is_interrupt(error):
            exit_interrupted()
        if problem := _of_surroundings(error):
            show(problem)
            sys.exit(3)
        # What a person sees of a defect of ours; 70 is what sysexits.h calls a software error.
        what = f"{type(error).__name__}: {error}"
        tell(f"mlspec: a defect of mlspec, not of yours: {what}\n  hint: see where with: MLSPEC_DEBUG=1")
        sys.exit(70)


def _is_interrupt(error: BaseException) -> bool:
    """Tell whether an error is what a library made of an interrupt; pydantic's core puts it into its own words."""
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, KeyboardInterrupt):
            return True
        inner = inner.__cause__ or inner.__context__
    return "KeyboardInterrupt" in str(error)


def _of_surroundings(error: Exception) -> Problem | None:
    """Return the problem where an error is one of the host and not of this program; None of any other."""
    from mlspec.errors import Problem

    if isinstance(error, MemoryError):
        message = "this process gets no more memory from the machine"
        return Problem(code="MLS424", message=message, hint="see its limit with: ulimit -v")
    if not isinstance(error, OSError):
        return None
    try:
        os.getcwd()  # noqa: PTH109 - the same, and imports nothing
    except OSError:
        return Problem(code="MLS421", message="the current folder was removed", hint='enter it anew: cd "$PWD"')
    reason = (error.strerror or str(error)).lower()
    place = os.fsdecode(error.filename) if isinstance(error.filename, (str, bytes)) else ""
    hint = "see where mlspec needs it with: MLSPEC_DEBUG=1"
    return Problem(code="MLS423", message=f"{place}: {reason}" if place else reason, hint=hint)
