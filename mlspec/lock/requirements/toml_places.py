"""The places of keys and values in a TOML text, which `tomllib` does not return."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Any

from mlspec.errors import KeyPath, Span

_BLANK = re.compile(r"[ \t]*")
_BETWEEN = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
# The long quotes are first: `""` is the beginning of `"""`, and an empty text otherwise.
_TEXT = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}|' + r"'''.*?'{3,5}|" + r'"(?:\\.|[^"\\\n])*"|' + r"'[^'\n]*'",
    re.DOTALL,
)
_PLAIN = re.compile(r"[^,\]}#\n]*")


def find_places(text: str) -> Mapping[KeyPath, Span]:
    """Return the place of each table, key (with its value) and list item, by its path; ``text`` must be TOML.

    The place of a value of several lines is its first line.
    """
    reader = _TomlReader(text)
    reader.read_document()
    return reader.places


class _TomlReader:
    """One pass over a text that is known to be TOML."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.places: dict[KeyPath, Span] = {}
        self.last: dict[KeyPath, int] = {}
        self.starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def read_document(self) -> None:
        prefix: KeyPath = ()
        self._skip(_BETWEEN)
        while self.at < len(self.text):
            if self.text[self.at] == "[":
                prefix = self._read_header()
            else:
                self._read_pair(prefix)
            self._skip(_BETWEEN)

    def _skip(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.at)
        self.at = match.end() if match else self.at
        return match[0] if match else ""

    def _note(self, path: KeyPath, start: int) -> None:
        line = self._line(start)
        first = self.starts[line - 1]
        end = self.text.find("\n", start)
        end = min(self.at, end if end >= 0 else len(self.text))
        self.places.setdefault(path, Span(line, start - first + 1, line, max(end, start + 1) - first + 1))

    def _line(self, at: int) -> int:
        low, high = 0, len(self.starts)
        while low + 1 < high:
            middle = (low + high) // 2
            low, high = (middle, high) if self.starts[middle] <= at else (low, middle)
        return low + 1

    def _read_header(self) -> KeyPath:
        start, width = self.at, 2 if self.text.startswith("[[", self.at) else 1
        self.at += width
        keys = self._read_key()
        path: KeyPath = ()
        self.at += width
        for number, key in enumerate(keys, start=1):
            path = (*path, key)
            if width == 2 and number == len(keys):
                self.last[path] = self.last.get(path, -1) + 1
            if path in self.last:
                path = (*path, self.last[path])
        self._note(path, start)
        return path

    def _read_key(self) -> KeyPath:
        keys: list[str] = []
        while True:
            self._skip(_BLANK)
            quoted = self._skip(_TEXT) if self.text[self.at] in "\"'" else ""
            keys.append(_value_of(quoted) if quoted else self._skip(_BARE_KEY))
            self._skip(_BLANK)
            if self.text[self.at] != ".":
                return tuple(keys)
            self.at += 1

    def _read_pair(self, prefix: KeyPath) -> None:
        start = self.at
        path = (*prefix, *self._read_key())
        self.at += 1  # the equals sign
        self._skip(_BLANK)
        self._read_value(path)
        self._note(path, start)

    def _read_value(self, path: KeyPath) -> None:
        mark = self.text[self.at]
        if mark in "\"'":
            self._skip(_TEXT)
        elif mark in "[{":
            self._read_items(path, closing="]" if mark == "[" else "}")
        else:
            # A number, a date or a word; the blanks after it are not part of it.
            plain = self._skip(_PLAIN)
            self.at -= len(plain) - len(plain.rstrip())

    def _read_items(self, path: KeyPath, *, closing: str) -> None:
        self.at += 1
        number = 0
        self._skip(_BETWEEN)
        while self.text[self.at] != closing:
            start = self.at
            if closing == "}":
                self._read_pair(path)
            else:
                self._read_value((*path, number))
                self._note((*path, number), start)
                number += 1
            self._skip(_BETWEEN)
            if self.text[self.at] == ",":
                self.at += 1
                self._skip(_BETWEEN)
        self.at += 1


def _value_of(quoted: str) -> str:
    found: Any = tomllib.loads(f"key = {quoted}")["key"]
    return str(found)
