"""Numbers of bytes, as people read them."""

from __future__ import annotations

import re

_UNITS = (("GB", 10**9), ("MB", 10**6), ("kB", 10**3))


def shown_size(size: int) -> str:
    """Return a number of bytes as people read it: ``16.6 MB``."""
    # 999,950 bytes and more would round to "1000.0 kB".
    unit, factor = next((u for u in _UNITS if size >= u[1] * 0.99995), ("B", 1))
    return f"{size / factor:.1f} {unit}" if factor > 1 else f"{size} B"


def read_size(text: str) -> int | None:
    """Return the number of bytes that a text of :func:`shown_size` stands for, or None where it is none."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?) (GB|MB|kB|B)", text)
    return round(float(match[1]) * dict((*_UNITS, ("B", 1)))[match[2]]) if match else None
