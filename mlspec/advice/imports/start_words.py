"""The import of ENTRYPOINT, CMD and HEALTHCHECK, and of the command of a run."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from mlspec.advice.draft.readers.instructions import DockerfileInstruction
from mlspec.advice.imports.verdicts import ImportSource, LineVerdict

_FOR_A_SHELL = re.compile(r"[|&;<>()$`*?\[\]#~{}!\n]|^\w+=")
_INIT = re.compile(r"(?:/\S+/)?(?:tini|dumb-init|docker-init)(?:-static)?")
_PYTHON = re.compile(r"(?:/\S+/)?python3?(?:\.\d+)?")
_IN_ENVIRONMENT = re.compile(r"/\S*(?:venv|/env|conda\d?(?:/envs/[\w.-]+)?|virtualenvs/[\w.-]+|\.local)/bin/([\w.+-]+)")
# Programs that start another program in an environment that they manage.
_WRAPPERS = (
    ("uv", "run"), ("poetry", "run"), ("pipenv", "run"), ("pdm", "run"), ("conda", "run"), ("mamba", "run"),
    ("micromamba", "run"),
)  # fmt: skip


def exec_form(text: str) -> list[str] | None:
    """Return the words of an instruction in exec form (JSON); None for another form."""
    try:
        words = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return words if isinstance(words, list) and all(isinstance(word, str) for word in words) else None


@dataclass(frozen=True, slots=True)
class StartWords:
    """The words of a start, the changes that were made to them, and whether they began with an init."""

    words: tuple[str, ...]
    changes: tuple[str, ...] = ()
    has_init: bool = False


def read_words(text: str) -> StartWords:
    """Return the words of an ENTRYPOINT or a CMD, with ``sh -c`` in front if the command needs a shell."""
    words = exec_form(text)
    if words is not None:
        return simplify(words)
    plain = text.removeprefix("exec ")
    try:
        if not _FOR_A_SHELL.search(plain):
            return simplify(shlex.split(plain))
    except ValueError:
        pass
    script = text if re.match(r"exec\s|.*[;&|\n]", text) else f"exec {text}"
    return StartWords(("sh", "-c", script), ("a shell starts it, and exec replaces the shell by the program",))


def simplify(words: Sequence[str]) -> StartWords:
    """Remove an init and tools such as `uv run` from the front of words, and use the image's own Python."""
    left, changes, has_init = list(words), list[str](), False
    if left and _INIT.fullmatch(left[0]):
        has_init = True
        changes.append(f"{left[0]}: replaced by init")
        left = left[1:]
        while left and left[0].startswith("-"):
            flag = left.pop(0)
            if flag == "--":
                break
    for tool, verb in _WRAPPERS:
        if left[:2] and left[0].rpartition("/")[2] == tool and left[1:2] == [verb]:
            left = _skip_options(left[2:])
            if left and tool == "uv" and (left[0].endswith(".py") or left[0] in {"-m", "--module"}):
                left = ["python", *("-m" if word == "--module" else word for word in left)]
            changes.append(f"without {tool} {verb}: the image has one environment")
    if left and (inside := _IN_ENVIRONMENT.fullmatch(left[0])):
        changes.append(f"{left[0]} is in the environment of the image")
        left[0] = inside[1]
    if left and _PYTHON.fullmatch(left[0]) and left[0] not in {"python", "python3"}:
        changes.append(f"{left[0]} is the image's python")
        left[0] = "python"
    return StartWords(tuple(left), tuple(changes), has_init)


def _skip_options(words: list[str]) -> list[str]:
    left = list(words)
    while left and left[0].startswith("-") and left[0] not in {"-m", "--module"}:
        option = left.pop(0)
        if option in {"-n", "--name", "-p", "--prefix", "--with", "--extra", "--group", "--python"} and left:
            left.pop(0)
    return left


def read_start(
    source: ImportSource, entry: DockerfileInstruction | None, command: DockerfileInstruction | None
) -> Iterator[LineVerdict]:
    """Yield the verdicts on the last ENTRYPOINT and the last CMD of an image."""
    if entry and exec_form(entry.rest) == []:
        yield _spread(source.carry(entry.number, entry.text, why="it removes the command of the base image"), entry)
        entry = None
    if entry and _is_of_base(source, entry):
        why = "a script of the base image, which mlspec replaces"
        yield _spread(source.change(entry.number, entry.text, "", None, why), entry)
        entry = None
    if entry:
        yield from _read_one(source, entry, "entrypoint")
        # Docker passes no arguments to an ENTRYPOINT in shell form.
        is_seen = exec_form(entry.rest) is not None
        if command and is_seen:
            yield from _read_one(source, command, "command")
        elif command:
            why = "an ENTRYPOINT in shell form ignores it"
            yield _spread(source.change(command.number, command.text, "", None, why), command)
    elif command:
        yield from _read_one(source, command, "entrypoint")


_OF_BASES = re.compile(
    r"/usr/local/bin/_entrypoint\.sh|/opt/nvidia/\S*entrypoint\.sh|/usr/local/bin/(?:_dockerfile_shell|start-notebook)\S*"
)


def _is_of_base(source: ImportSource, entry: DockerfileInstruction) -> bool:
    """Return whether an ENTRYPOINT is a script of a known base image, and not one that the Dockerfile copies."""
    words = exec_form(entry.rest) or entry.rest.split()
    name = words[0].rpartition("/")[2] if words else ""
    return bool(len(words) == 1 and _OF_BASES.fullmatch(words[0]) and source.text.count(name) == 1)


def _read_one(source: ImportSource, line: DockerfileInstruction, key: str) -> Iterator[LineVerdict]:
    # In an ENTRYPOINT, the program follows an init or a tool. The words of a CMD are arguments.
    found = read_words(line.rest) if key == "entrypoint" else _read_arguments(line.rest)
    if found.has_init:
        yield _spread(source.change(line.number, line.text, "init", True, "the init of the engine"), line)
    if not found.words:
        yield _spread(source.carry(line.number, line.text, why="it has no command"), line)
    elif not all(word.isprintable() for word in found.words):
        yield _spread(source.doubt(line.number, line.text, key, "it contains a line break"), line)
    elif found.changes:
        yield _spread(source.change(line.number, line.text, key, found.words, "; ".join(found.changes)), line)
    else:
        yield _spread(source.carry(line.number, line.text, key, found.words), line)


def _read_arguments(text: str) -> StartWords:
    words = exec_form(text)
    return simplify(words) if words is not None else read_words(text)


def _spread(verdict: LineVerdict, line: DockerfileInstruction) -> LineVerdict:
    return replace(verdict, end=max(line.end, line.number))


_HEALTH_OPTION = re.compile(r"--(interval|timeout|start-period|start-interval|retries)=(\S+)\s*")


def read_healthcheck(source: ImportSource, line: DockerfileInstruction) -> LineVerdict:
    """Return the verdict on a HEALTHCHECK."""
    options, rest = dict[str, object](), line.rest
    while found := _HEALTH_OPTION.match(rest):
        options[found[1].replace("-", "_")] = found[2]
        rest = rest[found.end() :]
    if rest.strip().upper() == "NONE":
        return _spread(source.carry(line.number, line.text, "healthcheck", {"disable": True}), line)
    if not (command := re.match(r"CMD\s+(.+)", rest, re.IGNORECASE)):
        return _spread(source.doubt(line.number, line.text, "healthcheck", "it has no CMD"), line)
    words = exec_form(command[1])
    test = ["CMD", *words] if words else ["CMD-SHELL", command[1]]
    return _spread(source.carry(line.number, line.text, "healthcheck", {"test": test, **options}), line)
