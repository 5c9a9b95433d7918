"""The secrets that this process has read, and their removal from output."""

from __future__ import annotations

import json
from urllib.parse import quote

# Characters. A shorter secret protects nothing, and it would be blanked within ordinary words.
_SHORTEST = 6

_known: set[str] = set()


def remember_secret(text: str) -> None:
    """Remember a secret that mlspec has read; each line of a longer text counts as a secret, too."""
    for value in (text, *text.splitlines()):
        if len(value.strip()) >= _SHORTEST:
            # The secret itself, and its forms in an address and in JSON.
            _known.update((value.strip(), quote(value.strip(), safe=""), json.dumps(value.strip())[1:-1]))


def blank_secrets(text: str) -> str:
    """Return a text with ``***`` in place of every remembered secret."""
    for value in sorted(_known, key=len, reverse=True) if _known else ():
        text = text.replace(value, "***")
    return text
