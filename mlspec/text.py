"""Text for people: sizes in bytes, and suggestions for a word with a typo."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator

_UNITS = (("GB", 10**9), ("MB", 10**6), ("kB", 10**3))


def format_size(size: int) -> str:
    """Return a number of bytes as people read it: ``16.6 MB``."""
    # 999,950 bytes and more would round to "1000.0 kB".
    unit, factor = next((u for u in _UNITS if size >= u[1] * 0.99995), ("B", 1))
    return f"{size / factor:.1f} {unit}" if factor > 1 else f"{size} B"


def parse_size(text: str) -> int | None:
    """Return the number of bytes in a text of :func:`format_size`; None for any other text."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?) (GB|MB|kB|B)", text)
    return round(float(match[1]) * dict((*_UNITS, ("B", 1)))[match[2]]) if match else None


def nearest(word: str, known: Iterable[str], *, most: int = 1, cutoff: float = 0.6) -> tuple[str, ...]:
    """Return the known words nearest to ``word``, best first, ignoring case; empty if none is near.

    ``cutoff`` is how alike they must be, from 0 to 1, as difflib measures it.
    """
    names = {name.lower(): name for name in known}
    return tuple(names[near] for near in difflib.get_close_matches(word.lower(), names, n=most, cutoff=cutoff))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a hint with the known word nearest to ``word``; empty if none is near."""
    near = nearest(word, known)
    return f"did you mean {near[0]}?" if near else ""


def slip(word: str, known: Iterable[str]) -> str:
    """Return the one known word from which ``word`` differs by a typo: capitals, hyphens, one letter, or two swapped.

    Empty if no word or several words are that near. A digit is never a typo, nor is a short word.
    """
    names, plain = {name: _plain(name) for name in known}, _plain(word)
    near = {name for name, other in names.items() if other == plain} or {
        name for name, other in names.items() if len(plain) > 2 and _is_one_slip(plain, other)
    }
    return near.pop() if len(near) == 1 else ""


def _plain(word: str) -> str:
    return word.lower().replace("-", "_")


def _is_one_slip(word: str, other: str) -> bool:
    if abs(len(word) - len(other)) > 1 or _digits(word) != _digits(other):
        return False
    short, long = sorted((word, other), key=len)
    if len(short) < len(long):
        return short in _drop_each_letter(long)
    return sum(a != b for a, b in zip(word, other, strict=True)) == 1 or long in _swap_neighbours(short)


def _digits(word: str) -> list[str]:
    return sorted(filter(str.isdigit, word))


def _drop_each_letter(word: str) -> Iterator[str]:
    yield from (word[:place] + word[place + 1 :] for place in range(len(word)))


def _swap_neighbours(word: str) -> Iterator[str]:
    yield from (word[:n] + word[n + 1] + word[n] + word[n + 2 :] for n in range(len(word) - 1))
