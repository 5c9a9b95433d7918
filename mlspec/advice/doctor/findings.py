"""What the rules find: something that is fine, said in a line, or a problem with its fix."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from mlspec.errors import Problem, Severity

State = Literal["ok", "warning", "error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was found about one topic, in a line; with a problem where something is not as it should be."""

    topic: str
    message: str
    problem: Problem | None = None

    @property
    def state(self) -> State:
        """Whether it is fine, or how grave the problem is: an error stops a build or a run."""
        return self.problem.severity if self.problem else "ok"


def fine(topic: str, message: str) -> Finding:
    """Return a finding of something that is as it should be."""
    return Finding(topic=topic, message=message)


def as_finding(topic: str, problem: Problem) -> Finding:
    """Return a finding of a problem."""
    return Finding(topic=topic, message=problem.message, problem=problem)


def problem(code: str, message: str, hint: str, severity: Severity = "error") -> Problem:
    """Return a problem of a host, which has no place in a file."""
    return Problem(code=code, message=message, hint=hint, severity=severity)


def join_names(images: Iterable[str]) -> str:
    """Return the names of images for a sentence, each once."""
    return ", ".join(dict.fromkeys(images))
