"""What was probably meant by a word that nobody knows."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(word: str, known: Iterable[str], *, most: int = 1, cutoff: float = 0.6) -> tuple[str, ...]:
    """Return the known words nearest to ``word``, best first, whatever their capitals; none where none is near.

    ``cutoff`` is how alike they must be, from 0 to 1, as difflib measures it.
    """
    names = {name.lower(): name for name in known}
    return tuple(names[near] for near in difflib.get_close_matches(word.lower(), names, n=most, cutoff=cutoff))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a hint with the known word nearest to ``word``, or nothing where none is near."""
    near = nearest(word, known)
    return f"did you mean {near[0]}?" if near else ""
