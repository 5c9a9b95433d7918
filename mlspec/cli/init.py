"""``mlspec init``."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click

from mlspec.cli.options import quiet_option
from mlspec.cli.terminal import say


@click.command()
@click.argument("folder", default=".", type=click.Path(exists=True, file_okay=False))
@click.option("--python", metavar="VERSION", help="The Python of the image, such as 3.12.")
@click.option("--base", metavar="IMAGE", help="What to build on, such as slim-bookworm.")
@click.option("--requirements", multiple=True, metavar="FILE|NAME", help="A file or a package; may be repeated.")
@click.option("--entrypoint", metavar="COMMAND", help="What the image starts, such as: python train.py")
@click.option("--name", help="The name of the image.")
@quiet_option
def init(folder: str, **wanted: Any) -> None:  # noqa: ANN401 - the fields of Wanted
    """Write a first mlspec.yaml from what is in the folder, and say what was guessed and why."""
    from mlspec import starter
    from mlspec.cli.editors import write_schema
    from mlspec.effects import disk

    path = Path(folder) / "mlspec.yaml"
    draft = starter.draft(disk.survey(Path(folder)), starter.Wanted(**wanted))
    disk.create(path, draft.text)
    write_schema(path.parent)
    for choice in draft.choices:
        say(f"  {choice}")
    where = "" if folder == "." else f" {shlex.quote(path.as_posix())}"
    say(f"wrote {path.as_posix()}; look it over, then: mlspec render{where}")
