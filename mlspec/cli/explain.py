"""``mlspec explain``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from mlspec.cli.options import quiet_option
from mlspec.cli.terminal import page

if TYPE_CHECKING:
    from mlspec.codes import Code

# What a person means as a code; anything else names a spec.
_CODE = re.compile(r"mls[-_ ]?\w*\d\w*", re.IGNORECASE)


@click.command()
@click.argument("subjects", nargs=-1, metavar="CODE...")
@quiet_option
def explain(subjects: tuple[str, ...]) -> None:
    """Tell what the code of a problem, such as MLS101, means, and what to do about it."""
    if subjects and all(_CODE.fullmatch(subject) for subject in subjects):
        _explain_codes(subjects)
    else:
        raise click.UsageError("name the code of a problem, such as: mlspec explain MLS101")


def _explain_codes(names: tuple[str, ...]) -> None:
    rows = [_known(name) for name in names]
    page("\n\n".join(f"## {row.code}: {row.title}\n\n{row.text}" for row in dict.fromkeys(rows)))


def _known(name: str) -> Code:
    from mlspec import codes
    from mlspec.spelling import nearest

    written = re.sub("[-_ ]", "", name.upper())
    if row := codes.code(written):
        return row
    near = nearest(written, (row.code for row in codes.codes()), most=3, cutoff=0.8)
    hint = f"did you mean {' or '.join(near)}?" if near else "it stands behind the place of a problem, such as MLS101"
    raise click.UsageError(f"there is no code {written}; {hint}")
