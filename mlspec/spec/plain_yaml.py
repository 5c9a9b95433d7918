"""Write plain data as YAML on one line, for hints and for edits of a spec."""

from __future__ import annotations

import json
import re

_PART = r"[\w./=<>~*+-]+(?::[\w./=<>~*+-]+)*"
_NUMBER = r"\d+\.\d+(?:\.\d+)?|\d+[kmg]b"
_PLAIN = re.compile(rf"{_NUMBER}|\.\.\.|(?=[A-Za-z_/]|\./){_PART}(?: {_PART})*", re.ASCII)
# Words that some YAML readers read as a boolean or as null.
_WORDS = {"true", "false", "yes", "no", "on", "off", "y", "n", "null"}


def scalar(text: str) -> str:
    """Return ``text`` as YAML, unquoted if every YAML reader reads the result as the same text."""
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    # A JSON string is a YAML string, except for characters that only YAML requires to be escaped.
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(char if char.isprintable() else f"\\U{ord(char):08x}" for char in quoted)


def one_line(value: object) -> str:
    """Return a value as one line of YAML; it consists of texts, numbers, lists and mappings."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{scalar(name)}: {one_line(part)}" for name, part in value.items()) + "}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(one_line, value))}]"
    return scalar(value) if isinstance(value, str) else json.dumps(value)
