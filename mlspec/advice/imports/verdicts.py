"""The verdicts on lines of another tool's file: the outcome of a line in the spec, and the reason."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

from mlspec.advice.draft.readers.statements import shorten

_DOCKERFILE = re.compile(r"(?i)dockerfile|containerfile")
Outcome = Literal["carried", "changed", "guessed", "unsure", "lost"]
OUTCOMES: tuple[Outcome, ...] = ("carried", "changed", "guessed", "unsure", "lost")
"""The outcomes, the best first; an unsure line becomes a comment in the spec, a lost line is not in the spec."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineVerdict:
    """The verdict on one statement, which is on the lines from ``number`` to ``end`` of a file.

    The statement adds ``key`` and ``value`` to the spec. Without a key, mlspec does the same by itself, or the
    statement is lost. For a mapping, ``value`` is a pair. ``comments`` and ``remark`` are the comments of the input
    above the statement and behind it.
    """

    file: str
    number: int
    end: int
    text: str
    outcome: Outcome
    key: str = ""
    value: Any = None
    why: str = ""
    comments: tuple[str, ...] = ()
    remark: str = ""
    reads: tuple[str, ...] = ()
    """Files that the line names and that the import reads too."""
    repeated: str = ""
    """The key of a statement that repeats another line."""
    arguments: tuple[tuple[str, str], ...] = ()
    """The build arguments for the files that the line names."""
    image: str = ""
    """The image that the statement is about, if the files describe several images."""

    @property
    def place(self) -> str:
        """The file and the line number; only the file for a verdict on the whole file."""
        return f"{self.file}:{self.number}" if self.number else self.file

    @property
    def is_loss(self) -> bool:
        """Whether the spec does not have the statement."""
        return self.outcome in {"lost", "unsure"}

    def worsen(self, outcome: Outcome, why: str) -> LineVerdict:
        """Return the verdict with the worse of both outcomes and both reasons, its own reason first."""
        worst = max(self.outcome, outcome, key=OUTCOMES.index)
        reasons = "; ".join(dict.fromkeys(filter(None, (self.why, why))))
        return replace(self, outcome=worst, why=reasons)

    def lose(self, why: str) -> LineVerdict:
        """Return the verdict that the same statement is lost."""
        return replace(self, outcome="lost", key="", value=None, why=why)


@dataclass(frozen=True, slots=True)
class ImportSource:
    """A file of another tool: its path from the spec's folder, its text, a reader of other files, and build arguments.

    The reader takes a path from the spec's folder, and returns None if there is no readable text.
    """

    file: str
    text: str
    read: Callable[[str], str | None] = lambda _: None
    arguments: tuple[tuple[str, str], ...] = ()

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines of the text, without line ends."""
        return tuple(self.text.split("\n"))

    def locate(self, path: str) -> str:
        """Return a path in the file as a path from the spec's folder.

        In lists for pip, paths are relative to the list; in a Dockerfile, they are relative to the build context.
        """
        folder = posixpath.dirname(self.file) if not _DOCKERFILE.search(self.file) else ""
        return posixpath.normpath(posixpath.join(folder, path.removeprefix("./")))

    def carry(self, number: int, text: str, key: str = "", value: Any = None, why: str = "") -> LineVerdict:  # noqa: ANN401
        """Return the verdict that the spec has the line unchanged; without a key, mlspec does it by itself."""
        return self._judge("carried", (number, text), (key, value), why)

    def change(self, number: int, text: str, key: str, value: Any, why: str) -> LineVerdict:  # noqa: ANN401
        """Return the verdict that the spec has the line in another form."""
        return self._judge("changed", (number, text), (key, value), why)

    def guess(self, number: int, text: str, key: str, value: Any, why: str) -> LineVerdict:  # noqa: ANN401
        """Return the verdict that the meaning of the line is a guess."""
        return self._judge("guessed", (number, text), (key, value), why)

    def doubt(self, number: int, text: str, key: str, why: str) -> LineVerdict:
        """Return the verdict that a person has to decide about the line: it becomes a comment at the key."""
        return self._judge("unsure", (number, text), (key, None), why)

    def lose(self, number: int, text: str, why: str) -> LineVerdict:
        """Return the verdict that the spec does not have the line."""
        return self._judge("lost", (number, text), ("", None), why)

    def _judge(self, outcome: Outcome, where: tuple[int, str], what: tuple[str, Any], why: str) -> LineVerdict:
        (number, text), (key, value) = where, what
        place: dict[str, Any] = {"file": self.file, "number": number, "end": number, "text": shorten(text)}
        return LineVerdict(**place, outcome=outcome, key=key, value=value, why=why)


def spread(verdict: LineVerdict, end: int) -> LineVerdict:
    """Return the verdict for a statement that extends to the line ``end``."""
    return replace(verdict, end=max(verdict.number, end))
