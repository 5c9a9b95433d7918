"""The FROM lines of a Dockerfile, with the digests of base images that bots move there."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from mlspec.errors import Problem, Span

MOVED = "MLS414"
"""The code of a digest in FROM that is not the lock's."""


def back_to_lock(spec: str) -> str:
    """Return the hint that gives up what a file was changed to."""
    return f"go back to what mlspec wrote: mlspec render --force {shlex.quote(spec)}"


@dataclass(frozen=True, slots=True)
class FromLine:
    """A line of a Dockerfile that begins a stage: its file and number, the column of the image, and the image."""

    file: str
    number: int
    column: int
    reference: str
    digest: str
    line: str

    @property
    def image(self) -> str:
        """The image as it is written."""
        return f"{self.reference}@{self.digest}" if self.digest else self.reference

    def with_image(self, image: str) -> str:
        """Return the line with another image in it."""
        start = self.column - 1
        return f"{self.line[:start]}{image}{self.line[start + len(self.image) :]}"

    def problem(self, message: str, hint: str, code: str = MOVED) -> Problem:
        """Return the problem that points at the image."""
        span = Span(self.number, self.column, self.number, self.column + len(self.image))
        return Problem(code=code, message=message, hint=hint).at(self.file, span, self.line)

    def of_another_image(self, wanted: str, spec: str) -> Problem:
        """Return the problem that the line has an image that the spec, which asks for ``wanted``, does not."""
        official = re.fullmatch(r"(?:docker\.io/)?(?:library/)?python:(\d+\.\d+(?:\.\d+)?)-(.+)", self.reference)
        keys = f"python: {official[1]}, base: {official[2]}" if official else f"base: {self.reference}"
        message = f"{spec} asks for {wanted}, and this FROM was changed to another image"
        hint = f"write in {spec}: {keys}\nthen, or to {back_to_lock(spec)}"
        return self.problem(message, hint)


_FROM = re.compile(
    r"(?P<front>FROM\s+(?:--\S+\s+)*)(?P<reference>[^\s@]+)(?:@(?P<digest>sha256:[0-9a-f]{64}))?(?=\s|$)"
)


def from_lines(dockerfile: str, file: str) -> tuple[FromLine, ...]:
    """Return the lines of a Dockerfile that begin a stage."""
    lines = enumerate(dockerfile.replace("\r\n", "\n").split("\n"), start=1)
    found = ((number, line, _FROM.match(line)) for number, line in lines)
    return tuple(
        FromLine(file, number, len(match["front"]) + 1, match["reference"], match["digest"] or "", line)
        for number, line, match in found
        if match
    )
