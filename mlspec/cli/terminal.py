"""Functions that print and end a command: answers go to stdout, all other text goes to stderr.

Only this module prints. Text from files and programs passes through it to terminals and logs, so it makes hidden
characters visible and blanks logins and secrets. It keeps only those escape sequences that set colors.
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
    """Tell whether ``--quiet`` is set."""
    return bool(click.get_current_context().find_root().meta.get("mlspec.quiet"))


# Printing

# Colors of letters, bold and dim, which mlspec uses. Other codes hide text, such as 8, or color the background.
_COLORS = re.compile(r"(\x1b\[(?:(?:[0-4]|22|3[0-79]|9[0-7])(?:;(?=\d))?)+m)")


def sanitize(text: str) -> str:
    """Remove secrets, logins, hidden characters and foreign escape sequences from a text."""
    from mlspec.host.known_secrets import blank_secrets
    from mlspec.text import printable

    pieces = _COLORS.split(text)
    return "".join(piece if n % 2 else blank_secrets(printable(piece)) for n, piece in enumerate(pieces))


def say(text: str) -> None:
    """Print a status message on stderr, unless ``--quiet`` is set."""
    if not is_quiet():
        tell(text)


class ProgressLine:
    """A status line at the bottom of a terminal; the next printed text replaces it."""

    is_drawn = False

    def pulse(self, text: str) -> None:
        """Redraw the line, if stderr is a terminal."""
        if is_quiet() or not _can_redraw():
            return
        # Keep the last column free: some terminals begin a new line after it.
        shown = sanitize(text)[: shutil.get_terminal_size().columns - 1]
        with contextlib.suppress(OSError):
            sys.stderr.write(f"\r{shown}\x1b[K")
            sys.stderr.flush()
            ProgressLine.is_drawn = True

    def note(self, text: str) -> None:
        """Print a message that stays on the terminal."""
        say(text)

    def report(self, text: str) -> None:
        """Print a line, if stderr is no terminal that redraws lines."""
        if not _can_redraw():
            say(text)

    @staticmethod
    def clear() -> None:
        """Remove the line, if it is drawn."""
        if ProgressLine.is_drawn:
            ProgressLine.is_drawn = False
            with contextlib.suppress(OSError):
                sys.stderr.write("\r\x1b[K")
                sys.stderr.flush()


def _can_redraw() -> bool:
    return is_terminal(sys.stderr) and os.environ.get("TERM", "") not in {"", "dumb", "unknown"}


class _LineEnd:
    text = "\n"


@contextmanager
def print_raw_lines() -> Iterator[None]:
    """End each line with a carriage return, too, while another program may have set the terminal to raw mode."""
    _LineEnd.text = "\r\n" if is_terminal(sys.stderr) else "\n"
    try:
        yield
    finally:
        _LineEnd.text = "\n"


def tell(text: str, *, colors: bool | None = None) -> None:
    """Print on stderr, even with ``--quiet``; ``colors`` is the argument ``color`` of click.echo."""
    ProgressLine.clear()
    lines = f"{sanitize(text)}\n".replace("\n", _LineEnd.text)
    # If stderr is full or closed, only the exit code can report the problem.
    with contextlib.suppress(OSError):
        click.echo(lines, nl=False, err=True, color=color() if colors is None else colors)


def answer(text: str, *, ends_line: bool = True) -> None:
    """Print the result of a command on stdout. Raises ToolError if stdout is closed or full."""
    _write(f"{sanitize(text)}\n" if ends_line else sanitize(text))


def answer_file(text: str) -> None:
    """Print the text of a file on stdout, unchanged unless stdout is a terminal.

    Raises ToolError as :func:`answer` does.
    """
    _write(sanitize(text) if is_terminal(sys.stdout) else text)


def _write(text: str) -> None:
    from mlspec.errors import Problem, ToolError

    if sys.stdout is None:
        hint = "remove the redirection that closed it, such as: >&-"
        raise ToolError(Problem(code="MLS420", message="standard output is closed", hint=hint))
    try:
        click.echo(text, nl=False, color=color())
    except OSError as error:
        # A reader that closes the pipe early, such as head, is not a problem.
        if error.errno == errno.EPIPE:
            raise
        _forget_stdout()
        hint = "free space where the output goes, or write it elsewhere"
        reason = (error.strerror or str(error)).lower()
        raise ToolError(Problem(code="MLS420", message=f"standard output: {reason}", hint=hint)) from None


def _forget_stdout() -> None:
    """Redirect stdout to /dev/null: Python would flush the rest of the output at exit, and fail again."""
    with contextlib.suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())


def ask(text: str, default: str) -> str:
    """Ask a question on the terminal and return the answer, or ``default`` for an empty answer."""
    said: str = click.prompt(sanitize(text), default=default, show_default=bool(default), err=True)
    return said


def show(problem: Problem) -> None:
    """Show a problem on stderr."""
    tell(format_problem(problem))


def format_problem(problem: Problem) -> str:
    """Format a problem for a terminal: its place is bold, and its code has the color of its severity."""
    first, *rest = str(problem).split("\n")
    place, found, sentence = first.partition(f"{problem.code}: ")
    tint = "yellow" if problem.severity == "warning" else "red"
    return "\n".join([f"{click.style(place, bold=True)}{click.style(found, fg=tint)}{sentence}", *rest])


def page(markdown: str) -> None:
    """Print Markdown on stdout: rendered on a terminal, as source elsewhere."""
    if not (is_terminal(sys.stdout) or color()):
        answer(markdown)
        return
    from rich.console import Console
    from rich.markdown import Markdown
    from rich.theme import Theme

    # Use the terminal's own colors, because its background is unknown.
    theme = Theme({"markdown.code": "bold cyan", "markdown.h2": "bold"})
    console = Console(no_color=color() is False, force_terminal=True, theme=theme)
    # Lines of more than 100 characters are hard to read.
    console.print(Markdown(sanitize(markdown), code_theme="ansi_dark"), width=min(console.width, 100))


def live_console() -> Console:
    """Return the console for a live screen. All text on it must pass through :func:`sanitize`."""
    from rich.console import Console

    is_plain = color() is False
    return Console(stderr=True, highlight=False, emoji=False, markup=False, color_system=None if is_plain else "auto")


# The end of a command


def fail(error: MlspecError) -> NoReturn:
    """Show the problems of an error and exit with its code."""
    for problem in error.problems:
        show(problem)
    sys.exit(error.exit_code)


def exit_interrupted(text: str = "interrupted") -> NoReturn:
    """Print that the command was interrupted, and exit with 128 plus the signal's number, as shells and make expect."""
    code = interrupts.acknowledge()
    tell(text)
    sys.exit(code)


@contextmanager
def report_errors() -> Iterator[None]:
    """Print an error instead of a traceback, and exit with its code."""
    try:
        yield
    except KeyboardInterrupt:
        exit_interrupted()
    except (Exception, RecursionError) as error:
        from mlspec.errors import MlspecError

        if isinstance(error, MlspecError):
            fail(error)
        if os.environ.get("MLSPEC_DEBUG"):
            raise
        if _is_interrupt(error):
            exit_interrupted()
        if problem := _of_surroundings(error):
            show(problem)
            sys.exit(3)
        # A bug in mlspec. sysexits.h calls the exit code 70 an internal software error.
        what = f"{type(error).__name__}: {error}"
        tell(
            f"mlspec: this is a bug in mlspec, not in your files: {what}\n  hint: for a traceback, set: MLSPEC_DEBUG=1"
        )
        sys.exit(70)


def _is_interrupt(error: BaseException) -> bool:
    """Tell whether a library raised an error because of an interrupt; pydantic-core only names it in its message."""
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, KeyboardInterrupt):
            return True
        inner = inner.__cause__ or inner.__context__
    return "KeyboardInterrupt" in str(error)


def _of_surroundings(error: Exception) -> Problem | None:
    """Return the problem of an error that comes from the host, or None for an error of mlspec."""
    from mlspec.errors import Problem

    if isinstance(error, MemoryError):
        message = "out of memory"
        return Problem(code="MLS424", message=message, hint="check the limit of the process: ulimit -v")
    if not isinstance(error, OSError):
        return None
    try:
        os.getcwd()  # noqa: PTH109 - the same, and imports nothing
    except OSError:
        return Problem(code="MLS421", message="the current folder was removed", hint='enter it again: cd "$PWD"')
    reason = (error.strerror or str(error)).lower()
    place = os.fsdecode(error.filename) if isinstance(error.filename, (str, bytes)) else ""
    hint = "for a traceback, set: MLSPEC_DEBUG=1"
    return Problem(code="MLS423", message=f"{place}: {reason}" if place else reason, hint=hint)
