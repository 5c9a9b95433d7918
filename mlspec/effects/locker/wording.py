"""Problems at the requirement that they are about, and texts without logins."""

from __future__ import annotations

import re

from mlspec.errors import Problem
from mlspec.requirements.values import Requirement


def problem_at(code: str, message: str, hint: str = "", requirement: Requirement | None = None) -> Problem:
    """Return a problem at the place of a requirement, or at none."""
    return requirement.problem(code, message, hint) if requirement else Problem(code=code, message=message, hint=hint)


def public(text: str) -> str:
    """Return a text without the logins of its addresses."""
    return re.sub(r"://[^/\s@]+@", "://", text)
