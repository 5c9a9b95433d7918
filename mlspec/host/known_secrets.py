"""The secrets that this process has read; no output shows them."""

from __future__ import annotations

import json
from urllib.parse import quote

# What is shorter is no secret worth the name, and would be blanked within ordinary words.
_SHORTEST = 6

_known: set[str] = set()


def remember_secret(text: str) -> None:
    """Note a secret that was read; of several lines, each is one."""
    for value in (text, *text.splitlines()):
        if len(value.strip()) >= _SHORTEST:
            # As it is, as an address holds it, and as JSON does.
            _known.update((value.strip(), quote(value.strip(), safe=""), json.dumps(value.strip())[1:-1]))


def blank_secrets(text: str) -> str:
    """Return a text with ``***`` in place of every secret that was read."""
    for value in sorted(_known, key=len, reverse=True) if _known else ():
        text = text.replace(value, "***")
    return text
