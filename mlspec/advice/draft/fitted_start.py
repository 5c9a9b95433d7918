"""The adaptation of another image's command to this image, which may lack its programs and variables."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from mlspec.advice.draft.folder import Folder
from mlspec.advice.draft.readers import Statement
from mlspec.advice.draft.readers.instructions import find_variables

# Programs that every image has.
_SYSTEM = re.compile(r"(?:/usr)?(?:/local)?/s?bin/(?:sh|bash|env|python3?)")
_OTHER_PYTHON = re.compile(r"(?:/\S+/)?python(\d(?:\.\d+)?)")


@dataclass(frozen=True, slots=True)
class FittedStart:
    """The command of another file's image, adapted to this image, and the parts that this image lacks."""

    statement: Statement
    missing: tuple[Statement, ...] = ()


def check_start(
    statement: Statement, folder: Folder, variables: Mapping[str, str], python: str, home: str
) -> FittedStart:
    """Return the start with this image's Python, and the programs and variables that the image lacks."""
    words = statement.value if isinstance(statement.value, tuple) else (statement.value,)
    changed = tuple(_own_python(words, python))
    why = statement.why
    if changed != tuple(words):
        old = next(word for word, new in zip(words, changed, strict=True) if word != new)
        why = f"{old} became python: the image has Python {python}"
    fitted = replace(statement, value=changed, why=why)
    losses = (statement.leave(why) for why in (*_missing_programs(changed, folder, home), *_unset(changed, variables)))
    return FittedStart(fitted, tuple(losses))


def _own_python(words: Iterable[str], python: str) -> Iterator[str]:
    for word in words:
        found = _OTHER_PYTHON.fullmatch(word)
        yield "python" if found and found[1] not in {"3", python} else word


def _missing_programs(words: tuple[str, ...], folder: Folder, home: str) -> Iterator[str]:
    """Yield a reason for a program that the image lacks: a tool such as conda, or a file that is not in the folder."""
    program = words[0] if words else ""
    if program in {"conda", "mamba", "micromamba", "poetry", "uv", "pipenv", "pdm"}:
        yield f"the image has no {program}: start the program itself"
    elif program.startswith("/") and not _SYSTEM.fullmatch(program):
        inside = posixpath.relpath(program, home)
        if inside.startswith("..") or not folder.has(inside):
            name = posixpath.basename(program)
            hint = f"; the folder has it as {home}/{name}" if folder.has(name) else ""
            yield f"the image has no {program}, which came from a step or a copy that is left out{hint}"
    elif program.startswith("./") and not folder.has(posixpath.normpath(program)):
        yield f"there is no {program} here"


def _unset(words: tuple[str, ...], variables: Mapping[str, str]) -> Iterator[str]:
    """Yield a reason for each shell variable that nothing sets."""
    if words[:2] in {("sh", "-c"), ("bash", "-c"), ("/bin/sh", "-c"), ("/bin/bash", "-c")}:
        for name in dict.fromkeys(name for word in words[2:] for name in find_variables(word)):
            if name not in variables and name not in _SET_ANYWAY:
                yield f"nothing sets ${name} when the image runs: write it under environment"


_SET_ANYWAY = {"HOME", "PATH", "PWD", "HOSTNAME", "USER", "SHELL", "LANG", "PYTHON_VERSION"}
