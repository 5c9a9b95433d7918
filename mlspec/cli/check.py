"""The command ``mlspec check``."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlspec.cli.options import quiet_option, specs_argument
from mlspec.cli.specs import gravest, today
from mlspec.cli.terminal import answer_file, say, show

if TYPE_CHECKING:
    from mlspec.errors import Problem

_FORMATS = click.Choice(["text", "json", "sarif", "github"])


@click.command()
@specs_argument
@click.option(
    "--format", "kind", type=_FORMATS, default="text", help="Output format. All but text are printed on stdout."
)
@click.option("--strict", is_flag=True, help="Exit 1 for warnings too.")
@click.option("--fix", is_flag=True, help="Repair problems that have only one fix, and show the changes.")
@click.option("--diff", is_flag=True, help="Show what --fix would change; write nothing.")
@quiet_option
def check(specs: tuple[str, ...], kind: str, strict: bool, fix: bool, diff: bool) -> None:
    """Show every problem and warning of a spec.

    Read the spec, its requirement files, its lock, and the files that would be copied into the image. Only --fix
    writes, and only the spec. Never use the network.
    """
    found: list[Problem] = []
    tell = show if kind == "text" else found.append

    def act(path: Path) -> bool:
        if fix and not diff:
            return _fix(path, tell, strict=strict, is_read=kind == "text")
        if diff and kind == "text":
            _show_changes(path)
        return _check(path, tell, strict=strict, is_read=kind == "text")

    code = gravest(specs, act, tell)
    if kind != "text":
        answer_file(_report(kind, found))
    sys.exit(code)


def _show_changes(path: Path) -> None:
    from mlspec import api
    from mlspec.cli import spec_diff

    spec_diff.show(path, api.repair(path, today()))


def _check(path: Path, tell: Callable[[Problem], None], *, strict: bool, is_read: bool) -> bool:
    from mlspec import api

    notes: list[str] = []
    problems = api.check(path, today(), notes.append)
    able = sum(bool(problem.edits) for problem in problems)
    if able and is_read:
        notes.append(f"{able} can be repaired: mlspec check --fix {shlex.quote(path.as_posix())}")
    return _report_problems(path, problems, notes, tell, strict=strict)


def _fix(path: Path, tell: Callable[[Problem], None], *, strict: bool, is_read: bool) -> bool:
    from mlspec import api
    from mlspec.cli import spec_diff
    from mlspec.host.files import rewriting
    from mlspec.host.files.turns import alone

    notes: list[str] = []
    with alone(path, say):
        settled = api.repair(path, today(), notes.append)
        rewriting.rewrite(path, settled)
    if is_read:
        spec_diff.show(path, settled)
    notes.insert(0, f"{len(settled.repaired) or 'nothing'} repaired")
    return _report_problems(path, settled.problems, notes, tell, strict=strict)


def _report_problems(
    path: Path, problems: Sequence[Problem], notes: Sequence[str], tell: Callable[[Problem], None], *, strict: bool
) -> bool:
    """Report the problems of a spec and their numbers; return True without errors, with ``strict`` without warnings."""
    for problem in problems:
        tell(problem)
    errors = sum(problem.severity == "error" for problem in problems)
    if notes or not errors:
        say("; ".join([f"{path.as_posix()}: {_count(errors, len(problems) - errors)}", *notes]))
    return not errors and not (strict and problems)


def _count(errors: int, warnings: int) -> str:
    counts = ((errors, "problem"), (warnings, "warning"))
    return ", ".join(f"{n} {what}{'s' * (n > 1)}" for n, what in counts if n) or "no problems"


def _report(kind: str, problems: Iterable[Problem]) -> str:
    """Return the report in a format for programs; for code hosts, paths are relative to the repository."""
    import dataclasses
    from importlib.metadata import version

    from mlspec.advice import formats
    from mlspec.host.files import reading

    def locate(problem: Problem) -> Problem:
        edits = tuple(dataclasses.replace(edit, file=reading.from_repository(edit.file)) for edit in problem.edits)
        file = problem.file and reading.from_repository(problem.file)
        return dataclasses.replace(problem, file=file, edits=edits)

    return formats.report(kind, problems if kind == "json" else map(locate, problems), version("mlspec"))
