"""The import of a list of requirements, such as requirements.txt, line by line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from mlspec.advice.imports.pip_words import read_pip_entry
from mlspec.advice.imports.verdicts import ImportSource, LineVerdict


def read_requirement_list(source: ImportSource) -> Iterator[LineVerdict]:
    """Yield the verdicts on the lines of a list of requirements."""
    for number, end, text in _logical_lines(source):
        for verdict in read_pip_entry(source, number, text):
            yield replace(verdict, end=end)


def _logical_lines(source: ImportSource) -> Iterator[tuple[int, int, str]]:
    """Yield each logical line that is neither blank nor a comment, with the numbers of its first and last line."""
    parts, start = list[str](), 0
    lines = source.lines
    for number, line in enumerate(lines, 1):
        start = start if parts else number
        is_comment = line.lstrip().startswith("#")
        parts.append(line.rstrip("\\").strip())
        if line.endswith("\\") and not is_comment and number < len(lines):
            continue
        text = " ".join(filter(None, parts))
        parts = []
        if re.sub(r"(?:^|\s)#.*$", "", text).strip():
            yield start, number, text
