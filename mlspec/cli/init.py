"""``mlspec init``."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlspec.cli.options import quiet_option
from mlspec.cli.quick import is_terminal
from mlspec.cli.specs import finish
from mlspec.cli.terminal import ask, exit_interrupted, say, show, tell

if TYPE_CHECKING:
    from mlspec.advice.draft import Draft, DraftOptions, Folder, Question
    from mlspec.errors import Problem


@click.command()
@click.argument("folder", default=".", type=click.Path(exists=True, file_okay=False))
@click.option("--name", help="Image name. Default: the name of the folder.")
@click.option("--python", metavar="VERSION", help="Python version, such as 3.12.")
@click.option("--base", metavar="IMAGE", help="Base image, such as slim-bookworm.")
@click.option("--accelerator", metavar="NAME", help="Accelerator: cpu, cuda, cuda12.8 or rocm6.3.")
@click.option("--requirements", multiple=True, metavar="FILE|NAME", help="Requirement file or package. Repeatable.")
@click.option("--apt", multiple=True, metavar="NAME", help="Debian package. Repeatable.")
@click.option("--entrypoint", metavar="COMMAND", help="Command that the image starts, such as: python train.py")
@click.option("--port", "ports", multiple=True, metavar="HOST:CONTAINER", help="Port to publish. Repeatable.")
@click.option("--mount", "mounts", multiple=True, metavar="SOURCE:TARGET", help="Mount. Repeatable.")
@click.option("-y", "--yes", is_flag=True, help="Ask no questions; take the guesses.")
@quiet_option
def init(folder: str, yes: bool, **wanted: Any) -> None:  # noqa: ANN401 - the fields of Wanted
    """Write a first mlspec.yaml from what is in the folder.

    Print each guess with its reason. On a terminal, ask what only you know; each question has an option. With --yes,
    take the guesses, and exit 1 if something that the program may need is left out. Never overwrite a file.
    """
    from mlspec.advice import draft as starter
    from mlspec.cli.editors import write_schema
    from mlspec.host.files import write as writing
    from mlspec.host.files.survey import survey_folder

    path = Path(folder) / "mlspec.yaml"
    finish(path)
    writing.check_free(path)
    found, wishes = survey_folder(Path(folder)), starter.DraftOptions(**wanted)
    draft = starter.draft(found, wishes)
    is_asked = not yes and is_terminal(sys.stdin) and is_terminal(sys.stderr)
    if is_asked:
        try:
            draft = _ask_questions(found, wishes, draft)
        except click.Abort:
            exit_interrupted("\ninterrupted; nothing was written")
    writing.create(path, draft.text)
    schema = write_schema(path.parent)
    patterns = starter.list_ignored(found, draft)
    gitignore = writing.create_gitignore(path.parent, starter.gitignore_text(patterns))
    _show_draft(draft)
    where = "" if folder == "." else f" {shlex.quote(path.as_posix())}"
    if schema:
        say(f"wrote {schema.as_posix()}, with which editors complete and check the spec")
    if gitignore:
        say(f"wrote {gitignore.as_posix()}, with which git leaves out {', '.join(patterns)}")
    say(f"wrote {path.as_posix()}; look it over, then: mlspec render{where}")
    problems = tuple(_find_problems(path, draft))
    for problem in problems:
        show(problem)
    # Who was asked has read what is above; a program reads the exit code alone.
    sys.exit(int(not is_asked and any(problem.severity == "error" for problem in problems)))


def _show_draft(draft: Draft) -> None:
    """Show what was chosen, changed and left out; to who wants problems only, what the program may miss."""
    for choice in draft.choices:
        (tell if choice.matters else say)(f"  {choice}")
    for statement in draft.statements:
        (tell if statement.is_loss else say)(f"  {statement}")


def _find_problems(path: Path, draft: Draft) -> Iterator[Problem]:
    """Yield what is wrong with a first spec: the problems that `mlspec check` finds, and what was left out of it."""
    from mlspec import api
    from mlspec.cli.specs import today
    from mlspec.errors import Problem

    yield from api.check(path, today(), lambda _: None)
    if draft.losses:
        count = f"{draft.losses} thing{'s' * (draft.losses > 1)} that the program may need"
        message = f"{count} {'are' if draft.losses > 1 else 'is'} not in this spec: see what is left out above"
        where = "" if path.as_posix() == "mlspec.yaml" else f" {shlex.quote(path.as_posix())}"
        hint = f"write what it needs into {path.as_posix()}, then: mlspec check{where}"
        yield Problem(code="MLS415", message=message, hint=hint, file=path.as_posix())


def _ask_questions(folder: Folder, wanted: DraftOptions, draft: Draft) -> Draft:
    """Return the draft after every question in it was answered; an answer that cannot be right is asked for again."""
    for question in draft.questions:
        wanted, draft = _ask_question(folder, wanted, question)
    return draft


def _ask_question(folder: Folder, wanted: DraftOptions, question: Question) -> tuple[DraftOptions, Draft]:
    from dataclasses import replace

    from mlspec.advice import draft as starter
    from mlspec.errors import SpecError

    while True:
        answer = ask(question.text, question.guess)
        # A guess that is taken stays one, with its reason.
        said: dict[str, Any] = {question.key: answer.strip()}
        if question.key == "requirements":
            said = {question.key: tuple(re.split(r"[,\s]+", answer.strip()))}
        now = wanted if answer == question.guess else replace(wanted, **said)
        try:
            return now, starter.draft(folder, now)
        except SpecError as error:
            for problem in error.problems:
                show(problem)
