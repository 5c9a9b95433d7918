"""The command ``mlspec explain``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlspec.cli import candidates
from mlspec.cli.options import or_list, quiet_option
from mlspec.cli.terminal import page
from mlspec.spec.targets import TARGETS

if TYPE_CHECKING:
    from mlspec.cli.explain_lines import Stretch
    from mlspec.facts.codes import Code

# An argument that the user means as a code; any other argument names a spec.
_CODE = re.compile(r"mls[-_ ]?\w*\d\w*", re.IGNORECASE)
# A line or a range of lines of a file: Dockerfile:42, run.sh:10-20.
_LINES = re.compile(r"(.+?):([1-9][0-9]*)(?:-([1-9][0-9]*))?")


@click.command()
@click.argument("subjects", nargs=-1, metavar="[SPEC | FILE[:LINE[-LINE]] | CODE]...", shell_complete=candidates.specs)
@click.option(
    "--target",
    "targets",
    multiple=True,
    type=click.Choice([*TARGETS, "lock"]),
    metavar="NAME",
    help=f"{or_list([*TARGETS, 'lock'])}; may be repeated.",
)
@click.option("--image", metavar="NAME", shell_complete=candidates.images, help="Explain only this image of several.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="Default: text.")
@quiet_option
def explain(subjects: tuple[str, ...], targets: tuple[str, ...], image: str | None, form: str) -> None:
    """Show where each line of the generated files comes from.

    That is a line of the spec, a default, the lock or a rule of mlspec, and the comment above the line or what the key
    means. Dockerfile:42 or Dockerfile:10-20 shows these lines of a generated file; mlspec.yaml:4 shows what comes from
    that line of a spec. MLS101 shows what the code of a problem means, and what to do about it.

    Writes nothing, and uses no network.
    """
    codes = [subject for subject in subjects if _CODE.fullmatch(subject)]
    if codes and len(codes) == len(subjects):
        _explain_codes(subjects)
        return
    if codes:
        raise click.UsageError(f"{codes[0]} is a code, but the others are not; name one kind at a time")
    from mlspec.cli import explain_lines

    explain_lines.print_explanations(_subjects(subjects), targets, image, as_json=form == "json")


def _subjects(subjects: tuple[str, ...]) -> dict[str, list[Stretch]]:
    """Return the paths of the specs to explain, each with its ranges of lines; no range means all lines."""
    from mlspec.cli.explain_lines import TO_THE_END, Stretch
    from mlspec.host.files import reading
    from mlspec.host.files.find import is_generated

    found: dict[str, list[Stretch]] = {}
    for subject in subjects:
        lines = _LINES.fullmatch(subject)
        path = Path(lines[1] if lines else subject)
        is_spec = path.is_dir() or (path.suffix in {".yaml", ".yml"} and not is_generated(path.as_posix()))
        first, last = sorted((int(lines[2]), int(lines[3] or lines[2]))) if lines else (1, TO_THE_END)
        for spec in reading.list_specs([path.as_posix()]) if is_spec else reading.specs_of(path):
            stretches = found.setdefault(spec.as_posix(), [])
            if lines or not is_spec:
                stretches.append(Stretch(path, first, last))
    return found


def _explain_codes(names: tuple[str, ...]) -> None:
    rows = [_find_code(name) for name in names]
    page("\n\n".join(f"## {row.code}: {row.title}\n\n{row.text}" for row in dict.fromkeys(rows)))


def _find_code(name: str) -> Code:
    from mlspec.facts import codes
    from mlspec.text import nearest

    written = re.sub("[-_ ]", "", name.upper())
    if row := codes.find_code(written):
        return row
    # O, I and L after the prefix most likely mean digits.
    drawn = written[:3] + written[3:].translate(str.maketrans("OIL", "011"))
    known = [row.code for row in codes.codes()]
    near = (drawn,) if drawn in known else nearest(written, known, most=3, cutoff=0.8)
    hint = f"did you mean {' or '.join(near)}?" if near else "a code is after the place of a problem, such as MLS101"
    raise click.UsageError(f"there is no code {written}; {hint}")
