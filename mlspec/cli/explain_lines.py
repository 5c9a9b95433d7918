"""Explanations of artifacts, as text for a terminal and as JSON."""

from __future__ import annotations

import json
import shutil
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlspec.cli.specs import each
from mlspec.cli.terminal import answer, answer_file, say

if TYPE_CHECKING:
    from mlspec.advice.explain.explanation import Explained, ExplainedLine, Explanation
    from mlspec.advice.explain.origins import Origin


TO_THE_END = 10**9
"""The last line of a range that is a whole file."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A range of lines of a file: its first line and its last line, counted from 1."""

    file: Path
    first: int
    last: int

    @property
    def is_whole(self) -> bool:
        """Tell whether the user named the file without lines."""
        return self.last >= TO_THE_END

    def holds(self, file: str, line: int) -> bool:
        """Tell whether the range contains a line of a file."""
        return Path(file) == self.file and self.first <= line <= self.last


def print_explanations(
    subjects: Mapping[str, Sequence[Stretch]], targets: Sequence[str], image: str | None, *, as_json: bool
) -> None:
    """Print the origins of the artifacts' lines, and exit as ``each`` does.

    ``subjects`` maps the paths of specs to ranges of lines. Without subjects, explain the specs of this folder.
    """
    shown: list[Explanation] = []

    def collect(path: Path) -> bool:
        shown.extend(_choose_explanations(path, _explain_spec(path, targets), subjects.get(path.as_posix(), ()), image))
        return True

    try:
        each(tuple(subjects), collect)
    except SystemExit:
        if as_json:
            _print_json(shown)
        elif shown:
            answer("\n".join(line for explanation in shown for line in _page(explanation)))
        raise


def _print_json(shown: Iterable[Explanation]) -> None:
    from mlspec.advice.explain.explanation import as_data

    document = {"version": 1, "artifacts": [as_data(explanation) for explanation in shown]}
    answer_file(f"{json.dumps(document, indent=2)}\n")


def _explain_spec(path: Path, targets: Sequence[str]) -> Explained:
    from mlspec import api

    explained = api.explain(path, targets)
    if not explained.is_locked:
        say(f"{path.as_posix()}: there is no current lock, so the base and packages are only those that the spec names")
    elif explained.stale:
        say(
            f"{path.as_posix()}: {', '.join(explained.stale)} would change; this explains the files that mlspec "
            "render would write"
        )
    return explained


def _choose_explanations(
    path: Path, explained: Explained, stretches: Sequence[Stretch], image: str | None
) -> Iterator[Explanation]:
    from mlspec.spec.spec import choose_image

    if image is not None:
        choose_image(explained.spec, image)
    found = [e for e in explained.explanations if image is None or e.image == image]
    if not stretches:
        yield from found
    for stretch in stretches:
        own = [e for e in found if Path(e.path) == stretch.file]
        chosen = [_cut_out(e, stretch) for e in own] or [_keep_caused_lines(e, stretch) for e in found]
        if not any(e.lines for e in chosen):
            raise click.UsageError(_nothing(path, found, stretch))
        yield from (e for e in chosen if e.lines)


def _cut_out(explanation: Explanation, stretch: Stretch) -> Explanation:
    return replace(explanation, lines=explanation.lines[stretch.first - 1 : stretch.last])


def _keep_caused_lines(explanation: Explanation, stretch: Stretch) -> Explanation:
    """Keep the lines of an artifact that come from a range of the spec, or of a file that the spec names."""
    lines = explanation.lines
    caused = (line for line in lines if any(stretch.holds(origin.file, origin.line) for origin in line.origins))
    return replace(explanation, lines=tuple(caused))


def _nothing(path: Path, found: Sequence[Explanation], stretch: Stretch) -> str:
    own = next((e for e in found if Path(e.path) == stretch.file), None)
    if own:
        return f"{own.path} has {len(own.lines)} lines"
    made = f"{path.as_posix()} makes: {', '.join(e.path for e in found)}"
    if stretch.is_whole:
        return f"there is no spec, no generated file and no code {stretch.file.as_posix()}; {made}"
    return f"nothing comes from {stretch.file.as_posix()}:{stretch.first}; {made}"


# A page


def _page(explanation: Explanation) -> Iterator[str]:
    width = max(40, shutil.get_terminal_size((100, 24)).columns)
    margin = len(str(explanation.lines[-1].number)) + 3 if explanation.lines else 3
    yield click.style(explanation.path, bold=True)
    before: tuple[Origin, ...] = ()
    said = ""
    for (origins, why), group in groupby(explanation.lines, key=lambda line: (line.origins, line.why)):
        lines = tuple(group)
        yield from _lines(lines, margin, width)
        if origins != before:
            yield from _origins(origins, explanation.path, margin, width)
        before = origins
        said += _comment(lines)
        # Do not repeat a comment that is already on the page.
        if why not in said:
            said += f" {why}"
            for text in textwrap.wrap(why, width - margin):
                yield f"{' ' * margin}{click.style(text, dim=True)}"
    yield ""


def _comment(lines: Iterable[ExplainedLine]) -> str:
    comments = (line.text.strip().removeprefix("#").strip() for line in lines if line.text.lstrip().startswith("#"))
    return "".join(f" {comment}" for comment in comments if comment)


_MOST_LINES = 12
_MOST_ORIGINS = 4


def _lines(lines: Sequence[ExplainedLine], margin: int, width: int) -> Iterator[str]:
    """Yield lines with their numbers, cut to the width; of many lines, yield the first ones and the last one."""
    cut = len(lines) > _MOST_LINES
    for line in lines[: _MOST_LINES - 2] if cut else lines:
        # A blank line is only a separator and needs no number, unless it is the only line.
        yield _format_numbered_line(line, margin, width) if line.text or len(lines) == 1 else ""
    if cut:
        yield f"{'...':>{margin - 1}}"
        yield _format_numbered_line(lines[-1], margin, width)


def _format_numbered_line(line: ExplainedLine, margin: int, width: int) -> str:
    return f"{click.style(f'{line.number:>{margin - 1}}', dim=True)} {_cut(line.text, width - margin)}"


def _origins(origins: Sequence[Origin], path: str, margin: int, width: int) -> Iterator[str]:
    arrow = click.style("<-", fg="cyan")
    # Several values may stand on one line; show the line once.
    shown = dict.fromkeys((_place(origin, path), _text(origin)) for origin in origins)
    for place, text in list(shown)[:_MOST_ORIGINS]:
        cut = _cut(text, width - margin - len(place) - 5)
        yield f"{' ' * margin}{arrow} {click.style(place, fg='cyan')}{'  ' if place else ''}{cut}"
    if (more := len(shown) - _MOST_ORIGINS) > 0:
        yield f"{' ' * margin}{arrow} and {more} more"


def _place(origin: Origin, path: str) -> str:
    """Return the file, relative to the artifact's folder, and the line; without a file, "default", "lock" or ""."""
    if not origin.file:
        return {"default": "default", "lock": "lock"}.get(origin.kind, "")
    folder = Path(path).parent.as_posix()
    file = origin.file.removeprefix(f"{folder}/")
    return f"{file}:{origin.line}" if origin.line else file


def _text(origin: Origin) -> str:
    """Return the text of an origin, with its key in front if the text is an item of a list."""
    top = origin.key.partition("[")[0].rpartition(".")[2]
    return f"{top}: {origin.text}" if top and origin.text.startswith("- ") else origin.text


def _cut(text: str, width: int) -> str:
    shown = text.replace("\t", "    ")
    return shown if len(shown) <= width else f"{shown[: max(1, width - 1)]}…"
