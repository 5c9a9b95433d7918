"""The lines of the files that requirements stand in: each whole, and where it was written."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass

from mlspec.errors import Span
from mlspec.lock.requirements.values import Place


@dataclass(frozen=True, slots=True)
class RequirementLine:
    """A logical line, where it was written, and the files that led to it, innermost last."""

    text: str
    place: Place
    trail: tuple[str, ...] = ()
    is_constraint: bool = False

    @property
    def folder(self) -> str:
        """The folder of the file that this line stands in, to which its paths are relative."""
        return posixpath.dirname(self.trail[-1]) if self.trail else ""


def lines_of(text: str, path: str, shown: str, outer: RequirementLine) -> Iterator[RequirementLine]:
    """Yield the lines of the file ``path``, which the line ``outer`` names; messages call the file ``shown``."""
    for number, written, joined in _logical_lines(text):
        column = len(written) - len(written.lstrip()) + 1
        end = max(column + 1, len(_COMMENT.sub("", written).rstrip().rstrip("\\").rstrip()) + 1)
        place = Place(path=outer.place.path, file=shown, span=Span(number, column, number, end), excerpt=written)
        yield RequirementLine(joined, place, (*outer.trail, path), outer.is_constraint)


# As pip has it: a comment starts the line or follows a space, so that `#subdirectory=` stays.
_COMMENT = re.compile(r"(?:^|(?<!\s)\s+)#.*$")


def _logical_lines(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield each logical line's number, its first line as written, and its joined text without comments."""
    parts: list[str] = []
    number, written = 0, ""
    lines = text.split("\n")
    for position, line in enumerate(lines, start=1):
        if not parts:
            number, written = position, line
        is_comment = bool(_COMMENT.match(line))
        # A comment ends a continued line, as it does for pip.
        if line.endswith("\\") and not is_comment and position < len(lines):
            parts.append(line.rstrip("\\"))
            continue
        joined = "".join((*parts, f" {line}" if is_comment else line.rstrip("\\")))
        parts = []
        if stripped := _COMMENT.sub("", joined).strip():
            yield number, written, stripped
