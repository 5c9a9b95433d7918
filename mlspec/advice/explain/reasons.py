"""Typed rows of ``data/reasons.toml``: why a line of an artifact is there, and what decides on a field of the plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from mlspec.facts.tables import frozen, table


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why lines are there: those of a target's template that begin with ``lines``, drawn as ``texts`` and on."""

    target: str
    lines: tuple[str, ...]
    texts: tuple[str, ...] = ("",)
    why: str

    def fit(self, source: str, text: str) -> tuple[int, int]:
        """Return how much of a drawn text and of its line of a template this row names; (-1, -1) where it does not."""
        line = max((len(start) for start in self.lines if source.startswith(start)), default=-1)
        drawn = max((len(start) for start in self.texts if text.startswith(start)), default=-1)
        return (drawn, line) if min(drawn, line) >= 0 else (-1, -1)


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRow:
    """What decides on a field that templates read: keys of the spec, and the part of the lock they were resolved to."""

    name: str
    keys: tuple[str, ...] = ()
    lock: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Why something stands in a file that is dumped, and which keys of the spec decide on it.

    ``place`` is the way to it from the top, dots between the steps; ``*`` stands for any one of them.
    """

    place: str
    why: str
    keys: tuple[str, ...] = ()

    def length(self, path: Sequence[str | int]) -> int:
        """Return how many steps of a path this row names; 0 where the path leads elsewhere."""
        steps = self.place.split(".")
        fits = len(steps) <= len(path) and all(step in {"*", str(at)} for step, at in zip(steps, path, strict=False))
        return len(steps) if fits else 0


@cache
def reasons(target: str) -> tuple[Reason, ...]:
    """Return the rows for a target; ``lock`` stands for all lock files."""
    return tuple(Reason(target=target, **frozen(row)) for row in table("reasons")[target])


@cache
def entries(target: str) -> tuple[Entry, ...]:
    """Return the rows for a target that is dumped."""
    return tuple(Entry(**frozen(row)) for row in table("reasons")[target])


def entry(target: str, path: Sequence[str | int]) -> Entry | None:
    """Return the row for what stands at a path of a file: the one that names most of it; None where none does."""
    best = max(entries(target), key=lambda row: row.length(path))
    return best if best.length(path) else None


@cache
def fields() -> Mapping[str, FieldRow]:
    """Return the rows of the fields that templates read, by their names."""
    return {row["name"]: FieldRow(**frozen(row)) for row in table("reasons")["field"]}


def default(key: str) -> str:
    """Return what a key means that was not written, where its value alone does not say it; else an empty text."""
    return str(table("reasons")["default"].get(key, ""))


def reason(target: str, source: str, text: str) -> Reason | None:
    """Return the row for a line of a template as it was drawn: the one that names most of it; None where none does."""
    source, text = source.strip(), text.strip()
    best = max(reasons(target), key=lambda row: row.fit(source, text))
    return best if best.fit(source, text) >= (0, 0) else None
