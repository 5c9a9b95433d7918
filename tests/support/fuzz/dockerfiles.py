"""Checks that a Dockerfile preserves the values of a spec: a reader like BuildKit's, and BuildKit's own parser."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from mlspec.spec.keys import Settings

OTHER_PARSER = "dockerfile"
"""The package with BuildKit's own parser; without the package, only the reader in this module checks Dockerfiles."""

_KNOWN = ("FROM", "RUN", "COPY", "ENV", "ARG", "WORKDIR", "USER", "ENTRYPOINT", "CMD", "LABEL", "EXPOSE", "HEALTHCHECK")
VARIABLE = "\0$"
"""The mark for a variable that BuildKit would expand, in a word that was read."""

# The command that mlspec adds to a step, so that every user may write to the step's files.
SHARE = r"find [^\n]+ -xdev -newermt @315619200 ! -perm -o=w -exec chmod go=u \{\} \+"


class Unquoted(AssertionError):
    """An error: a generated file does not preserve a value."""


def same(what: str, found: object, expected: object) -> None:
    """Raise Unquoted if the value from a file is not the value of the spec."""
    if found != expected:
        raise Unquoted(f"{what}: {found!r} is not {expected!r}")


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction with joined lines; ``here`` are the lines of a RUN's here-document."""

    name: str
    rest: str
    here: tuple[str, ...] = ()


def read_instructions(text: str) -> Iterator[Instruction]:
    """Parse a Dockerfile and yield its instructions."""
    lines = text.split("\n")
    while lines:
        whole = lines.pop(0)
        if not whole.strip() or whole.lstrip().startswith("#"):
            continue
        while re.search(r"\\[ \t]*$", whole):
            whole = re.sub(r"\\[ \t]*$", "", whole)
            while lines and (lines[0].lstrip().startswith("#") or not lines[0].strip()):
                lines.pop(0)
            if not lines:
                break
            whole += lines.pop(0)
        name, _, rest = whole.strip().partition(" ")
        yield Instruction(name, rest.strip(), tuple(_here_document(rest, lines)) if name in {"RUN", "COPY"} else ())


def _here_document(rest: str, lines: list[str]) -> Iterator[str]:
    for mark in re.findall(r"<<-?'?\"?([A-Za-z_][A-Za-z0-9_]*)'?\"?", rest):
        if mark not in lines:
            raise Unquoted(f"Dockerfile: here-document {mark} is not closed")
        while (line := lines.pop(0)) != mark:
            yield line


def read_words(text: str) -> list[str]:
    """Return the words of ENV or LABEL, unquoted like BuildKit does."""
    words: list[str] = []
    word, quote, is_open, place = "", "", False, 0
    while place < len(text):
        c = text[place]
        if not quote and c.isspace():
            words += [word] if is_open else []
            word, is_open = "", False
        elif c == "\\" and quote != "'":
            following = text[place + 1 : place + 2]
            is_escape = not quote or following in {'"', "$", "\\"}
            word, is_open = word + (following if is_escape else c), True
            place += is_escape
        elif c == quote:
            quote = ""
        elif not quote and c in "'\"":
            quote, is_open = c, True
        else:
            word += VARIABLE if c == "$" and quote != "'" else c
            is_open = True
        place += 1
    if quote:
        raise Unquoted(f"Dockerfile: an open quote in {text!r}")
    return [*words, word] if is_open else words


def check_dockerfile(text: str, settings: Settings, written: Mapping[str, object]) -> None:
    """Raise Unquoted if a Dockerfile does not match the settings of its image, or the values written in the spec."""
    read = list(read_instructions(text))
    same("Dockerfile: instructions", [found.name for found in read if found.name not in _KNOWN], [])
    start = max(number for number, found in enumerate(read) if found.name == "FROM")
    final = read[start:]
    _check_variables(final, settings)
    for key, name in (("entrypoint", "ENTRYPOINT"), ("command", "CMD")):
        value, raw = getattr(settings, key), written.get(key)
        commands = [json.loads(rest) for rest in _all(final, name)]
        same(f"Dockerfile: {name}", commands, [list(value)] if value else [])
        if value and isinstance(raw, list) and all(type(item) is str for item in raw):
            same(f"Dockerfile: {name} as written", commands, [raw])
    same("Dockerfile: WORKDIR", _all(final, "WORKDIR"), [settings.working_dir])
    same("Dockerfile: number of USER", len(_all(final, "USER")), 1)
    _check_steps(read, settings)
    _check_healthcheck(final, settings)


def _all(read: list[Instruction], name: str) -> list[str]:
    return [found.rest for found in read if found.name == name]


def _pairs(read: list[Instruction], name: str) -> dict[str, str]:
    words = (word for rest in _all(read, name) for word in read_words(rest))
    return {name: value for name, _, value in (word.partition("=") for word in words)}


def _check_variables(final: list[Instruction], settings: Settings) -> None:
    env, labels = _pairs(final, "ENV"), _pairs(final, "LABEL")
    for key, value in settings.environment.items():
        if value is not None and key != "PATH":
            same(f"Dockerfile: ENV {key}", env.get(key), value)
    for key, value in {**env, **labels}.items():
        if VARIABLE in value and (key, value) != ("PATH", f"/opt/venv/bin:{VARIABLE}PATH"):
            raise Unquoted(f"Dockerfile: {key} is expanded: {value!r}")
    same("Dockerfile: LABEL", labels, dict(settings.labels))


def _check_steps(read: list[Instruction], settings: Settings) -> None:
    runs = [found for found in read if found.name == "RUN"]
    for step in settings.run:
        text = step.command.strip("\n")
        # Skip backslashes: at the end of a line they join lines, in a shell as in a Dockerfile.
        if "\\" not in text and not any(_is_step(found, text) for found in runs):
            raise Unquoted(f"Dockerfile: RUN does not give back {text!r}")


def _is_step(found: Instruction, text: str) -> bool:
    rest = re.sub(r"^(?:--mount=\S+\s+)+", "", found.rest)
    if re.fullmatch(r"<<'EOF\d*'", rest):
        script = "\n".join(found.here)
        return re.fullmatch(rf"(?:trap '{SHARE}' EXIT\n)?(?:set -e\n)?{re.escape(text)}", script) is not None
    return re.fullmatch(rf"{re.escape(text.strip())}(?: +&& {SHARE})?", rest) is not None


def _check_healthcheck(final: list[Instruction], settings: Settings) -> None:
    health = settings.healthcheck
    if health and isinstance(health.test, tuple) and health.test[0] == "CMD" and not health.disable:
        (rest,) = _all(final, "HEALTHCHECK")
        same("Dockerfile: HEALTHCHECK", json.loads(rest[rest.index("[") :]), list(health.test[1:]))


def check_second_reader(text: str) -> None:
    """Raise Unquoted if BuildKit's own parser finds other instructions."""
    if "\0" not in text and find_spec(OTHER_PARSER):
        dockerfile: Any = importlib.import_module(OTHER_PARSER)
        found = [command.cmd.upper() for command in dockerfile.parse_string(text)]
        same("Dockerfile: by BuildKit's parser", found, [one.name for one in read_instructions(text)])
