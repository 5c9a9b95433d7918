"""The place of a value, so that a problem can point at it."""

from __future__ import annotations

from dataclasses import dataclass, field

from mlspec.errors import KeyPath, Problem, Severity, Span
from mlspec.spec.document import Document


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The place of a value: a key of the spec, with its ``document``, or a line of a file."""

    path: KeyPath = ()
    file: str = ""
    span: Span | None = None
    excerpt: str = ""
    document: Document | None = field(default=None, compare=False, repr=False)

    def problem(self, code: str, message: str, hint: str = "", *, severity: Severity = "error") -> Problem:
        """Return a problem that points at this place."""
        problem = Problem(code=code, message=message, hint=hint, path=() if self.file else self.path, severity=severity)
        if self.file:
            return problem.at(self.file, self.span, self.excerpt)
        return self.document.place(problem) if self.document else problem
