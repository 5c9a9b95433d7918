"""The start of a container's program: its words, its files, and Python's search path."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence

from mlspec.advice.behaviour import Program, Start, read_program
from mlspec.advice.behaviour.imported_files import files_of_module
from mlspec.advice.lint.container_command import (
    PYTHON,
    first_argument,
    is_shell,
    module_place,
    script_of,
    server_of,
    strip_launcher,
)
from mlspec.advice.lint.shell_commands import parse_commands
from mlspec.advice.lint.subject import Context, Subject

_NAME = r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*"
_APPLICATION = re.compile(rf"(?!unix:)({_NAME}):({_NAME})(?:\(.*\))?", re.ASCII)


def last_words(subject: Subject, context: Context) -> tuple[str, ...]:
    """Return the words of the program that a container finally runs.

    If the command is ``sh -c`` or a shell script, they are the last command of its text.
    """
    words = subject.words
    text = shell_text(subject, context)
    commands = parse_commands(text) if text else None
    own = [command for command in commands or () if not command.depth]
    if not own:
        return words
    # The arguments of the container follow the script; with `sh -c` they follow the text and a name.
    script = script_of(subject)
    behind = 1 + next((n for n, word in enumerate(words) if script and word.endswith(script.path)), 3)
    given = {"$@": words[behind:], "$*": words[behind:]}
    return tuple(word for place in own[-1].words for word in given.get(place, (place,)))


def shell_text(subject: Subject, context: Context) -> str:
    """Return the text that the container's shell runs; empty if it starts no shell, or the script was not read."""
    words = subject.words
    if len(words) > 2 and is_shell(words[0]) and re.fullmatch(r"-\w*c", words[1]):
        return words[2]
    script = script_of(subject)
    look = context.looks.get(script.path) if script else None
    if script and look and (script.interpreter == "sh" or re.match(r"#!.*\b(?:ba|da)?sh\b", look.text)):
        return look.text
    return ""


def application_of(words: Sequence[str]) -> tuple[str, str] | None:
    """Return module and variable of the application in a server's command, such as ``app.main:app``."""
    found = next((match for word in strip_launcher(words)[1:] if (match := _APPLICATION.fullmatch(word))), None)
    return (found[1], found[2]) if found else None


def program_of(subject: Subject, context: Context) -> Program:
    """Return the program that a container starts, parsed from the files that the image gets."""
    start = start_of(subject, last_words(subject, context))
    key = (start.words, start.working_dir, tuple(start.environment.items()), start.is_environment_known)
    known = context.programs.get(key)
    if not isinstance(known, Program):
        known = context.programs[key] = read_program(start, context.texts)
    return known


def start_of(subject: Subject, words: Sequence[str]) -> Start:
    """Return the start of a program of the project by these words, with the environment of the spec."""
    settings = subject.settings
    environment: dict[str, str | None] = {**settings.environment, **dict.fromkeys(settings.secrets)}
    return start_by(
        words,
        environment=environment,
        is_environment_known=not settings.env_file,
        working_dir=settings.working_dir,
        root=subject.plan.context.root,
    )


def start_by(
    words: Sequence[str],
    *,
    environment: Mapping[str, str | None],
    is_environment_known: bool = True,
    working_dir: str = "/app",
    root: str = "",
) -> Start:
    """Return the start of a program by these words; its files are in ``working_dir``, or elsewhere below ``root``."""
    files, modules, calls, code = _find_start_files(words, working_dir)
    path = environment.get("PYTHONPATH") or ""
    inside = [posixpath.normpath(posixpath.join(working_dir, entry)) for entry in path.split(":") if entry]
    below = [
        posixpath.relpath(entry, working_dir) for entry in inside if f"{entry}/".startswith(f"{root or working_dir}/")
    ]
    roots = dict.fromkeys(("", *("" if entry == "." else entry for entry in below)))
    # The words give the path of a script. Python searches its path for a module.
    return Start(
        files=_within(roots, files) if module_place(words) else files,
        modules=_within(roots, modules),
        code=code,
        calls=calls,
        words=tuple(words),
        roots=tuple(roots),
        environment=environment,
        is_environment_known=is_environment_known,
        working_dir=working_dir,
    )


def _within(roots: Iterable[str], files: Iterable[str]) -> tuple[str, ...]:
    return tuple(posixpath.join(root, file) for root in roots for file in files)


_StartFiles = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...], str]


def _find_start_files(words: Sequence[str], working_dir: str) -> _StartFiles:
    """Return four parts of a start: scripts that run, files of imported modules, called functions, and code."""
    if not words:
        return (), (), (), ""
    if PYTHON.fullmatch(words[0]) and "-c" in words[1:3]:
        place = words.index("-c") + 1
        return (), (), (), words[place] if place < len(words) else ""
    if (place := module_place(words)) and not server_of(words):
        path = words[place].replace(".", "/")
        return (f"{path}.py", f"{path}/__main__.py"), (f"{path}/__init__.py",), (), ""
    if PYTHON.fullmatch(words[0]) and (first := first_argument(words)):
        return (_beside(first, working_dir),), (), (), ""
    rest = strip_launcher(words)[1:]
    if found := application_of(words):
        return (), files_of_module(found[0]), (found[1].partition(".")[0],), ""
    scripts = tuple(_beside(word, working_dir) for word in (*words[:1], *rest) if word.endswith(".py"))
    return scripts[:1], (), (), ""


def _beside(word: str, working_dir: str) -> str:
    path = posixpath.normpath(posixpath.join(working_dir, word))
    return posixpath.relpath(path, working_dir)
