"""What a person sees: answers on stdout, everything else on stderr; and how a command ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

import click

from mlspec.cli.quick import color

if TYPE_CHECKING:
    from mlspec.errors import MlspecError, Problem


def is_quiet() -> bool:
    """Tell whether only problems and results are wanted."""
    return bool(click.get_current_context().find_root().meta.get("mlspec.quiet"))


def say(text: str) -> None:
    """Tell a person what happens, on stderr."""
    if not is_quiet():
        click.echo(text, err=True, color=color())


def show(problem: Problem) -> None:
    """Show a problem on stderr."""
    click.echo(styled(problem), err=True, color=color())


def styled(problem: Problem) -> str:
    """Return a problem as a terminal shows it: its place bold, its code in the color of how grave it is."""
    first, *rest = str(problem).splitlines()
    place, found, sentence = first.partition(f"{problem.code}: ")
    tint = "yellow" if problem.severity == "warning" else "red"
    return "\n".join([f"{click.style(place, bold=True)}{click.style(found, fg=tint)}{sentence}", *rest])


def page(markdown: str) -> None:
    """Print an answer in Markdown: drawn on a terminal, as it is elsewhere."""
    if not (sys.stdout.isatty() or color()):
        click.echo(markdown)
        return
    from rich.console import Console
    from rich.markdown import Markdown
    from rich.theme import Theme

    # Colors of the terminal's own, since nobody knows what its background is.
    theme = Theme({"markdown.code": "bold cyan", "markdown.h2": "bold"})
    console = Console(no_color=color() is False, force_terminal=True, theme=theme)
    # Lines of more than 100 characters are hard to follow with the eye.
    console.print(Markdown(markdown, code_theme="ansi_dark"), width=min(console.width, 100))


def fail(error: MlspecError) -> NoReturn:
    """Show the problems of an error and exit with its code."""
    for problem in error.problems:
        show(problem)
    sys.exit(error.exit_code)


@contextmanager
def told() -> Iterator[None]:
    """Tell a person of an error, in place of a traceback, and exit with its code."""
    from mlspec.errors import MlspecError

    try:
        yield
    except MlspecError as error:
        fail(error)
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        sys.exit(130)
    except Exception as error:
        if os.environ.get("MLSPEC_DEBUG"):
            raise
        # What a person sees of a defect of ours; 70 is what sysexits.h calls a software error.
        what = f"{type(error).__name__}: {error}"
        click.echo(
            f"mlspec: a defect of mlspec, not of yours: {what}\n  hint: see where with: MLSPEC_DEBUG=1", err=True
        )
        sys.exit(70)
