"""The locks in a folder and a first spec: the Pythons of the named lock, and the reasons against other locks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from mlspec.advice.draft.folder import Folder
from mlspec.advice.draft.pythons import PythonBound
from mlspec.advice.draft.readers import Statement
from mlspec.advice.draft.tool_lock import FoundLock, read_lock
from mlspec.lock.requirements.tool_locks.lock_kinds import find_lock_kind


def find_lock_bounds(entries: Iterable[str], folder: Folder) -> Iterator[PythonBound]:
    """Yield the Pythons for which a lock among the entries has files."""
    for entry in entries:
        lock = _read(entry, folder)
        if lock and lock.pins:
            why = f"{lock.name} has files for Python {_list_shortly(tuple(lock.pins))}"
            yield PythonBound(frozenset(lock.pins), why, Statement(file=lock.name, text=""))


def _list_shortly(pythons: tuple[str, ...]) -> str:
    return pythons[0] if len(pythons) == 1 else f"{pythons[0]} to {pythons[-1]}"


def explain_locks(statements: Iterable[Statement], entries: Iterable[str], folder: Folder) -> Iterator[Statement]:
    """Yield the statements, without those about a lock that the spec names.

    A statement about another lock gets the reason why its pins are not taken.
    """
    entries = tuple(entries)
    own = next((entry for entry in entries if _read(entry, folder)), "")
    for statement in statements:
        lock = None if statement.key else _read(statement.file, folder)
        if lock is None:
            # The extras of a lock are written like those of the project: uv.lock[extra].
            yield replace(statement, why=statement.why.replace("pyproject.toml[", f"{own}[")) if own else statement
        elif lock.name not in entries and lock.pins:
            yield statement.leave(
                f"mlspec does not take its pins; to take them and nothing else: requirements: {lock.name}"
            )
        elif lock.name not in entries:
            yield statement.leave(f"mlspec does not take its pins, and locks again: {lock.reason}")


def _read(name: str, folder: Folder) -> FoundLock | None:
    return read_lock(name, folder) if name in folder.texts and find_lock_kind(name) else None
