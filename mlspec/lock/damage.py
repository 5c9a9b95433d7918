"""Errors for a lock file that a merge or a hand edit damaged."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NoReturn

from mlspec.errors import Problem, Span, SpecError

REWRITE = "only mlspec writes a lock; run: mlspec lock"
"""The hint for a damaged lock."""

_CONFLICT = re.compile(r"^(?:<{7}|={7}|>{7}|\|{7})(?: |$)")


@dataclass(frozen=True, slots=True)
class LockLine:
    """A line of a lock file that may be damaged."""

    file: str
    number: int
    line: str

    def fail(self, message: str) -> NoReturn:
        """Raise SpecError with a problem that points at this line."""
        span = Span(self.number, 1, self.number, len(self.line) + 1)
        raise SpecError(Problem(code="MLS221", message=message, hint=REWRITE).at(self.file, span, self.line))

    def check(self) -> None:
        """Raise SpecError if this line is a conflict marker of a merge."""
        if _CONFLICT.match(self.line):
            self.fail("this lock has unresolved merge conflicts")


def first_side(text: str) -> str:
    """Return ``text`` with the first side of each merge conflict in it."""
    kept, is_kept = [], True
    for line in text.split("\n"):
        if _CONFLICT.match(line):
            is_kept = line.startswith(("<", ">"))
        elif is_kept:
            kept.append(line)
    return "\n".join(kept)
