"""A Dockerfile to its instructions, and the stages they stand in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DockerfileInstruction:
    """One instruction: the line it begins on, its name in capitals, and the rest as one line."""

    number: int
    name: str
    rest: str
    body: str = ""
    """The lines of a here-document."""

    @property
    def text(self) -> str:
        """The instruction as written, on one line."""
        return f"{self.name} {self.rest}"


@dataclass(frozen=True, slots=True)
class DockerfileStage:
    """A stage: the image or the stage it begins from, its own name, and its instructions with the first FROM."""

    base: str
    name: str
    instructions: tuple[DockerfileInstruction, ...]


def read_instructions(text: str) -> Iterator[DockerfileInstruction]:
    """Yield the instructions of a Dockerfile, with continued lines joined and comments left out."""
    lines, position = text.splitlines(), 0
    while position < len(lines):
        if _is_empty(lines[position]):
            position += 1
            continue
        number = position + 1
        joined, position = _join_lines(lines, position)
        if found := re.match(r"\s*([A-Za-z]+)(?:\s+(.*))?$", joined):
            rest = (found[2] or "").strip()
            body, position = _read_body(rest, lines, position)
            yield DockerfileInstruction(number, found[1].upper(), rest, body)


def _is_empty(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")


def _join_lines(lines: list[str], position: int) -> tuple[str, int]:
    """Return one logical line and the position behind it; no comment or empty line ends one that is continued."""
    parts = list[str]()
    while position < len(lines):
        line = lines[position]
        position += 1
        if _is_empty(line):
            continue
        parts.append(_CONTINUES.sub("", line).strip())
        if not _CONTINUES.search(line):
            break
    return " ".join(parts), position


_CONTINUES = re.compile(r"\\\s*$")
_HEREDOC = re.compile(r"<<-?\s*[\"']?(\w+)[\"']?")


def _read_body(rest: str, lines: list[str], position: int) -> tuple[str, int]:
    found, body = _HEREDOC.search(rest), list[str]()
    if not found:
        return "", position
    while position < len(lines) and lines[position].strip() != found[1]:
        body.append(lines[position].strip())
        position += 1
    return "\n".join(body), position + 1


def read_stages(
    instructions: Iterator[DockerfileInstruction],
) -> tuple[tuple[DockerfileInstruction, ...], tuple[DockerfileStage, ...]]:
    """Return what stands before the first FROM, and the stages."""
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


def split_last(stages: tuple[DockerfileStage, ...]) -> tuple[tuple[DockerfileStage, ...], tuple[DockerfileStage, ...]]:
    """Return the stages that the image consists of, the oldest first, and the others."""
    chain = [stages[-1]]
    while older := [stage for stage in stages[: stages.index(chain[0])] if stage.name == chain[0].base.lower()]:
        chain.insert(0, older[-1])
    return tuple(chain), tuple(stage for stage in stages if stage not in chain)


_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_]\w*)(?::?([-+])([^}]*))?\}|([A-Za-z_]\w*))")


def expand(text: str, known: Mapping[str, str]) -> str:
    """Return a text with the variables that are known, or have a default; others stay as they are."""

    def value(found: re.Match[str]) -> str:
        name = found[1] or found[4]
        if name in known:
            return known[name]
        return found[3] if found[2] == "-" else found[0]

    return _VARIABLE.sub(value, text)


def find_variables(text: str) -> Iterator[str]:
    """Yield the names of the variables that a text needs: those without a default."""
    for found in _VARIABLE.finditer(text):
        if not found[2]:
            yield found[1] or found[4]


def read_pairs(rest: str) -> Iterator[tuple[str, str]]:
    """Yield the names and the values of an ENV or an ARG."""
    if re.match(r"[A-Za-z_]\w*\s+[^=\s]", rest) and "=" not in rest.split()[0]:
        name, _, value = rest.partition(" ")
        yield name, value.strip()
        return
    for name, double, single, plain in _PAIR.findall(rest):
        yield name, double or single or plain.replace("\\ ", " ")


_PAIR = re.compile(r"""([A-Za-z_]\w*)(?:=(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|((?:[^\s\\]|\\.)*)))?""")
