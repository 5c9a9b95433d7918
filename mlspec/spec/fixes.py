"""Apply certain repairs, and keep an edit only if the spec then has the intended data, and no other change."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mlspec.errors import Add, Edit, KeyPath, Problem, Rename, Repair, Replace, SetKey, SpecError, Split
from mlspec.spec.document import Document, parse
from mlspec.spec.edits import apply_edits, ways
from mlspec.spec.inheritance import INHERITED

_MOST_ROUNDS = 50


def add_edits(document: Document, problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return the problems; each problem with a certain repair has the edits of the spec for it."""
    problems = tuple(problems)
    wanted = _list_repairs(document, problems)
    edits = _edits(document, dict.fromkeys(repair for repairs in wanted for repair in repairs))
    return tuple(
        replace(problem, edits=tuple(dict.fromkeys(edits[repair] for repair in repairs)))
        if repairs and all(repair in edits for repair in repairs)
        else problem
        for problem, repairs in zip(problems, wanted, strict=True)
    )


@dataclass(frozen=True, slots=True)
class Settled:
    """A spec before and after all repairs, the remaining problems, the repaired problems, and the edits.

    ``rounds`` has the edits in their order; all edits of a round apply to the same text.
    """

    before: Document
    document: Document
    problems: tuple[Problem, ...]
    repaired: tuple[Problem, ...] = ()
    rounds: tuple[tuple[Edit, ...], ...] = ()


def fix_all(document: Document, look: Callable[[Document], Iterable[Problem]]) -> Settled:
    """Return a spec after all repairs of the problems that ``look`` finds, until none can be repaired.

    One mistake may hide another, so each round looks again.
    """
    now = Settled(document, document, add_edits(document, look(document)))
    for _ in range(_MOST_ROUNDS):
        able = [problem for problem in now.problems if problem.edits]
        edits = tuple(dict.fromkeys(edit for problem in able for edit in problem.edits))
        text = apply_edits(now.document.text, edits)
        if text == now.document.text:
            break
        after = parse(text, document.file, document.folder)
        found = add_edits(after, look(after))
        gone = [problem for problem in able if problem.message not in {other.message for other in found}]
        now = Settled(document, after, found, (*now.repaired, *gone), (*now.rounds, edits))
    return now


def apply_rounds(text: str, rounds: Iterable[Sequence[Edit]]) -> str:
    """Return a text, with any line ends, after the edits of all rounds."""
    for edits in rounds:
        text = apply_edits(text, edits)
    return text


# Repairs that several images share


def _list_repairs(document: Document, problems: Sequence[Problem]) -> list[tuple[Repair, ...]]:
    every = [repair for problem in problems for repair in problem.repairs]
    placed = [[_place_repair(document, repair, every) for repair in problem.repairs] for problem in problems]
    # Join the packages of several Add repairs: two edits would add the key twice.
    needed: dict[KeyPath, dict[str, None]] = {}
    for repair in (repair for repairs in placed for repair in repairs):
        if isinstance(repair, Add):
            needed.setdefault(repair.path, {}).update(dict.fromkeys(repair.items))
    return [
        tuple(dict.fromkeys(Add(r.path, tuple(needed[r.path])) if isinstance(r, Add) else r for r in repairs))
        for repairs in placed
    ]


def _place_repair(document: Document, repair: Repair, every: Sequence[Repair]) -> Repair:
    """Return a repair with its place in this spec: a list that all images need is at the top."""
    if isinstance(repair, Replace):
        return replace(repair, path=_entry(document, repair))
    if not isinstance(repair, Add) or len(repair.path) != 3:
        return repair
    key, name = map(str, repair.path[1:])
    images: dict[str, Any] = document.data["images"]
    if name in (images[key] or {}):
        return repair
    wanting = {other.path[1] for other in every if isinstance(other, Add) and other.items == repair.items}
    if wanting == set(images) and not any(name in (image or {}) for image in images.values()):
        return replace(repair, path=(name,))
    return replace(repair, items=(INHERITED, *repair.items)) if document.data.get(name) else repair


def _entry(document: Document, repair: Replace) -> KeyPath:
    value = _value(document.data, repair.path)
    if not isinstance(value, list):
        return repair.path
    places = [number for number, item in enumerate(value) if item == repair.old]
    return (*repair.path, places[0]) if len(places) == 1 else repair.path


def _value(data: Any, path: KeyPath) -> Any:  # noqa: ANN401 - what a spec is made of
    for step in path:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return None
    return data


# The data that an edit must produce


def _edits(document: Document, repairs: Iterable[Repair]) -> dict[Repair, Edit]:
    """Return the edit of each repair that certainly has the intended result; repairs of one anchor share an edit."""
    open_ = list(repairs)
    found: dict[Repair, Edit] = {}
    candidates = {repair: list(ways(document, repair)) for repair in open_}
    for repair in open_:
        for edit in candidates[repair]:
            sharing = [other for other in open_ if edit in candidates[other]]
            if repair not in found and _is_meant(document, edit, sharing):
                found |= dict.fromkeys(sharing, edit)
    return found


def _is_meant(document: Document, edit: Edit, repairs: Sequence[Repair]) -> bool:
    # The copy has the data of an alias once for each use, as the text has it.
    data = json.loads(json.dumps(document.data))
    try:
        for repair in repairs:
            _do(data, repair)
        return _own(parse(apply_edits(document.text, [edit]), document.file).data) == _own(data)
    except (SpecError, KeyError, IndexError, TypeError, AttributeError):
        return False


def _own(data: dict[str, Any]) -> dict[str, Any]:
    """Return the data of a spec without the ``x-`` keys, which are the user's own anchors."""
    return {key: value for key, value in data.items() if not key.startswith("x-")}


def _do(data: dict[str, Any], repair: Repair) -> None:
    last: Any = repair.path[-1]
    parent = _value(data, repair.path[:-1])
    if isinstance(repair, Rename):
        if repair.name in parent:
            raise KeyError(repair.name)
        parent[repair.name] = parent.pop(last)
    elif isinstance(repair, Replace):
        value = parent[last]
        is_text = isinstance(value, str) and isinstance(repair.new, str)
        parent[last] = value.replace(repair.old, repair.new) if is_text else repair.new
    elif isinstance(repair, SetKey):
        # At the top, the key would apply to images without this problem too.
        if last in parent or (len(repair.path) == 1 and "images" in data):
            raise KeyError(last)
        parent[last] = repair.value
    elif isinstance(repair, Split) and isinstance(parent, list):
        parent[last : last + 1] = repair.items
    elif isinstance(repair, Split):
        parent[last] = list(repair.items)
    else:
        if parent is None:  # an image without any keys
            parent = _value(data, repair.path[:-2])[repair.path[-2]] = {}
        there = parent.get(last) or []
        parent[last] = [*([there] if isinstance(there, str) else there), *repair.items]
