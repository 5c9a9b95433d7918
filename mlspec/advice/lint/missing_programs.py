"""A rule about programs that a container starts and the image lacks."""

from __future__ import annotations

import posixpath
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from packaging.utils import canonicalize_name

from mlspec.advice.lint.container_command import PYTHON, command_key, is_shell, module_place, strip_launcher
from mlspec.advice.lint.program_start import shell_text
from mlspec.advice.lint.shell_commands import parse_commands
from mlspec.advice.lint.subject import Context, Subject
from mlspec.errors import Problem
from mlspec.facts import programs
from mlspec.facts.versions import minor_version
from mlspec.text import slip


class _Missing(NamedTuple):
    message: str
    hint: str


def lacks_program(subject: Subject, context: Context) -> Iterator[Problem]:
    """Warn of a program that the container starts and the image lacks.

    The rule is silent for a custom base and for a spec with build steps: a spec does not show their programs.
    """
    if not subject.is_official or subject.settings.run:
        return
    for words in started_commands(subject, context):
        if missing := _missing(subject, context, words):
            yield subject.warn(*missing, command_key(subject))
            return


def started_commands(subject: Subject, context: Context) -> tuple[tuple[str, ...], ...]:
    """Return the command of a container, and the commands that its shell script runs."""
    text = shell_text(subject, context)
    inside = parse_commands(text) if text else None
    plain = [command.words for command in inside or () if not command.depth and not _is_filled_in(command.words[0])]
    return (subject.words, *plain) if subject.words else ()


def _is_filled_in(word: str) -> bool:
    return any(character in word for character in "$`*?")


def _missing(subject: Subject, context: Context, words: Sequence[str]) -> _Missing | None:
    """Return message and hint if the program of a command is missing; None if it is or may be in the image."""
    program = _program(words[0])
    if not program:
        return _lacks_file(subject, words[0])
    if is_shell(program) or program in subject.own_commands:
        return None
    if PYTHON.fullmatch(program) or re.fullmatch(r"python\d(?:\.\d+)?", program):
        return _other_python(subject, program, words) or _lacks_module_program(subject, context, words)
    if program in programs.wrappers():
        return _check_wrapped_program(subject, program, words)
    return (
        _lacks_own_script(subject, context, program, words)
        or _lacks_console_program(subject, strip_launcher(words))
        or _lacks_system_program(subject, context, program, words)
    )


def _program(word: str) -> str:
    """Return the name of a program in a folder of the system or without a folder; empty for any other path."""
    folder, name = posixpath.split(word)
    return name if folder in {"", "/opt/venv/bin", "/usr/bin", "/bin", "/usr/local/bin"} else ""


def _has(subject: Subject, program: str, apt: Sequence[str], packages: Sequence[str]) -> bool:
    named = {*apt, program.lower()}
    locked = {canonicalize_name(program), *packages} & subject.packages
    return bool(locked) or any(subject.installs(name) for name in named)


def _other_python(subject: Subject, program: str, words: Sequence[str]) -> _Missing | None:
    version = program.removeprefix("python")
    python = minor_version(subject.settings.python)
    if version in {"", "3", python} or subject.installs(program):
        return None
    hint = f"write: {_format_words(('python', *words[1:]))}"
    return _Missing(f"{program} is not in the image, which has Python {python}", hint)


def _lacks_module_program(subject: Subject, context: Context, words: Sequence[str]) -> _Missing | None:
    place = module_place(words)
    is_own = place and any(path.startswith((f"{words[place]}.py", f"{words[place]}/")) for path in context.kept)
    return _lacks_console_program(subject, words[place:], what="module") if place and not is_own else None


def _lacks_console_program(subject: Subject, words: Sequence[str], what: str = "program") -> _Missing | None:
    known = programs.console_programs()
    name = next((name for name in (" ".join(words[:2]), words[0]) if name in known), "")
    if not subject.is_locked or subject.installs(words[0]):
        return None
    if name and not set(known[name]) & subject.packages:
        return _Missing(f"no package of the lock has the {what} {name}", f"add to requirements: {known[name][0]}")
    brought = subject.programs.get(words[0]) if what == "program" else None
    meant = slip(words[0], known) if not name and canonicalize_name(words[0]) not in subject.packages else ""
    if meant and set(known[meant]) & subject.packages and not brought:
        return _Missing(f"there is no {what} {words[0]} in the image", f"did you mean {meant}?")
    if brought == "":
        hint = "correct its name, or add the package that provides it to requirements"
        return _Missing(
            f"no locked package provides the program {words[0]}, according to the entry points of their wheels", hint
        )
    return None


def _lacks_system_program(subject: Subject, context: Context, program: str, words: Sequence[str]) -> _Missing | None:
    row = programs.system_programs().get(program)
    if not row or not (subject.is_slim or not row.is_in_full) or _has(subject, program, row.apt, row.packages):
        return None
    message = f"{program} is not in the image"
    if program == "make" and (recipe := _recipe(context, words)):
        return _Missing(message, f"write the command of the target: {recipe}")
    return _Missing(message, f"add to apt: {row.apt[0]}")


def _recipe(context: Context, words: Sequence[str]) -> str:
    """Return the command that a target of the Makefile runs; empty unless it is a single plain command."""
    targets = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
    look = context.looks.get("Makefile")
    if len(targets) != 1 or not look:
        return ""
    found = re.search(rf"^{re.escape(targets[0])}[ \t]*:(?!=)[^\n]*\n((?:\t[^\n]*\n?)+)", look.text, re.MULTILINE)
    lines = [line.strip().lstrip("@-") for line in found[1].splitlines() if line.strip()] if found else []
    return lines[0] if len(lines) == 1 and not re.search(r"[$;&|<>\\]", lines[0]) else ""


def _check_wrapped_program(subject: Subject, program: str, words: Sequence[str]) -> _Missing | None:
    """Return message and hint if a wrapper, a program that only starts another program, is missing."""
    if _has(subject, program, (), ()):
        return None
    wrapper = programs.wrappers()[program]
    rest = list(words[1:])
    if wrapper.run and rest[:1] == ["run"]:
        rest = rest[1:]
    elif wrapper.run:
        return _Missing(f"{program} is not in the image", "write the command itself")
    while rest and rest[0].startswith("-"):
        option = rest.pop(0)
        if option == "--":
            break
        rest = rest[1:] if option in wrapper.options else rest
    # Some wrappers run scripts of their own configuration, whose names no shell knows.
    is_known = bool(rest) and (bool(PYTHON.fullmatch(rest[0])) or rest[0] in programs.console_programs())
    hint = f"write: {_format_words(rest)}" if is_known else "write the command itself"
    return _Missing(f"{program} is not in the image, and its packages are on PATH without it", hint)


def _lacks_own_script(subject: Subject, context: Context, program: str, words: Sequence[str]) -> _Missing | None:
    """Return message and hint if the command is a script of pyproject.toml that the image does not install."""
    target = own_scripts(context).get(program, "")
    found = re.fullmatch(r"([A-Za-z_][\w.]*)\s*:\s*([A-Za-z_]\w*)", target, re.ASCII)
    if not found or installs_project(subject) or canonicalize_name(program) in subject.packages - {own_name(context)}:
        return None
    code = f"import sys; from {found[1]} import {found[2]}; sys.exit({found[2]}())"
    rest = "".join(f", {_in_list(word)}" for word in words[1:])
    hint = f'write: {command_key(subject)}: [python, -c, "{code}"{rest}]'
    message = f"{program} is a command of pyproject.toml, but the image has the project's files without its commands"
    return _Missing(message, hint)


def own_scripts(context: Context) -> Mapping[str, str]:
    """Return the commands below ``[project.scripts]`` of pyproject.toml, by name."""
    scripts = _project(context).get("scripts")
    declared = scripts.items() if isinstance(scripts, dict) else ()
    return {name: target for name, target in declared if isinstance(target, str)}


def own_name(context: Context) -> str:
    """Return the normalised name of the project; empty if pyproject.toml has no name."""
    return canonicalize_name(str(_project(context).get("name") or ""))


def _project(context: Context) -> Mapping[str, object]:
    look = context.looks.get("pyproject.toml")
    try:
        project = tomllib.loads(look.text).get("project") if look else None
    except tomllib.TOMLDecodeError:
        return {}
    return project if isinstance(project, dict) else {}


def installs_project(subject: Subject) -> bool:
    """Return whether the requirements install the project itself, with its commands and modules."""
    return any(re.fullmatch(r"(?:-e\s+)?\.(?:/.*)?(?:\[.*\])?", entry) for entry in subject.settings.requirements)


_SYSTEM = ("/bin/", "/sbin/", "/usr/", "/opt/venv/", "/lib/", "/cache/", "/home/app/", "/tmp/")  # noqa: S108 - in the image


def _lacks_file(subject: Subject, word: str) -> _Missing | None:
    """Return message and hint for an absolute path that no part of the spec puts into the image."""
    settings = subject.settings
    places = (*_SYSTEM, f"{settings.working_dir.rstrip('/')}/", *(f"{m.target.rstrip('/')}/" for m in settings.mounts))
    path = posixpath.normpath(word)
    if not word.startswith("/") or f"{path}/".startswith(places) or settings.apt:
        return None
    name = posixpath.basename(path)
    return _Missing(f"nothing puts {path} into the image", f"put {name} beside the spec, and write: ./{name}")


def _format_words(words: Sequence[str]) -> str:
    is_plain = all(re.fullmatch(r"[\w./:=+@%,-]+", word, re.ASCII) for word in words)
    return " ".join(words) if is_plain else f"[{', '.join(map(_in_list, words))}]"


def _in_list(word: str) -> str:
    return word if re.fullmatch(r"[A-Za-z_./][\w./=+-]*", word, re.ASCII) else '"' + word.replace('"', '\\"') + '"'
