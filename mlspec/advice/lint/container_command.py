"""Read the command of a container: its program, its script, and the address and port of a server."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mlspec.advice.behaviour.imports import files_of_module, find_imported_files
from mlspec.advice.lint.subject import Context, Subject
from mlspec.facts.servers import Server, servers

PYTHON = re.compile(r"(?:.*/)?python(?:3(?:\.\d+)?)?")
_SHELLS = {"sh", "bash", "dash"}
# Options of Python whose value is the next word.
_WITH_VALUE = {"-W", "-X"}


def strip_launcher(words: Sequence[str]) -> tuple[str, ...]:
    """Return a command without its launcher: ``python -m uvicorn app:app`` is ``uvicorn app:app``."""
    if place := module_place(words):
        return tuple(words[place:])
    head = posixpath.basename(words[0]) if words else ""
    if head.startswith("jupyter-"):
        return ("jupyter", head.removeprefix("jupyter-"), *words[1:])
    return (head, *words[1:]) if words else ()


def module_place(words: Sequence[str]) -> int:
    """Return the place of the module in ``python -m MODULE``, behind other options too; 0 for other commands."""
    place = 1
    while words and PYTHON.fullmatch(words[0]) and place < len(words) - 1 and words[place].startswith("-"):
        if words[place] == "-m":
            return place + 1
        place += 2 if words[place] in _WITH_VALUE else 1
    return 0


def server_of(words: Sequence[str]) -> Server | None:
    """Return how the program of a command listens, where it is a known server."""
    program, *rest = strip_launcher(words) or ("",)
    if PYTHON.fullmatch(program) and posixpath.basename(rest[0] if rest else "") == "manage.py":
        program, *rest = "manage.py", *rest[1:]
    # In front of the job stand options with their values: flask --app shop run.
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
    """The script that a container starts with: its path beside the spec, and what reads it, if not the system."""

    path: str
    interpreter: str


def script_of(subject: Subject) -> StartScript | None:
    """Return the script that the command names, where it is one of the project's; none for a module or a program."""
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
    """Return the key that says what a container starts."""
    return "entrypoint" if subject.settings.entrypoint else "command"


def is_shell(word: str) -> bool:
    """Return whether a word names a shell."""
    return posixpath.basename(word) in _SHELLS


def first_argument(words: Sequence[str]) -> str:
    """Return the first word behind an interpreter that is no option of it; empty where it reads a module or code."""
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
    """Return where the code that a container starts with may stand beside the spec: a script, or a module's files."""
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
    """Yield path and text of the code that a container starts with, and of what it imports of the project."""
    return find_imported_files(modules_of(subject), context.texts)
