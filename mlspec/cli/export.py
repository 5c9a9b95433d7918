"""The command ``mlspec export``."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlspec.cli.options import PLATFORMS, file_option, image_argument, or_list, quiet_option, wish_of
from mlspec.cli.specs import one_spec
from mlspec.cli.terminal import answer_file, say, show

if TYPE_CHECKING:
    from mlspec.plan.plan import Plan
    from mlspec.targets.exports.export_facts import ExportForm

# pip, uv and conda know the form of a file by its name.
_NAMES = {"pylock": r"pylock(\.[^.]+)?\.toml", "conda": r".+\.ya?ml"}
_EXAMPLES = {"pylock": ("pylock.toml", "pylock.NAME.toml"), "conda": ("environment.yml", "NAME.yaml")}


@click.command()
@click.argument("form", type=click.Choice(["requirements", "pylock", "conda"]))
@image_argument
@click.option("--platform", type=PLATFORMS, help="One of several platforms. Default: the first.")
@click.option("-o", "--output", metavar="FILE", type=click.Path(), help="Write the packages to a file.")
@click.option("--force", is_flag=True, help="Overwrite FILE.")
@file_option
@quiet_option
def export(
    form: ExportForm, image: str | None, platform: str | None, output: str | None, force: bool, file: str | None
) -> None:
    """Print an image's packages for another tool, as they are locked.

    FORM is requirements (a requirements.txt of pip and uv, with hashes), pylock (a pylock.toml of PEP 751), or conda
    (an environment.yml). Whatever the form cannot hold is a message. Exit 1 if it lacks a package. Only pylock uses the
    network, to ask the index for the addresses of the files. No file has a login.
    """
    from mlspec import api

    _check_name(form, output)
    rendered = api.render(one_spec(file), wish_of(locked=True, unpinned=True))
    plan = rendered.plan(image, platform)
    found = api.export(rendered, plan, form, say)
    if output is None:
        answer_file(found.text)
    else:
        _write(Path(output), found.text, force=force)
        say(f"wrote {output}")
    for problem in found.losses:
        show(problem)
    _tell_rest(plan, found.keys)
    sys.exit(int(any(problem.severity == "error" for problem in found.losses)))


def _check_name(form: str, output: str | None) -> None:
    if output and form in _NAMES and not re.fullmatch(_NAMES[form], Path(output).name):
        raise click.UsageError(f'no tool reads "{output}" as {form}; name it {or_list(_EXAMPLES[form])}')


def _write(path: Path, text: str, *, force: bool) -> None:
    from mlspec.errors import Problem, SpecError
    from mlspec.host.files import reading, writing
    from mlspec.spec.files import Artifact

    if path.exists() and not force and reading.text_of(path) != text:
        message = f"{path.as_posix()} already exists, so it is left unchanged"
        hint = f"name another file, or overwrite it: --force -o {shlex.quote(path.as_posix())}"
        raise SpecError(Problem(code="MLS402", message=message, hint=hint))
    writing.write([Artifact(path.name, text)], path.parent)


def _tell_rest(plan: Plan, keys: tuple[str, ...]) -> None:
    if keys:
        say(f"only the packages; not exported: {', '.join(keys)}")
    if others := [platform for platform in plan.platforms if platform != plan.platform]:
        say(f"for {plan.platform}; for the other platform: --platform {others[0]}")
