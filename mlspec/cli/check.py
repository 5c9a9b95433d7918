"""``mlspec check``."""

from __future__ import annotations

from pathlib import Path

import click

from mlspec.cli.options import quiet_option, specs_argument, wish_of
from mlspec.cli.specs import each, rendered_of
from mlspec.cli.terminal import say, show


@click.command()
@specs_argument
@quiet_option
def check(specs: tuple[str, ...]) -> None:
    """Show every problem and warning of a spec.

    Reads the spec, its requirement files and its lock; writes nothing, and uses no network.
    """
    each(specs, _check)


def _check(path: Path) -> bool:
    from mlspec.errors import SpecError

    try:
        rendered_of(path, wish_of(locked=True, unpinned=True))
    except SpecError as error:
        # A lock that is yet to be made is no fault of the spec.
        problems = [problem for problem in error.problems if problem.code != "MLS404"]
        for problem in problems:
            show(problem)
        if problems:
            return False
    say(f"{path.as_posix()}: no problems")
    return True
