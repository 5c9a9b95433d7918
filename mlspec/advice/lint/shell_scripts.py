"""Rules about the shell script of a container, and about the text behind ``sh -c``."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mlspec.advice.lint.container_command import PYTHON, command_key, is_shell, script_of, strip_launcher
from mlspec.advice.lint.program_start import shell_text
from mlspec.advice.lint.shell_commands import ShellCommand, parse_commands
from mlspec.advice.lint.subject import Context, Subject
from mlspec.errors import Problem
from mlspec.facts import programs
from mlspec.targets.registry import emit


def keeps_signals(subject: Subject, context: Context) -> Iterator[Problem]:
    """Warn of a script whose last command does not replace the shell: a stop signal reaches only the shell."""
    script, text = script_of(subject), shell_text(subject, context)
    commands = parse_commands(text) if script and text else None
    if not script or not commands or any(command.words[0] in {"trap", "wait"} for command in commands):
        return
    last = commands[-1]
    if last.is_exec or last.depth or last.is_behind_pipe or last.follows or not _runs_long(last):
        return
    what = " ".join(last.words[:3])
    message = (
        f"{script.path}, line {last.line}: docker stop ends only the shell, and {what} is killed without a warning"
    )
    rest = " ..." if len(last.words) > 3 else ""
    yield subject.warn(message, f"write there: exec {what}{rest}", command_key(subject))


def _runs_long(command: ShellCommand) -> bool:
    """Return whether a command is known to be a long-running program: a server, Python, node or java."""
    head = command.words[0]
    is_plain = not any(character in head for character in "$`")
    is_server = strip_launcher(command.words)[0] in programs.console_programs() or head in {"node", "java"}
    return is_plain and (is_server or bool(PYTHON.fullmatch(head)))


_VARIABLE = re.compile(r"(?<!\\)\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\})")
# Variables that a shell, an engine or a terminal sets.
_ALWAYS = {"HOME", "PATH", "HOSTNAME", "PWD", "OLDPWD", "TERM", "IFS", "PPID", "SHLVL", "UID", "EUID", "RANDOM"}


def lacks_variable(subject: Subject, context: Context) -> Iterator[Problem]:
    """Warn of a variable behind ``sh -c`` that nothing sets: the shell replaces it with an empty text."""
    settings, words = subject.settings, subject.words
    if not (len(words) > 2 and is_shell(words[0]) and words[1].endswith("c")) or settings.env_file or settings.run:
        return
    text = re.sub(r"'[^']*'", "", words[2])
    (dockerfile,) = emit(subject.plan, ["dockerfile"])
    known = _ALWAYS | settings.environment.keys() | settings.secrets.keys()
    for match in _VARIABLE.finditer(text):
        name = match[1] or match[2]
        is_set = re.search(rf"\b{name}=|\b(?:read|for)\b[^;]*\b{name}\b", text) or f"{name}=" in dockerfile.text
        if name not in known and not is_set and subject.is_official:
            message = f"nothing sets ${name}, so the shell replaces it with nothing"
            pair = f"{name}: VALUE"
            hint = f"add below environment: {pair}" if settings.environment else f"add: environment: {{{pair}}}"
            yield subject.warn(message, hint, command_key(subject))
            return
