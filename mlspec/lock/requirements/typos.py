"""What is typed by mistake in place of a requirement, and what was meant."""

from __future__ import annotations

import re
from collections.abc import Iterable

from mlspec.errors import Repair, Replace, Split
from mlspec.lock.requirements import syntax as notation
from mlspec.lock.requirements.values import Place, Requirement

_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*(?:\[[^\]]*\])?"
# What is typed by mistake, and what was meant. The first that gives a real requirement is offered. Those in front can
# be meant in one way only; `=2.1` of conda and `^2.1` of poetry are ranges that pip has no such word for.
_SURE: tuple[tuple[str, str], ...] = (
    (r"""^(["'])(.+)\1$""", r"\2"),
    # conda list --export: name, version and build.
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
    """Return what was probably meant by a text that is no requirement, or an empty text."""
    if command := re.match(r"^pip3? install (.+)$", text):
        return f"did you mean: {command[1]}"
    if parts := _several(text):
        return "write one requirement an entry: " + ", ".join(parts)
    offer = _offer(text, _TYPOS)
    return f"did you mean: {offer}" if offer else ""


def repairs(text: str, place: Place) -> tuple[Repair, ...]:
    """Return what a text of the spec becomes where one thing can be meant; files of others are left alone."""
    if place.file:
        return ()
    # Without a comma, `scikit learn` may be one package, and `pip install numpy` a command.
    if parts := _several(text):
        return (Split(place.path, parts),) if "," in text else ()
    offer = _offer(text, _SURE)
    return (Replace(place.path, text, offer),) if offer else ()


def _several(text: str) -> tuple[str, ...]:
    """Return the requirements of a text that holds some, one behind the other; none where it holds anything else."""
    if re.match(rf"^{_NAME}(?:[=<>!~]+[\w.*]+)?(?:[\s,]+{_NAME}(?:[=<>!~]+[\w.*]+)?)+$", text):
        parts = tuple(part for part in re.split(r"[\s,]+", text) if part)
        if all(_is_requirement(part) for part in parts) and not parts[1][0].isdigit():
            return parts
    return ()


def _is_requirement(text: str) -> bool:
    return isinstance(notation.read(text), Requirement)


def _offer(text: str, typos: Iterable[tuple[str, str]]) -> str:
    # One blank each: the patterns try every way to share out a run of them.
    text = " ".join(text.split())
    offers = (re.sub(pattern, meant, text) for pattern, meant in typos)
    return next((offer for offer in offers if offer != text and _is_requirement(offer)), "")
