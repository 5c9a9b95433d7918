"""The names and extras in the texts of requirements."""

from __future__ import annotations

from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Pep508
from packaging.utils import canonicalize_name


def find_name(text: str) -> str:
    """Return the normalised name of the package of a requirement; empty if the text is no requirement."""
    try:
        return canonicalize_name(Pep508(text).name)
    except InvalidRequirement:
        return ""


def list_own_extras(text: object, own: str) -> tuple[str, ...]:
    """Return the extras that ``text`` asks of the package ``own`` itself."""
    try:
        parsed = Pep508(str(text))
    except InvalidRequirement:
        return ()
    return tuple(sorted(parsed.extras)) if own and canonicalize_name(parsed.name) == own else ()
