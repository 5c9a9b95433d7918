"""The command ``mlspec import``."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlspec.cli.options import quiet_option
from mlspec.cli.specs import finish, today
from mlspec.cli.terminal import answer, answer_file, say, show

if TYPE_CHECKING:
    from mlspec.advice.imports.read_inputs import ImportResult


# Files that a spec named mlspec.yaml generates, and that an import may read.
_GENERATED = {"Dockerfile", "compose.yaml"}


@click.command("import")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.Path())
@click.option(
    "--into", default="mlspec.yaml", metavar="SPEC", type=click.Path(), help="Spec to write. Default: mlspec.yaml."
)
@click.option(
    "--format", "kind", type=click.Choice(["text", "json"]), default="text", help="Format of the report on stdout."
)
@click.option("-y", "--yes", is_flag=True, help="Exit 0 in spite of lines that are unsure: they are comments to do.")
@click.option("--strict", is_flag=True, help="Exit 1 if a line is lost or unsure, with --yes too.")
@quiet_option
def import_(paths: tuple[str, ...], into: str, kind: str, yes: bool, strict: bool) -> None:
    """Write an mlspec.yaml from the files of another tool.

    PATH is a cog.yaml, an environment file of conda, a Dockerfile, a Compose file, a README with a docker run line, a
    pyproject.toml, Pipfile, setup.py or setup.cfg, a list of requirements, a Truss, a bentofile.yaml, a service.py of
    BentoML, a pixi.toml, a devcontainer.json, or a folder with one of them. In place of files, give a command:
    mlspec import -- docker run ...
    Each line is carried, changed, guessed, unsure (a comment to do in the spec) or lost, and the report says why.
    Exit 1 if a line is lost or unsure. Never overwrite a file.
    """
    from mlspec import api
    from mlspec.host import import_files
    from mlspec.host.files import writing

    target = Path(into)
    finish(target)
    writing.check_free(target)
    result = import_files.import_paths([Path(path) for path in paths], target)
    files = {target.name: result.spec.text, **result.spec.files}
    import_files.write_import(result, target)
    _show_report(result, kind, files)
    say(f"python: {result.spec.python} ({result.spec.python_why})")
    where = "" if into == "mlspec.yaml" else f" {shlex.quote(target.as_posix())}"
    say(f"wrote {_list_names(files, target)}; review it, then: mlspec render{where}")
    for name in sorted({row.file for row in result.report.rows} & _GENERATED):
        say(f"the new {name} has the name of the imported one; to overwrite that: mlspec render --force{where}")
    problems = api.check(target, today(), lambda _: None)
    for problem in problems:
        show(problem)
    is_wrong = any(problem.severity == "error" for problem in problems)
    sys.exit(int(is_wrong or not _is_well(result, yes=yes and not strict)))


def _is_well(result: ImportResult, *, yes: bool) -> bool:
    outcomes = {row.outcome for row in result.report.rows}
    return "lost" not in outcomes and (yes or "unsure" not in outcomes)


def _show_report(result: ImportResult, kind: str, files: Iterable[str]) -> None:
    from mlspec.advice.imports import account

    if kind == "json":
        answer_file(account.format_json(result.report, tuple(files)))
    else:
        answer(account.format_text(result.report), ends_line=False)


def _list_names(files: Mapping[str, str], target: Path) -> str:
    return " and ".join((target.parent / name).as_posix() for name in files)
