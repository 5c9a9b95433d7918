"""Typos in requirements, and their repairs."""

from __future__ import annotations

import re
from collections.abc import Iterable

from mlspec.errors import Repair, Replace, Split
from mlspec.lock.requirements import requirement_syntax
from mlspec.lock.requirements.requirement_types import Requirement
from mlspec.spec.place import Place

_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*(?:\[[^\]]*\])?"
# Patterns of typos, with their corrections; the first correction that is a requirement counts. The typos in _SURE have
# only one possible meaning. The others are guesses: `=2.1` of conda and `^2.1` of poetry are ranges for which pip has
# no operator of the same meaning.
_SURE: tuple[tuple[str, str], ...] = (
    (r"""^(["'])(.+)\1$""", r"\2"),
    # A line of conda list --export: name, version and build.
    (rf"^({_NAME})\s*==\s*([\w.!+]+)=[\w.]+$", r"\1==\2"),
    (rf"^({_NAME})\s*=([<>])\s*(.+)$", r"\1\2=\3"),
    (rf"^({_NAME})\s*([<>])\s+=\s*(.+)$", r"\1\2=\3"),
    (r"^(.+?)[,;]\s*$", r"\1"),
    (rf"^({_NAME}\s*[<>=!~]=?\s*[\w.]+)\s*([<>=!~]=?\s*[\w.]+)$", r"\1,\2"),
    (rf"^({_NAME})\s*@\s*(https?://\S+\.git(?:@\S+)?)$", r"\1 @ git+\2"),
)
_TYPOS: tuple[tuple[str, str], ...] = (
    *_SURE,
    (r"^[\w-]+::(.+)$", r"\1"),
    (rf"^({_NAME})\s*=\s*([\w.!+*]+)(?:=\S+)?$", r"\1==\2"),
    (rf"^({_NAME})\s*(?:\^|~)\s*([\d.]+)$", r"\1~=\2"),
    (rf"^({_NAME})\s*>=?\s*([\d.]+)\.\*$", r"\1>=\2"),
    (rf"^({_NAME})\s*[\s:@]\s*v?(\d[\w.]*)$", r"\1==\2"),
)


def suggestion(text: str) -> str:
    """Return a hint with the probable meaning of a text that is no requirement, or an empty text."""
    if command := re.match(r"^pip3? install (.+)$", text):
        return f"did you mean: {command[1]}"
    if parts := _several(text):
        return "write one requirement per entry: " + ", ".join(parts)
    offer = _offer(text, _TYPOS)
    return f"did you mean: {offer}" if offer else ""


def repairs(text: str, place: Place) -> tuple[Repair, ...]:
    """Return the repair of a text in the spec if it has only one possible meaning; other files stay as they are."""
    if place.file:
        return ()
    # Without a comma, `scikit learn` may be one package, and `pip install numpy` a command.
    if parts := _several(text):
        return (Split(place.path, parts),) if "," in text else ()
    offer = _offer(text, _SURE)
    return (Replace(place.path, text, offer),) if offer else ()


def _several(text: str) -> tuple[str, ...]:
    """Return the requirements of a text that consists of several in a row; none if it contains anything else."""
    if re.match(rf"^{_NAME}(?:[=<>!~]+[\w.*]+)?(?:[\s,]+{_NAME}(?:[=<>!~]+[\w.*]+)?)+$", text):
        parts = tuple(part for part in re.split(r"[\s,]+", text) if part)
        if all(_is_requirement(part) for part in parts) and not parts[1][0].isdigit():
            return parts
    return ()


def _is_requirement(text: str) -> bool:
    return isinstance(requirement_syntax.read(text), Requirement)


def _offer(text: str, typos: Iterable[tuple[str, str]]) -> str:
    # Reduce blanks to one each: the patterns try every way to split a run of blanks.
    text = " ".join(text.split())
    offers = (re.sub(pattern, meant, text) for pattern, meant in typos)
    return next((offer for offer in offers if offer != text and _is_requirement(offer)), "")
