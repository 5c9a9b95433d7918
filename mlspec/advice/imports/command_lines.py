"""The import of `docker run` lines, alone or in the text of a README or a script."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import replace

from mlspec.advice.imports.pip_words import PipWord
from mlspec.advice.imports.run_options import read_run_words
from mlspec.advice.imports.verdicts import ImportSource, LineVerdict

COMMAND_LINE = "docker run"
"""The name in the report of a command line that was given in place of a file."""
_RUN = re.compile(r"^\W{0,4}(?:sudo\s+)?(?:nvidia-)?(?:docker|podman)\s+(?:container\s+)?run\s+(.*)$")


def read_command_lines(source: ImportSource) -> Iterator[LineVerdict]:
    """Yield the verdicts on the first `docker run` of a text; each further run gets a note."""
    found = [(number, line) for number, line in enumerate(source.lines, 1) if _RUN.match(line.strip())]
    if not found:
        yield source.lose(0, "", "it has no docker run")
    for count, (number, _) in enumerate(found):
        words, end = _split(source, number)
        if count:
            why = f"another docker run: mlspec reads the one on line {found[0][0]}"
            yield replace(source.carry(number, source.lines[number - 1], why=why), end=end)
            continue
        yield from read_run_words(source, words)


def _split(source: ImportSource, number: int) -> tuple[list[PipWord], int]:
    """Return the words of the command that begins on line ``number``, and the number of its last line."""
    words, end, lines = list[PipWord](), number, source.lines
    while True:
        line = lines[end - 1].strip()
        text = found[1] if end == number and (found := _RUN.match(line)) else line
        goes_on = text.endswith("\\")
        words += [PipWord(word, end) for word in _words(text.removesuffix("\\"))]
        if not goes_on or end >= len(lines):
            return words, end
        end += 1


def _words(text: str) -> list[str]:
    # A command substitution such as $(pwd) or `pwd` is one word.
    kept = re.sub(r"\$\(\s*(\w+)\s*(-\w)?\s*\)|`(\w+)`", lambda found: f"$({found[1] or found[3]})", text.rstrip("`"))
    try:
        return shlex.split(kept)
    except ValueError:
        return kept.split()
