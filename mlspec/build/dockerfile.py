"""A parser of Dockerfiles: instructions, with the stage and the number that BuildKit gives each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction; ``line`` is its first line, counted from 1.

    ``number`` is BuildKit's number of the instruction in its ``stage``, or 0 if BuildKit does not count it. ``text`` is
    the text after the keyword, on one line, and ``body`` the content of its here-documents.
    """

    stage: str
    number: int
    keyword: str
    text: str
    line: int
    body: str = ""


def instructions(dockerfile: str) -> tuple[Instruction, ...]:
    """Parse the instructions of a Dockerfile, in their order."""
    found: list[Instruction] = []
    stages: list[str] = []
    number = 0
    for line, text, body in _logical_lines(dockerfile.split("\n")):
        keyword, _, rest = text.partition(" ")
        keyword, rest = keyword.upper(), rest.strip()
        if keyword == "FROM":
            match = _FROM.match(rest)
            # BuildKit calls a stage without a name by its place. It does not count a FROM that names another stage.
            number, counts = 0, match is not None and match[1] not in {*stages, "scratch"}
            stages.append((match and match[2]) or f"stage-{len(stages)}")
        else:
            counts = keyword in _COUNTED
        number += counts
        stage = stages[-1] if stages else ""
        found.append(Instruction(stage, number if counts else 0, keyword, rest, line, body))
    return tuple(found)


# dockerfile2llb/convert.go: `total` counts these, and each FROM that names an image.
_COUNTED = {"RUN", "COPY", "ADD", "WORKDIR"}
_FROM = re.compile(r"(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?$", re.IGNORECASE)
_HEREDOC = re.compile(r"<<-?(['\"]?)([A-Za-z0-9_]+)\1")


def _logical_lines(lines: list[str]) -> Iterator[tuple[int, str, str]]:
    """Yield the first line of each instruction, its text on one line, and the content of its here-documents."""
    index = 0
    while index < len(lines):
        start, text, body = index, lines[index].strip(), ""
        index += 1
        if not text or text.startswith("#"):
            continue
        while text.endswith("\\") and index < len(lines):
            # Comments and blank lines within a continued instruction do not end it.
            following = lines[index].strip()
            text = text[:-1].rstrip() + (f" {following}" if following and not following.startswith("#") else " \\")
            index += 1
        for mark in _marks(text):
            end = next((n for n in range(index, len(lines)) if lines[n] == mark), len(lines))
            body += "\n".join(lines[index:end])
            index = end + 1
        yield start + 1, text, body


def _marks(text: str) -> tuple[str, ...]:
    takes = text.partition(" ")[0].upper() in {"RUN", "COPY", "ADD"}
    return tuple(match[2] for match in _HEREDOC.finditer(text)) if takes else ()
