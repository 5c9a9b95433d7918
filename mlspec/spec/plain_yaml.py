"""Plain data to YAML on one line: what a hint suggests, and what is written into a spec."""

from __future__ import annotations

import json
import re

_PART = r"[\w./=<>~*+-]+(?::[\w./=<>~*+-]+)*"
_NUMBER = r"\d+\.\d+(?:\.\d+)?|\d+[kmg]b"
_PLAIN = re.compile(rf"{_NUMBER}|\.\.\.|(?=[A-Za-z_/]|\./){_PART}(?: {_PART})*", re.ASCII)
# Words that some reader of YAML takes for a boolean or for nothing.
_WORDS = {"true", "false", "yes", "no", "on", "off", "y", "n", "null"}


def scalar(text: str) -> str:
    """Return ``text`` as YAML, plain where every reader of YAML takes it for that text."""
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    # JSON's strings are YAML's, but for characters that YAML wants escaped and JSON does not.
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(char if char.isprintable() else f"\\U{ord(char):08x}" for char in quoted)


def one_line(value: object) -> str:
    """Return texts, numbers, lists and mappings of them as one line of YAML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{scalar(name)}: {one_line(part)}" for name, part in value.items()) + "}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(one_line, value))}]"
    return scalar(value) if isinstance(value, str) else json.dumps(value)
