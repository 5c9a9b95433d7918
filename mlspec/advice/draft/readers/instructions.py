"""The parser of a Dockerfile to instructions and stages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DockerfileInstruction:
    """One instruction: the number of its first line, its name in capitals, and its rest on one line."""

    number: int
    name: str
    rest: str
    body: str = ""
    """The lines of a here-document."""
    end: int = 0
    starts: tuple[tuple[int, int], ...] = ()
    """The offset in ``rest`` at which each line of the file begins, with the number of the line."""

    @property
    def text(self) -> str:
        """The instruction as written, on one line."""
        return f"{self.name} {self.rest}"

    def line_of(self, offset: int) -> int:
        """Return the number of the line of the file with the character at ``offset`` of ``rest``."""
        return next((number for start, number in reversed(self.starts) if start <= offset), self.number)


@dataclass(frozen=True, slots=True)
class DockerfileStage:
    """A stage: its base (an image or a stage), its name, and its instructions, of which FROM is the first."""

    base: str
    name: str
    instructions: tuple[DockerfileInstruction, ...]


def read_instructions(text: str) -> Iterator[DockerfileInstruction]:
    """Yield the instructions of a Dockerfile, with continued lines joined and without comments."""
    lines, position = text.split("\n"), 0
    escape = _find_escape(lines)
    while position < len(lines):
        if _is_empty(lines[position]):
            position += 1
            continue
        number = position + 1
        parts, position = _join_lines(lines, position, escape)
        joined = " ".join(part for _, part in parts)
        if found := re.match(r"([A-Za-z]+)(?:\s+(.*))?$", joined):
            name, rest = found[1].upper(), (found[2] or "").strip()
            starts = tuple(_find_starts(parts, found.start(2)))
            body, position = _read_body(rest if name in _WITH_BODY else "", lines, position)
            yield DockerfileInstruction(number, name, rest, body, position, starts)
        else:
            yield DockerfileInstruction(number, joined, "", end=position)


def _find_starts(parts: list[tuple[int, str]], begin: int) -> Iterator[tuple[int, int]]:
    offset = 0
    for number, part in parts:
        yield offset - begin, number
        offset += len(part) + 1


_WITH_BODY = {"RUN", "COPY", "ADD"}


def _find_escape(lines: list[str]) -> str:
    """Return the character that continues a line: a backslash, or that of the directive ``escape``."""
    for line in lines:
        found = re.match(r"\s*#\s*(\w+)\s*=\s*(\S+)", line)
        if not found:
            return "\\"
        if found[1].lower() == "escape":
            return found[2]
    return "\\"


def _is_empty(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")


def _join_lines(lines: list[str], position: int, escape: str) -> tuple[list[tuple[int, str]], int]:
    """Return the numbers and texts of the lines of one logical line, and the position behind it.

    A comment or an empty line does not end a continued line.
    """
    parts = list[tuple[int, str]]()
    continues = re.compile(rf"{re.escape(escape)}[ \t]*$")
    while position < len(lines):
        line = lines[position]
        position += 1
        if _is_empty(line):
            continue
        parts.append((position, continues.sub("", line).strip()))
        if not continues.search(line):
            break
    return parts, position


HEREDOC = re.compile(r"(?<!<)<<(-?)[\"']?([A-Za-z_]\w*)[\"']?")
"""The beginning of a here-document, with the word that ends it."""


def _read_body(rest: str, lines: list[str], position: int) -> tuple[str, int]:
    """Return the lines of all here-documents of an instruction, and the position behind them."""
    body = list[str]()
    for tabs, name in HEREDOC.findall(rest):
        while position < len(lines) and (lines[position].lstrip("\t") if tabs else lines[position]).rstrip() != name:
            body.append(lines[position].lstrip("\t") if tabs else lines[position])
            position += 1
        position += 1
    return "\n".join(body), min(position, len(lines))


def read_stages(
    instructions: Iterator[DockerfileInstruction],
) -> tuple[tuple[DockerfileInstruction, ...], tuple[DockerfileStage, ...]]:
    """Return the instructions before the first FROM, and the stages."""
    head, stages = list[DockerfileInstruction](), list[list[DockerfileInstruction]]()
    for instruction in instructions:
        if instruction.name == "FROM":
            stages.append([instruction])
        else:
            (stages[-1] if stages else head).append(instruction)
    return tuple(head), tuple(_stage(part) for part in stages)


def _stage(part: list[DockerfileInstruction]) -> DockerfileStage:
    words = [word for word in part[0].rest.split() if not word.startswith("--")]
    name = words[2].lower() if len(words) > 2 and words[1].lower() == "as" else ""
    return DockerfileStage(words[0] if words else "", name, tuple(part))


def split_last(
    stages: tuple[DockerfileStage, ...], target: str = ""
) -> tuple[tuple[DockerfileStage, ...], tuple[DockerfileStage, ...]]:
    """Return the last stage, or the stage named ``target``, with the stages it builds on, and the other stages."""
    chain = [next((stage for stage in stages if target and stage.name == target.lower()), stages[-1])]
    while older := [stage for stage in stages[: stages.index(chain[0])] if stage.name == chain[0].base.lower()]:
        chain.insert(0, older[-1])
    return tuple(chain), tuple(stage for stage in stages if stage not in chain)


_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_]\w*)(?::?([-+])([^}]*))?\}|([A-Za-z_]\w*))")


def expand(text: str, known: Mapping[str, str]) -> str:
    """Replace the variables of a text by known values or their defaults; other variables stay."""

    def value(found: re.Match[str]) -> str:
        name = found[1] or found[4]
        if name in known:
            return known[name]
        return found[3] if found[2] == "-" else found[0]

    return _VARIABLE.sub(value, text)


def find_variables(text: str) -> Iterator[str]:
    """Yield the names of the variables without a default in a text."""
    for found in _VARIABLE.finditer(text):
        if not found[2]:
            yield found[1] or found[4]


def read_pairs(rest: str) -> Iterator[tuple[str, str]]:
    """Yield the names and values of an ENV or an ARG."""
    if re.match(r"[A-Za-z_]\w*\s+[^=\s]", rest) and "=" not in rest.split()[0]:
        name, _, value = rest.partition(" ")
        yield name, value.strip()
        return
    for name, double, single, plain in _PAIR.findall(rest):
        yield name, double or single or plain.replace("\\ ", " ")


_PAIR = re.compile(r"""([A-Za-z_]\w*)(?:=(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|((?:[^\s\\]|\\.)*)))?""")
