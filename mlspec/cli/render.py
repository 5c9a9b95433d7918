"""The command ``mlspec render``."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlspec.cli import candidates, quick
from mlspec.cli.options import (
    force_option,
    locked_option,
    or_list,
    quiet_option,
    specs_argument,
    unpinned_option,
    wish_of,
)
from mlspec.cli.specs import SpecOutcome, each, each_unproven, rendered_of, write
from mlspec.cli.terminal import answer_file, say, show
from mlspec.host.cache.proofs import CHECK, WRITE
from mlspec.spec.targets import TARGETS

if TYPE_CHECKING:
    from mlspec.lock.state import LockOptions


@click.command()
@specs_argument
@click.option("--check", is_flag=True, help="Write nothing; exit 1 and show a diff if a file is out of date.")
@click.option("--diff", is_flag=True, help="Write nothing; show what would change.")
@locked_option
@unpinned_option
@click.option(
    "--target",
    "targets",
    multiple=True,
    metavar="NAME",
    shell_complete=candidates.targets,
    help=f"{or_list(TARGETS)}; may be repeated.",
)
@click.option("--stdout", is_flag=True, help="Write nothing; print the files.")
@click.option("--exit-code", is_flag=True, help="Exit 1 if a file was written, as a hook should.")
@force_option
@quiet_option
def render(
    specs: tuple[str, ...],
    check: bool,
    diff: bool,
    locked: bool,
    unpinned: bool,
    targets: tuple[str, ...],
    stdout: bool,
    exit_code: bool,
    force: bool,
) -> None:
    """Write the Dockerfile, its ignore file and the run script.

    It also writes a file for each of the targets in the spec. If the requirements, the Python or the base changed,
    mlspec locks them first; every other pin stays.
    """
    _check_targets(targets)
    wish = wish_of(locked=locked or check, unpinned=unpinned)
    if stdout:
        each(specs, lambda path: _print(path, wish, targets))
        return

    def act(path: Path) -> SpecOutcome:
        if check or diff:
            return _compare(path, wish, targets, fails=check)
        return write(path, wish, targets, force=force, fails=exit_code)

    if diff or targets or unpinned or force:
        each(specs, lambda path: act(path).is_well)
    else:
        each_unproven(CHECK if check else WRITE, specs, act)


def _check_targets(targets: Sequence[str]) -> None:
    if unknown := [name for name in targets if name not in TARGETS]:
        raise click.UsageError(f'there is no target "{unknown[0]}"; the targets are: {", ".join(TARGETS)}')


def _print(path: Path, wish: LockOptions, targets: Sequence[str]) -> bool:
    artifacts = rendered_of(path, wish, targets).artifacts
    wanted = [artifact for artifact in artifacts if not targets or not artifact.path.endswith(".lock")]
    for artifact in wanted:
        # The same headings as those of head(1) and tail(1) for several files.
        heading = f"==> {artifact.path} <==\n" if len(wanted) > 1 else ""
        answer_file(heading + artifact.text)
    return True


def _compare(path: Path, wish: LockOptions, targets: Sequence[str], *, fails: bool) -> SpecOutcome:
    from mlspec import api
    from mlspec.host.files.generated import find_edits, find_line_ends

    rendered = rendered_of(path, wish, targets)
    changed = api.stale(rendered)
    answer_file("".join(api.diff(rendered)))
    if not changed:
        say(quick.up_to_date(path.as_posix()))
        return SpecOutcome(is_well=True, current=rendered)
    edits = find_edits(rendered.files)
    for problem in (*edits, *find_line_ends(rendered.files)):
        show(problem)
    names = ", ".join(artifact.path for artifact in changed)
    how = "" if edits else f"; to write them: mlspec render {shlex.quote(path.as_posix())}"
    say(f"{path.as_posix()}: out of date: {names}{how}")
    return SpecOutcome(is_well=not fails)
