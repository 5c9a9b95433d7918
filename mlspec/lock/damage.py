"""What is said of a lock whose text is not what was written: after a merge, or an edit by hand."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NoReturn

from mlspec.errors import Problem, Span, SpecError

REWRITE = "a lock is written by mlspec only; run: mlspec lock"
"""The hint where a lock is damaged."""

_CONFLICT = re.compile(r"^(?:<{7}|={7}|>{7}|\|{7})(?: |$)")


@dataclass(frozen=True, slots=True)
class LockLine:
    """A line of a lock, where it may be damaged."""

    file: str
    number: int
    line: str

    def fail(self, message: str) -> NoReturn:
        """Raise SpecError with a problem that points at this line."""
        span = Span(self.number, 1, self.number, len(self.line) + 1)
        raise SpecError(Problem(code="MLS221", message=message, hint=REWRITE).at(self.file, span, self.line))

    def check(self) -> None:
        """Raise SpecError where this line is what a merge leaves between two sides."""
        if _CONFLICT.match(self.line):
            self.fail("this lock holds both sides of a merge")


def first_side(text: str) -> str:
    """Return ``text`` with the first side of each conflict that a merge left in it."""
    kept, is_kept = [], True
    for line in text.split("\n"):
        if _CONFLICT.match(line):
            is_kept = line.startswith(("<", ">"))
        elif is_kept:
            kept.append(line)
    return "\n".join(kept)
