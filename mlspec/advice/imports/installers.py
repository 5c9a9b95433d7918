"""The import of commands that install packages: apt, pip, uv, poetry, pdm, pipenv and conda."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from mlspec.advice.imports.own_project import find_own_package
from mlspec.advice.imports.pip_words import PipWord, read_index, read_pip_command
from mlspec.advice.imports.shell_script import ScriptCommand, ScriptWord, split_words
from mlspec.advice.imports.system_packages import read_debian_package
from mlspec.advice.imports.verdicts import ImportSource, LineVerdict

_APT = re.compile(r"apt(?:-get|itude)?\s+(?:-\S+(?:\s+\S+=\S+)?\s+)*install\b")
_PIP = re.compile(
    r"(?:\S*python[\d.]*\s+(?:-\w\s+)*-m\s+)?(?:/\S+/)?pip[\d.]*\s+(?:-\S+\s+)*(?:install|wheel)\b"
    r"|(?:\S*/)?uv\s+(?:-\S+\s+)*pip\s+(?:install|sync)\b"
)
_PROJECT = re.compile(
    r"(uv\s+(?:sync|export)|(?:\S*/)?poetry\s+(?:-\S+\s+)*(?:install|export)|pdm\s+(?:install|sync|export)"
    r"|pipenv\s+(?:install|sync|requirements))\b"
)
_CONDA = re.compile(r"(?:\S*/)?(?:conda|mamba|micromamba)\s+(?:-\S+\s+)*(?:env\s+(?:create|update)|install|create)\b")
_OPTIONS_WITH_VALUE = {"-t", "-o", "--target-release", "--option", "-c"}
# The file with the pins that each tool installs.
_LOCKS = {"uv": "uv.lock", "poetry": "poetry.lock", "pdm": "pdm.lock", "pipenv": "Pipfile.lock"}
_ReadWords = Callable[[ImportSource, Sequence[ScriptWord], Callable[[int], int], str], Iterator[LineVerdict]]


def read_install(
    source: ImportSource, command: ScriptCommand, line_of: Callable[[int], int], codename: str
) -> Iterator[LineVerdict]:
    """Yield the verdicts on the packages that a command installs.

    Nothing is yielded for another command, or if only a shell can tell its words.
    """
    words = split_words(command)
    if words is None:
        return
    if re.fullmatch(r"(?:\S*/)?python[\d.]*\s+setup\.py\s+(?:develop|install|build_ext)\b.*", command.text):
        yield from read_pip_command(
            source, [PipWord("-e", line_of(command.start)), PipWord(".", line_of(command.start))]
        )
        return
    readers: dict[re.Pattern[str], _ReadWords] = {_APT: _read_apt, _PIP: _read_pip, _CONDA: _read_conda}
    for pattern, read in readers.items():
        if found := pattern.match(command.text):
            rest = [word for word in words if word.start >= command.start + found.end()]
            if not rest:
                yield source.carry(line_of(command.start), command.text, why="it names no package")
            yield from read(source, rest, line_of, codename)
            return
    if found := _PROJECT.match(command.text):
        tool = found[1].split()[0].rpartition("/")[2]
        listed = _read_project(source, command, line_of(command.start), tool)
        yield from _read_own_package(source, command.text, tool, listed)
        if tool in {"uv", "poetry", "pdm"} and listed.outcome != "unsure":
            yield from _read_accelerator(source, command, line_of(command.start))


def _read_apt(
    source: ImportSource, words: Sequence[ScriptWord], line_of: Callable[[int], int], codename: str
) -> Iterator[LineVerdict]:
    todo = list(words)
    while todo:
        word = todo.pop(0)
        number = line_of(word.start)
        if word.text in _OPTIONS_WITH_VALUE and todo:
            value = todo.pop(0)
            yield source.carry(number, f"{word.text} {value.text}", why="mlspec sets the options of apt")
        elif word.text.startswith("-"):
            yield source.carry(number, word.text, why="mlspec sets the options of apt")
        elif "$" in word.text or "/" in word.text:
            yield source.doubt(number, word.text, "apt", "Debian has no such package")
        else:
            yield from read_debian_package(source, number, word.text.rstrip("+-") or word.text, codename, word.text)


def _read_pip(
    source: ImportSource, words: Sequence[ScriptWord], line_of: Callable[[int], int], _: str
) -> Iterator[LineVerdict]:
    yield from read_pip_command(source, [PipWord(word.text, line_of(word.start)) for word in words])


def _read_conda(
    source: ImportSource, words: Sequence[ScriptWord], line_of: Callable[[int], int], _: str
) -> Iterator[LineVerdict]:
    from mlspec.advice.imports.conda_environment import judge_conda_word

    todo = list(words)
    while todo:
        word = todo.pop(0)
        number = line_of(word.start)
        name, has_value, value = word.text.partition("=") if word.text.startswith("--") else (word.text, "", "")
        if name in {"-f", "--file", "-n", "--name", "-c", "--channel", "-p", "--prefix"}:
            value = value if has_value or not todo else todo.pop(0).text
            yield _read_conda_option(source, number, name, value)
        elif word.text.startswith("-"):
            yield source.carry(number, word.text, why="mlspec sets the options of the installation")
        else:
            yield from judge_conda_word(source, number, word.text)


def _read_conda_option(source: ImportSource, number: int, name: str, value: str) -> LineVerdict:
    text = f"{name} {value}"
    if name not in {"-f", "--file"}:
        return source.carry(number, text, why="the image has one environment")
    path = next((way for way in (value, value.rpartition("/")[2]) if source.read(way) is not None), "")
    if not path:
        return source.doubt(number, text, "requirements", f"there is no file {value} here")
    return replace(source.carry(number, text, why=f"read: {path}"), reads=(path,))


_WITHOUT_PACKAGE = re.compile(r"--(?:no-root|no-install-project|no-self|only-root)\b|\b(?:export|requirements)\b")


def _read_own_package(source: ImportSource, text: str, tool: str, listed: LineVerdict) -> Iterator[LineVerdict]:
    """Yield the verdict ``listed`` on a command, and that the command installs the project itself, if it does."""
    file, _, extras = str(listed.value).removesuffix("]").partition("[")
    is_alone = file == "pyproject.toml"
    is_off = tool == "pipenv" or listed.outcome == "unsure" or _WITHOUT_PACKAGE.search(text)
    is_virtual = tool == "uv" and not _has_build_system(source)
    entry = "" if is_off or is_virtual else find_own_package(source, ".", extras if is_alone else "")
    if not (entry and is_alone):
        yield listed
    if entry:
        yield replace(listed, value=entry, outcome="changed", why=f"{tool} installs the project too")


_TORCH_URL = re.compile(r"(?m)^(?!\s*#).*[\"'](https://download\.pytorch\.org/whl/[\w./-]+)[\"']")


def _read_accelerator(source: ImportSource, command: ScriptCommand, number: int) -> Iterator[LineVerdict]:
    """Yield the verdict that a project takes torch from the index of one accelerator."""
    urls = set(_TORCH_URL.findall(source.read("pyproject.toml") or ""))
    if len(urls) == 1:
        yield read_index(source, number, command.text, urls.pop())


def _has_build_system(source: ImportSource) -> bool:
    """Return whether a project names its backend: uv installs no other project."""
    return bool(re.search(r"(?m)^\[build-system\]|^\s*package\s*=\s*true", source.read("pyproject.toml") or ""))


def _read_project(source: ImportSource, command: ScriptCommand, number: int, tool: str) -> LineVerdict:
    """Return the verdict on a command that installs a project from its lock, or else from its dependencies."""
    extras = re.findall(r"(?:--extra|--extras|-E)[= ]([\w.-]+)", command.text)
    if re.search(r"--all-extras|--all-groups|--group|--with\b|--only\b", command.text):
        why = "write its groups after the file: uv.lock[extra], or --group NAME"
        return source.doubt(number, command.text, "requirements", why)
    names = [_LOCKS.get(tool, ""), "Pipfile" if tool == "pipenv" else "pyproject.toml"]
    here = next((name for name in names if name and source.read(name) is not None), "")
    if not here or here == "Pipfile":
        found = source.carry(number, command.text, why=f"read: {here}") if here else None
        missing = f"there is neither {' nor '.join(filter(None, names))} here"
        return replace(found, reads=(here,)) if found else source.doubt(number, command.text, "requirements", missing)
    entry = f"{here}[{','.join(extras)}]" if extras else here
    why = "the project's own requirements" if here == "pyproject.toml" else "the project's own pins"
    return source.change(number, command.text, "requirements", entry, why)
