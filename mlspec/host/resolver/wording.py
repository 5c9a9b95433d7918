"""Problems at the requirement that they are about."""

from __future__ import annotations

from mlspec.errors import Problem
from mlspec.lock.requirements.values import Requirement


def problem_at(code: str, message: str, hint: str = "", requirement: Requirement | None = None) -> Problem:
    """Return a problem at the place of a requirement, or at none."""
    return requirement.problem(code, message, hint) if requirement else Problem(code=code, message=message, hint=hint)
