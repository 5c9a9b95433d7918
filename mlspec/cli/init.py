"""The command ``mlspec init``."""

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
@click.option("-y", "--yes", is_flag=True, help="Ask no questions; use the guesses.")
@quiet_option
def init(folder: str, yes: bool, **wanted: Any) -> None:  # noqa: ANN401 - the fields of Wanted
    """Write a first mlspec.yaml from what is in the folder.

    Print each guess with its reason. On a terminal, ask what only you know; each question has an option. With --yes,
    take the guesses, and exit 1 if something that the program may need is left out. Never overwrite a file.
    """
    from mlspec.advice.draft import DraftOptions, draft_spec, gitignore_text, list_ignored
    from mlspec.cli.editors import write_schema
    from mlspec.host.files import writing
    from mlspec.host.files.survey import survey_folder

    path = Path(folder) / "mlspec.yaml"
    finish(path)
    writing.check_free(path)
    found, wishes = survey_folder(Path(folder)), DraftOptions(**wanted)
    draft = draft_spec(found, wishes)
    is_asked = not yes and is_terminal(sys.stdin) and is_terminal(sys.stderr)
    if is_asked:
        try:
            draft = _ask_questions(found, wishes, draft)
        except click.Abort:
            exit_interrupted("\ninterrupted; nothing was written")
    writing.create(path, draft.text)
    schema = write_schema(path.parent)
    patterns = list_ignored(found, draft)
    gitignore = writing.create_gitignore(path.parent, gitignore_text(patterns))
    _show_draft(draft)
    where = "" if folder == "." else f" {shlex.quote(path.as_posix())}"
    if schema:
        say(f"wrote {schema.as_posix()}, which lets editors complete and check the spec")
    if gitignore:
        say(f"wrote {gitignore.as_posix()}, which lets git ignore {', '.join(patterns)}")
    say(f"wrote {path.as_posix()}; review it, then: mlspec render{where}")
    _point_at_import(path.parent)
    problems = tuple(_find_problems(path, draft))
    for problem in problems:
        show(problem)
    # A person who answered the questions has read the problems. A program reads only the exit code.
    sys.exit(int(not is_asked and any(problem.severity == "error" for problem in problems)))


def _point_at_import(folder: Path) -> None:
    """Name the command that reports on each line of another tool's file, if there is such a file."""
    from mlspec.host.import_files import find_foreign

    if found := find_foreign(folder):
        words = shlex.quote(found.as_posix()), shlex.quote((folder / "imported.yaml").as_posix())
        say(f"for a report on each line of {found.as_posix()}: mlspec import {words[0]} --into {words[1]}")


def _show_draft(draft: Draft) -> None:
    """Show the choices, changes and omissions; with --quiet, only those that the program may need."""
    for choice in draft.choices:
        (tell if choice.matters else say)(f"  {choice}")
    for statement in draft.statements:
        (tell if statement.is_loss else say)(f"  {statement}")


def _find_problems(path: Path, draft: Draft) -> Iterator[Problem]:
    """Yield the problems of a first spec: those that `mlspec check` finds, and one for the omissions."""
    from mlspec import api
    from mlspec.cli.specs import today
    from mlspec.errors import Problem

    yield from api.check(path, today(), lambda _: None)
    if draft.losses:
        count = f"{draft.losses} thing{'s' * (draft.losses > 1)} that the program may need"
        message = f"{count} {'are' if draft.losses > 1 else 'is'} not in this spec: see the lines with `left out` above"
        where = "" if path.as_posix() == "mlspec.yaml" else f" {shlex.quote(path.as_posix())}"
        hint = f"write what it needs into {path.as_posix()}, then: mlspec check{where}"
        yield Problem(code="MLS415", message=message, hint=hint, file=path.as_posix())


def _ask_questions(folder: Folder, wanted: DraftOptions, draft: Draft) -> Draft:
    """Ask all questions of a draft and return the new draft. Repeat a question after an invalid answer."""
    for question in draft.questions:
        wanted, draft = _ask_question(folder, wanted, question)
    return draft


def _ask_question(folder: Folder, wanted: DraftOptions, question: Question) -> tuple[DraftOptions, Draft]:
    from dataclasses import replace

    from mlspec.advice.draft import draft_spec
    from mlspec.errors import SpecError

    while True:
        answer = ask(question.text, question.guess)
        # An accepted guess stays a guess, and so keeps its reason.
        said: dict[str, Any] = {question.key: answer.strip()}
        if question.key == "requirements":
            said = {question.key: tuple(re.split(r"[,\s]+", answer.strip()))}
        now = wanted if answer == question.guess else replace(wanted, **said)
        try:
            return now, draft_spec(folder, now)
        except SpecError as error:
            for problem in error.problems:
                show(problem)
