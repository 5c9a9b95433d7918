"""A rule about build steps that install packages which are not in the lock."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence

from mlspec.advice.lint.shell_commands import parse_commands
from mlspec.advice.lint.subject import Subject
from mlspec.errors import Problem

# The words behind these commands are packages. A program at another path installs for another Python.
_INSTALLERS = re.compile(
    r"(?:(?:/opt/venv/bin/)?(?:python[\d.]* -m )?pip[\d.]* install|uv pip install|(?:uv|poetry|pdm) add|pipenv install"
    r"|(?:conda|mamba|micromamba) install|uv sync|(?:poetry|pdm) install)(?= |$)"
)
_WITH_VALUE = {
    "-r",
    "--requirement",
    "-e",
    "--editable",
    "-c",
    "--constraint",
    "-i",
    "--index-url",
    "--extra-index-url",
    "-f",
    "--find-links",
    "--trusted-host",
}
_WITH_VALUE |= {"--timeout", "--retries", "--no-binary", "--only-binary", "--progress-bar", "--cache-dir", "--proxy"}
_WITH_VALUE |= {"--root-user-action", "--upgrade-strategy", "--config-settings", "--channel", "-n", "--name", "--group"}
# These options install into a separate folder or for another Python: the program does not import from there.
_ELSEWHERE = re.compile(r"(?:-t|--target|--prefix|--root|--python|-p|--dry-run)(?:=.*)?")
_TOOLS = re.compile(r"(?:pip|wheel|uv)(?:[<>=!~].*)?")
_PATH = re.compile(r"\.{0,2}/|\.{1,2}(?:\[|$)|file:|.*\$|~/")
_PROJECT = ("pyproject.toml",)


def installs_past_the_lock(subject: Subject) -> Iterator[Problem]:
    """Warn of build steps that install packages: such packages have no pin in the lock and no hash."""
    for number, step in enumerate(subject.settings.run):
        commands = [" ".join(command.words).removeprefix("sudo ") for command in parse_commands(step.command) or ()]
        entries = tuple(dict.fromkeys(entry for command in commands for entry in installed_entries(command)))
        if not entries:
            continue
        first = next(command for command in commands if installed_entries(command))
        message = f"`{_shorten(first)}` installs packages that are not in the lock"
        if step.at == "before_install" and subject.plan.packages.installer:
            message += ", and into a Python that the program does not use"
        then = "install only the package here: pip install --no-deps ." if entries == _PROJECT else "remove it here"
        hint = f"write it under requirements: [{', '.join(map(_quote, entries))}], and {then}"
        yield subject.warn(message, hint, "run", number)


def installed_entries(command: str) -> tuple[str, ...]:
    """Return the entries of ``requirements`` that would replace an install command.

    A command that installs the project and its requirements gives the entry ``pyproject.toml``; one that installs the
    project alone gives no entry.
    """
    match = _INSTALLERS.match(command)
    if not match or any(map(_ELSEWHERE.fullmatch, command.split())):
        return ()
    behind = command[match.end() :].split()
    if re.match(r"uv sync|poetry install|pdm install", match[0]):
        return _PROJECT
    entries = tuple(_entries(behind))
    if "conda" in match[0] or "mamba" in match[0]:
        return tuple(re.split(r"[=<>:]+", entry)[0] for entry in entries)
    # The project itself needs no lock, but its requirements do.
    takes_project = any(re.fullmatch(r"\.(?:\[.*\]|/)?", word) for word in behind)
    return (*_PROJECT, *entries) if takes_project and "--no-deps" not in behind else entries


def _entries(words: Sequence[str]) -> Iterator[str]:
    todo = list(words)
    while todo:
        word = todo.pop(0)
        name, _, value = word.partition("=")
        if re.match(r"\d?[<>]", word):
            return
        if name in {"-r", "--requirement"}:
            value = value or "".join(todo[:1])
            if not _PATH.match(value):
                yield posixpath.normpath(value)
        if word in _WITH_VALUE:
            todo[:1] = []
        elif not word.startswith("-") and not _PATH.match(word) and not _TOOLS.fullmatch(word):
            yield _name_requirement(word)


def _name_requirement(word: str) -> str:
    """Return the requirement for a word of a command; put the name of the wheel or repository in front of a URL."""
    if "://" not in word or " @ " in word:
        return word
    last = re.sub(r"[#?].*$", "", word).rstrip("/").rpartition("/")[2]
    name = last.partition("-")[0] if last.endswith(".whl") else re.sub(r"\.git(?:@.*)?$|@.*$|-\d.*$", "", last)
    return f"{name} @ {word}"


def _shorten(text: str) -> str:
    text = re.sub(r" \d?[<>].*", "", text)
    return text if len(text) <= 60 else f"{text[:59]}…"


def _quote(entry: str) -> str:
    """Quote an entry for a YAML list in brackets, if it needs quotes."""
    return f'"{entry}"' if re.search(r"[,\[\]{}#:&*!|>%@`\"]|^[<=?-]", entry) else entry
