"""The command ``mlspec schema``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlspec.cli.options import quiet_option
from mlspec.cli.terminal import answer_file, say

if TYPE_CHECKING:
    from mlspec.spec.schema import Draft


@click.command()
@click.option(
    "--draft",
    type=click.Choice(["2020-12", "7"]),
    default="2020-12",
    show_default=True,
    help="Edition of JSON Schema.",
)
@click.option("-o", "--output", metavar="FILE", type=click.Path(), help="Write the schema to a file.")
@quiet_option
def schema(draft: Draft, output: str | None) -> None:
    """Print the JSON Schema of a spec, for editors.

    An editor with YAML support completes, explains and checks a spec that begins with this line:
    # yaml-language-server: $schema=mlspec.schema.json
    """
    from importlib.metadata import version

    from mlspec.host.files import writing
    from mlspec.spec import schema

    text = schema.text(draft, version("mlspec"))
    if output is None:
        answer_file(text)
        return
    writing.renew(Path(output), text, schema.MARK)
    say(f"wrote {output}")
