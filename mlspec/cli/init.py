"""``mlspec init``."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlspec.cli.options import quiet_option
from mlspec.cli.quick import is_terminal
from mlspec.cli.specs import finish
from mlspec.cli.terminal import ask, interrupted, say, show

if TYPE_CHECKING:
    from mlspec.advice.draft import Draft, Folder, Question, Wanted


@click.command()
@click.argument("folder", default=".", type=click.Path(exists=True, file_okay=False))
@click.option("--name", help="The name of the image.")
@click.option("--python", metavar="VERSION", help="The Python of the image, such as 3.12.")
@click.option("--base", metavar="IMAGE", help="What to build on, such as slim-bookworm.")
@click.option("--accelerator", metavar="NAME", help="cpu, cuda, cuda12.8 or rocm6.3.")
@click.option("--requirements", multiple=True, metavar="FILE|NAME", help="A file or a package; may be repeated.")
@click.option("--apt", multiple=True, metavar="NAME", help="A Debian package; may be repeated.")
@click.option("--entrypoint", metavar="COMMAND", help="What the image starts, such as: python train.py")
@click.option("--port", "ports", multiple=True, metavar="HOST:CONTAINER", help="A port; may be repeated.")
@click.option("--mount", "mounts", multiple=True, metavar="SOURCE:TARGET", help="A mount; may be repeated.")
@click.option("-y", "--yes", is_flag=True, help="Ask nothing; take what is guessed.")
@quiet_option
def init(folder: str, yes: bool, **wanted: Any) -> None:  # noqa: ANN401 - the fields of Wanted
    """Write a first mlspec.yaml from what is in the folder.

    Says what was guessed and why. Asks what only you know, on a terminal; every question has an option, and --yes
    takes the guesses. Never overwrites a file.
    """
    from mlspec.advice import draft as starter
    from mlspec.cli.editors import write_schema
    from mlspec.host.files import write as writing
    from mlspec.host.files.survey import survey

    path = Path(folder) / "mlspec.yaml"
    finish(path)
    writing.check_free(path)
    found, wishes = survey(Path(folder)), starter.Wanted(**wanted)
    draft = starter.draft(found, wishes)
    if not yes and is_terminal(sys.stdin) and is_terminal(sys.stderr):
        try:
            draft = _asked(found, wishes, draft)
        except click.Abort:
            interrupted("\ninterrupted; nothing was written")
    writing.create(path, draft.text)
    schema = write_schema(path.parent)
    for choice in draft.choices:
        say(f"  {choice}")
    where = "" if folder == "." else f" {shlex.quote(path.as_posix())}"
    if schema:
        say(f"wrote {schema.as_posix()}, with which editors complete and check the spec")
    say(f"wrote {path.as_posix()}; look it over, then: mlspec render{where}")


def _asked(folder: Folder, wanted: Wanted, draft: Draft) -> Draft:
    """Return the draft after every question in it was answered; an answer that cannot be right is asked for again."""
    for question in draft.questions:
        wanted, draft = _answered(folder, wanted, question)
    return draft


def _answered(folder: Folder, wanted: Wanted, question: Question) -> tuple[Wanted, Draft]:
    from dataclasses import replace

    from mlspec.advice import draft as starter
    from mlspec.errors import SpecError

    while True:
        answer = ask(question.text, question.guess)
        # A guess that is taken stays one, with its reason.
        said: dict[str, Any] = {question.key: answer.strip()}
        now = wanted if answer == question.guess else replace(wanted, **said)
        try:
            return now, starter.draft(folder, now)
        except SpecError as error:
            for problem in error.problems:
                show(problem)
