"""Functions that read the command of a container: its program, its script, the options of a server."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mlspec.advice.behaviour.imported_files import files_of_module, find_imported_files
from mlspec.advice.lint.subject import Context, Subject
from mlspec.facts.servers import Server, servers

PYTHON = re.compile(r"(?:.*/)?python(?:3(?:\.\d+)?)?")
_SHELLS = {"sh", "bash", "dash"}
# Options of Python whose value is the next word.
_WITH_VALUE = {"-W", "-X"}


def strip_launcher(words: Sequence[str]) -> tuple[str, ...]:
    """Return a command without its launcher: ``uvicorn app:app`` for ``python -m uvicorn app:app``."""
    if place := module_place(words):
        return tuple(words[place:])
    head = posixpath.basename(words[0]) if words else ""
    if head.startswith("jupyter-"):
        return ("jupyter", head.removeprefix("jupyter-"), *words[1:])
    return (head, *words[1:]) if words else ()


def module_place(words: Sequence[str]) -> int:
    """Return the index of the module in ``python -m MODULE``, or 0 for other commands.

    Other options of Python may stand in front of ``-m``.
    """
    place = 1
    while words and PYTHON.fullmatch(words[0]) and place < len(words) - 1 and words[place].startswith("-"):
        if words[place] == "-m":
            return place + 1
        place += 2 if words[place] in _WITH_VALUE else 1
    return 0


def server_of(words: Sequence[str]) -> Server | None:
    """Return the row of the known server that a command starts, or None for another program."""
    program, *rest = strip_launcher(words) or ("",)
    if PYTHON.fullmatch(program) and posixpath.basename(rest[0] if rest else "") == "manage.py":
        program, *rest = "manage.py", *rest[1:]
    # Options with their values may stand in front of the job: flask --app shop run.
    jobs = set(rest[:4])
    return next((row for row in servers() if row.program == program and (not row.jobs or jobs & set(row.jobs))), None)


def find_option_values(words: Sequence[str], names: Sequence[str]) -> Iterator[str]:
    """Yield the values of these options: ``--port 80``, ``--port=80``, ``-b:80``."""
    for number, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name in names:
            yield value if equals else next(iter(words[number + 1 : number + 2]), "")
        elif (short := word[:2]) in names and not word.startswith("--") and len(word) > 2:
            yield word.removeprefix(short)


@dataclass(frozen=True, slots=True)
class StartScript:
    """The script that a container starts: its path relative to the spec, and its interpreter.

    ``interpreter`` is ``python`` or ``sh``, or empty if the kernel starts the file by its ``#!`` line.
    """

    path: str
    interpreter: str


def script_of(subject: Subject) -> StartScript | None:
    """Return the script of the project that the command names; None if the command names a module or a program."""
    words = subject.words
    if not words:
        return None
    head = posixpath.basename(words[0])
    if PYTHON.fullmatch(words[0]) or head in _SHELLS:
        first = first_argument(words)
        return _script(subject, first, "python" if head not in _SHELLS else "sh") if first else None
    if head == "torchrun" or words[:2] == ("accelerate", "launch"):
        named = next((word for word in words[1:] if word.endswith(".py")), "")
        return _script(subject, named, "python") if named else None
    return _script(subject, words[0], "") if "/" in words[0] or head.endswith((".sh", ".py")) else None


def command_key(subject: Subject) -> str:
    """Return the key of the spec that names the started program: ``entrypoint`` or ``command``."""
    return "entrypoint" if subject.settings.entrypoint else "command"


def is_shell(word: str) -> bool:
    """Return whether a word names a shell."""
    return posixpath.basename(word) in _SHELLS


def first_argument(words: Sequence[str]) -> str:
    """Return the first argument of an interpreter that is not an option; empty if it runs a module or code."""
    rest = list(words[1:])
    while rest:
        word = rest.pop(0)
        if word in {"-m", "-c"} or (word.startswith("-") and not word.startswith("--") and word[-1] == "c"):
            return ""
        if word in _WITH_VALUE:
            rest = rest[1:]
        elif not word.startswith("-"):
            return word
    return ""


def _script(subject: Subject, word: str, interpreter: str) -> StartScript | None:
    folder = subject.settings.working_dir
    path = posixpath.normpath(posixpath.join(folder, word))
    hidden = [mount.target for mount in subject.settings.mounts]
    if not path.startswith(f"{folder.rstrip('/')}/") or any(path.startswith(f"{t.rstrip('/')}/") for t in hidden):
        return None
    return StartScript(posixpath.relpath(path, folder), interpreter)


def modules_of(subject: Subject) -> tuple[str, ...]:
    """Return the possible paths of the code that a container starts: a script, or the files of a module."""
    if script := script_of(subject):
        return (script.path,)
    words = subject.words
    if (place := module_place(words)) and not server_of(words):
        return files_of_module(words[place])
    named = next(
        (word.partition(":")[0] for word in strip_launcher(words)[1:] if re.fullmatch(r"[\w.]+:\w+", word)), ""
    )
    scripts = (word for word in strip_launcher(words)[1:] if word.endswith(".py"))
    return files_of_module(named) if named else tuple(scripts)[:1]


def find_program_files(subject: Subject, context: Context) -> Iterator[tuple[str, str]]:
    """Yield path and text of the files that a container starts, and of the project's files that they import."""
    return find_imported_files(modules_of(subject), context.texts)
