"""``mlspec check``."""

from __future__ import annotations

from pathlib import Path

import click

from mlspec.cli.options import quiet_option, specs_argument, wish_of
from mlspec.cli.specs import each, inspected, rendered_of
from mlspec.cli.terminal import say, show


@click.command()
@specs_argument
@click.option("--strict", is_flag=True, help="Exit 1 where there are warnings, too.")
@quiet_option
def check(specs: tuple[str, ...], strict: bool) -> None:
    """Show every problem and warning of a spec.

    Reads the spec, its requirement files, its lock, and what of the folder would be copied into the image; writes
    nothing, and uses no network.
    """
    each(specs, lambda path: _check(path, strict=strict))


def _check(path: Path, *, strict: bool) -> bool:
    from mlspec.errors import SpecError

    try:
        warned = inspected(rendered_of(path, wish_of(locked=True, unpinned=True)))
    except SpecError as error:
        # A lock that is yet to be made is no fault of the spec.
        problems = [problem for problem in error.problems if problem.code != "MLS404"]
        for problem in problems:
            show(problem)
        if problems:
            return False
        warned = 0
    say(f"{path.as_posix()}: {'no problems' if not warned else '1 warning' if warned == 1 else f'{warned} warnings'}")
    return not (strict and warned)
