"""``mlspec check``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlspec.cli.options import quiet_option, specs_argument
from mlspec.cli.specs import gravest, today
from mlspec.cli.terminal import say, show

if TYPE_CHECKING:
    from mlspec.errors import Problem

_FORMATS = click.Choice(["text", "json", "sarif", "github"])


@click.command()
@specs_argument
@click.option("--format", "kind", type=_FORMATS, default="text", help="How to show them; all but text go to stdout.")
@click.option("--strict", is_flag=True, help="Exit 1 where there are warnings, too.")
@quiet_option
def check(specs: tuple[str, ...], kind: str, strict: bool) -> None:
    """Show every problem and warning of a spec.

    Reads the spec, its requirement files, its lock, and what of the folder would be copied into the image; writes
    nothing, and uses no network.
    """
    found: list[Problem] = []
    tell = show if kind == "text" else found.append
    code = gravest(specs, lambda path: _check(path, tell, strict=strict), tell)
    if kind != "text":
        click.echo(_report(kind, found), nl=False)
    sys.exit(code)


def _check(path: Path, tell: Callable[[Problem], None], *, strict: bool) -> bool:
    from mlspec import api

    notes: list[str] = []
    problems = api.check(path, today(), notes.append)
    for problem in problems:
        tell(problem)
    if any(problem.severity == "error" for problem in problems):
        return False
    number = len(problems)
    count = "no problems" if not number else "1 warning" if number == 1 else f"{number} warnings"
    say("; ".join([f"{path.as_posix()}: {count}", *notes]))
    return not (strict and problems)


def _report(kind: str, problems: Iterable[Problem]) -> str:
    """Return the report that a program reads; to those of a code host, files are named as it knows them."""
    import dataclasses
    from importlib.metadata import version

    from mlspec import reports
    from mlspec.effects import disk

    if kind != "json":
        problems = (
            dataclasses.replace(problem, file=disk.from_repository(problem.file)) if problem.file else problem
            for problem in problems
        )
    return reports.report(kind, problems, version("mlspec"))
