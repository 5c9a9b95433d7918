"""The FROM lines of a Dockerfile, with the digests of base images that bots change there."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from mlspec.errors import Problem, Span
from mlspec.spec.place import Place

MOVED = "MLS414"
"""The code of a FROM line whose digest differs from that of the lock."""


def back_to_lock(spec: str) -> str:
    """Return the hint that restores the generated files and drops the changes to them."""
    return f"go back to what mlspec wrote: mlspec render --force {shlex.quote(spec)}"


@dataclass(frozen=True, slots=True)
class FromLine:
    """A FROM line of a Dockerfile: its file and line number, the column of the image, and the image."""

    file: str
    number: int
    column: int
    reference: str
    digest: str
    line: str

    @property
    def image(self) -> str:
        """The image as the line spells it."""
        return f"{self.reference}@{self.digest}" if self.digest else self.reference

    def with_image(self, image: str) -> str:
        """Return the line with ``image`` in place of its own image."""
        start = self.column - 1
        return f"{self.line[:start]}{image}{self.line[start + len(self.image) :]}"

    @property
    def place(self) -> Place:
        """The place of the image in the file."""
        span = Span(self.number, self.column, self.number, self.column + len(self.image))
        return Place(file=self.file, span=span, excerpt=self.line)

    def problem(self, message: str, hint: str) -> Problem:
        """Return a problem that points at the image."""
        return self.place.problem(MOVED, message, hint)

    def of_another_image(self, wanted: str, spec: str) -> Problem:
        """Return the problem of a line whose image differs from ``wanted``, the image that the spec asks for."""
        official = re.fullmatch(r"(?:docker\.io/)?(?:library/)?python:(\d+\.\d+(?:\.\d+)?)-(.+)", self.reference)
        keys = f"python: {official[1]}, base: {official[2]}" if official else f"base: {self.reference}"
        message = f"{spec} asks for {wanted}, and this FROM was changed to another image"
        hint = f"write in {spec}: {keys}\nthen, or to {back_to_lock(spec)}"
        return self.problem(message, hint)


_FROM = re.compile(
    r"(?P<front>FROM\s+(?:--\S+\s+)*)(?P<reference>[^\s@]+)(?:@(?P<digest>sha256:[0-9a-f]{64}))?(?=\s|$)"
)


def from_lines(dockerfile: str, file: str) -> tuple[FromLine, ...]:
    """Return the FROM lines of a Dockerfile."""
    lines = enumerate(dockerfile.replace("\r\n", "\n").split("\n"), start=1)
    found = ((number, line, _FROM.match(line)) for number, line in lines)
    return tuple(
        FromLine(file, number, len(match["front"]) + 1, match["reference"], match["digest"] or "", line)
        for number, line, match in found
        if match
    )
