"""The command `evalkit`."""

import csv
from importlib.metadata import version
from typing import TextIO

import click

from evalkit.scores import score


@click.command()
@click.argument("table", type=click.File())
@click.version_option(version("evalkit"))
def main(table: TextIO) -> None:
    """Score the columns `label` and `predicted` of a CSV file."""
    accuracy, recalls = score([(row["label"], row["predicted"]) for row in csv.DictReader(table)])
    click.echo(f"accuracy {accuracy:.2f}")
    for label, recall in recalls.items():
        click.echo(f"recall of {label} {recall:.2f}")
