"""The findings of the doctor: a line about a working part, or a problem with its fix."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from mlspec.errors import Problem, Severity

State = Literal["ok", "warning", "error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A line about one topic, with a problem if there is one."""

    topic: str
    message: str
    problem: Problem | None = None

    @property
    def state(self) -> State:
        """The severity of the problem, or ``ok``: an error stops a build or a run."""
        return self.problem.severity if self.problem else "ok"


def fine(topic: str, message: str) -> Finding:
    """Return a finding without a problem."""
    return Finding(topic=topic, message=message)


def as_finding(topic: str, problem: Problem) -> Finding:
    """Return a finding with a problem, whose message becomes the line."""
    return Finding(topic=topic, message=problem.message, problem=problem)


def problem(code: str, message: str, hint: str, severity: Severity = "error") -> Problem:
    """Return a problem of a host, which has no place in a file."""
    return Problem(code=code, message=message, hint=hint, severity=severity)


def join_names(images: Iterable[str]) -> str:
    """Join names for a sentence, each name once."""
    return ", ".join(dict.fromkeys(images))
