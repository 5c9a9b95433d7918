"""The logical lines of requirement files, each with its place."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass

from mlspec.errors import Span
from mlspec.spec.place import Place


@dataclass(frozen=True, slots=True)
class RequirementLine:
    """A logical line, its place, and the files that led to it, innermost last."""

    text: str
    place: Place
    trail: tuple[str, ...] = ()
    is_constraint: bool = False

    @property
    def folder(self) -> str:
        """The folder of the file with this line; paths in the line are relative to it."""
        return posixpath.dirname(self.trail[-1]) if self.trail else ""


def lines_of(text: str, path: str, shown: str, outer: RequirementLine) -> Iterator[RequirementLine]:
    """Yield the lines of the file ``path``, which the line ``outer`` names; messages show the file as ``shown``."""
    for number, written, joined in _logical_lines(text):
        column = len(written) - len(written.lstrip()) + 1
        end = max(column + 1, len(_COMMENT.sub("", written).rstrip().rstrip("\\").rstrip()) + 1)
        place = Place(path=outer.place.path, file=shown, span=Span(number, column, number, end), excerpt=written)
        yield RequirementLine(joined, place, (*outer.trail, path), outer.is_constraint)


# As for pip: a comment starts the line or follows a space, so `#subdirectory=` is not a comment.
_COMMENT = re.compile(r"(?:^|(?<!\s)\s+)#.*$")


def _logical_lines(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield the number of each logical line, its first line as written, and its joined text without comments."""
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
