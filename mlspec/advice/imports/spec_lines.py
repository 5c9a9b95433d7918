"""The text of an imported spec, with the comments of the input and the verdict of each line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlspec.advice.imports.verdicts import LineVerdict
from mlspec.spec import schema
from mlspec.spec.keys import Settings
from mlspec.spec.plain_yaml import one_line, scalar

MAPPINGS = frozenset({"environment", "labels", "ulimits", "resources"})
"""Keys with a mapping: the value of a verdict is a pair of a name and its value."""
LISTS = frozenset(
    {
        *("requirements", "apt", "build_apt", "build_constraints", "indexes", "include", "run", "ports", "mounts"),
        *("env_file", "tmpfs", "gpu_models", "platforms", "secrets"),
    }
)
"""Keys with a list: the value of a verdict is one entry."""
ORDER = ("name", *Settings.model_fields)
_HEAD = "# Imported from {files}. `mlspec render` compiles this file to a Dockerfile, an ignore file and run.sh.\n"


@dataclass(frozen=True, slots=True)
class SpecLine:
    """A line of the text, and its verdict; None for a line from several verdicts or from none."""

    text: str
    verdict: LineVerdict | None = None


def write_spec(verdicts: Sequence[LineVerdict], files: Iterable[str], more: Mapping[str, Any]) -> tuple[SpecLine, ...]:
    """Return the lines of the spec for these verdicts; ``more`` has whole values of further keys.

    An unsure verdict becomes a comment at its key.
    """
    head = schema.MODELINE + _HEAD.format(files=", ".join(files))
    lines = [SpecLine(line) for line in head.splitlines()]
    for key in ORDER:
        own = [verdict for verdict in verdicts if verdict.key == key]
        lines += _todo_lines(verdict for verdict in own if verdict.outcome == "unsure")
        lines += _key_lines(key, [verdict for verdict in own if verdict.outcome != "unsure"], more)
    rest = [verdict for verdict in verdicts if verdict.outcome == "unsure" and verdict.key not in ORDER]
    lines += _todo_lines(rest)
    return tuple(lines)


def _todo_lines(verdicts: Iterable[LineVerdict]) -> Iterator[SpecLine]:
    for verdict in verdicts:
        yield from (SpecLine(f"# {comment}") for comment in verdict.comments)
        yield SpecLine(todo_comment(verdict))


def todo_comment(verdict: LineVerdict) -> str:
    """Return the comment for an unsure line."""
    text = f"# TODO {verdict.place}: {verdict.text}: {verdict.why}"
    return "".join(char for char in text if char.isprintable())


def _key_lines(key: str, verdicts: Sequence[LineVerdict], more: Mapping[str, Any]) -> Iterator[SpecLine]:
    if key in more:
        yield SpecLine(f"{key}: {one_line(more[key])}")
    elif not verdicts:
        return
    elif key == "requirements" and len(verdicts) == 1 and not verdicts[0].comments and _is_file(verdicts[0].value):
        yield SpecLine(f"{key}: {scalar(verdicts[0].value)}", verdicts[0])
    elif key in LISTS:
        yield SpecLine(f"{key}:")
        for verdict in verdicts:
            yield from _item_lines(verdict)
    elif key in MAPPINGS:
        yield SpecLine(f"{key}:")
        for verdict in verdicts:
            name, value = verdict.value
            written = f"  {scalar(name)}:{'' if value is None else f' {one_line(value)}'}"
            yield from _with_comments(verdict, [written], "  ")
    else:
        yield from _with_comments(verdicts[0], [f"{key}: {_format_value(verdicts[0].value)}"], "")


def _is_file(value: str) -> bool:
    return value.endswith((".in", ".txt", ".toml", ".lock")) and not value.startswith("-") and " " not in value


def _item_lines(verdict: LineVerdict) -> Iterator[SpecLine]:
    value = verdict.value
    if not isinstance(value, dict):
        yield from _with_comments(verdict, [f"  - {_format_value(value)}"], "  ")
        return
    if list(value) == ["command"] and "\n" not in value["command"]:
        yield from _with_comments(verdict, [f"  - {_format_value(value['command'])}"], "  ")
        return
    lines = [line for name, part in value.items() for line in _part_lines(name, part)]
    lines = [("  - " if number == 0 else "    ") + line for number, line in enumerate(lines)]
    yield from _with_comments(verdict, lines, "  ")


def _part_lines(name: str, value: Any) -> list[str]:  # noqa: ANN401 - a part of an entry
    if isinstance(value, str) and re.search(r"[\n\"\\]", value) and _fits_a_block(value):
        # The text is two columns deeper than its key, which is below the dash of the entry.
        return [f"{name}: |-", *(f"  {line}".rstrip() for line in value.split("\n"))]
    return [f"{name}: {_format_value(value)}"]


def _fits_a_block(text: str) -> bool:
    """Return whether a YAML block can hold the text: printable, without spaces in front or at the ends of lines."""
    lines = text.split("\n")
    has_ends = any(line != line.rstrip() for line in lines) or not text.strip()
    return not (has_ends or text.startswith((" ", "\n")) or text.endswith("\n")) and all(map(str.isprintable, lines))


def _with_comments(verdict: LineVerdict, lines: Sequence[str], indent: str) -> Iterator[SpecLine]:
    yield from (SpecLine(f"{indent}# {comment}".rstrip()) for comment in verdict.comments)
    remark = f"  # {verdict.remark}" if verdict.remark and len(lines) == 1 else ""
    for number, line in enumerate(lines):
        yield SpecLine(line + (remark if number == 0 else ""), verdict)


def _format_value(value: Any) -> str:  # noqa: ANN401 - what a key holds
    return one_line(list(value) if isinstance(value, tuple) else value)


def text_of(lines: Iterable[SpecLine]) -> str:
    """Return the text of the lines."""
    return "".join(f"{line.text}\n" for line in lines)
