"""The reader of arguments of `pip install` and of entries in pip's syntax."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator

from mlspec.advice.draft.readers.statements import Statement, ToolFile
from mlspec.lock.requirements import requirement_syntax
from mlspec.lock.requirements.requirement_types import Requirement

# Options that configure pip and do not change which packages it installs.
_HOW = re.compile(
    r"-[UqvI]+|--(?:upgrade|quiet|verbose|no-cache-dir|no-cache|no-input|user|break-system-packages|prefer-binary|system"
    r"|disable-pip-version-check|force-reinstall|ignore-installed|no-warn-script-location|compile|no-compile|pre"
    r"|(?:root-user-action|progress-bar|timeout|default-timeout|retries|cache-dir|upgrade-strategy)=\S+)"
)
_WITH_VALUE = {
    "-r": "--requirement", "-c": "--constraint", "-e": "--editable", "-i": "--index-url", "-f": "--find-links",
    "--timeout": "", "--default-timeout": "", "--retries": "", "--cache-dir": "", "--root-user-action": "",
    "--progress-bar": "", "--upgrade-strategy": "", "--python": "", "--trusted-host": "--trusted-host",
}  # fmt: skip
_LONG = {*filter(None, _WITH_VALUE.values()), "--extra-index-url", "--target", "--no-binary", "--only-binary"}
_WHEELS = re.compile(r"/whl/(?:nightly/)?(cu(\d{2})(\d)|cpu|rocm(\d+\.\d+))\b")
_TOOLS = re.compile(r"(?:pip|wheel|setuptools|uv|pip-tools|virtualenv)(?:[<>=!~].*)?")
NOT_A_PACKAGE = "the code is copied into the image, not installed as a package; to install its requirements, name them"
_INDEX = "mlspec takes each package from one index: write it under indexes, with the packages it serves"


def read_pip_words(source: ToolFile, number: int, text: str) -> Iterator[Statement]:
    """Yield the statements of a text behind `pip install`, or of an entry in pip's syntax."""
    try:
        words = shlex.split(text, comments=True) if text.startswith("-") else [text.partition(" #")[0].strip()]
    except ValueError:
        yield source.leave(number, text, "a quote is opened and never closed")
        return
    yield from read_pip_command(source, number, words)


def read_pip_command(source: ToolFile, number: int, words: list[str]) -> Iterator[Statement]:
    """Yield the statements of a list of arguments of `pip install`."""
    todo = list(words)
    while todo:
        word = todo.pop(0)
        if not word.startswith("-"):
            yield from _read_requirement(source, number, word)
        elif not _HOW.fullmatch(word):
            yield from _read_option(source, number, word, todo)


def _read_option(source: ToolFile, number: int, word: str, todo: list[str]) -> Iterator[Statement]:
    name, has_value, value = word.partition("=") if word.startswith("--") else (word[:2], word[2:], word[2:])
    if (name in _WITH_VALUE or name in _LONG) and not has_value:
        value = todo.pop(0) if todo else ""
    name, text = _WITH_VALUE.get(name, name), f"{name} {value}".strip()
    if name == "--requirement" and re.fullmatch(r"[\w./-]+\.(?:txt|in)", value):
        # pip reads a path relative to the file that names it; in a Dockerfile it is relative to the build context.
        folder = posixpath.dirname(source.file) if source.file.endswith(("yml", "yaml")) else ""
        yield source.carry(number, text, "requirements", posixpath.normpath(posixpath.join(folder, value)))
    elif name == "--editable":
        yield from _read_requirement(source, number, value, text)
    elif name in {"--index-url", "--extra-index-url", "--find-links"}:
        yield _read_index(source, number, text, value)
    elif name:
        yield source.leave(number, text, "a pip option without a counterpart in a spec")


def _read_index(source: ToolFile, number: int, text: str, url: str) -> Statement:
    if found := _WHEELS.search(url):
        accelerator = f"cuda{found[2]}.{found[3]}" if found[2] else f"rocm{found[4]}" if found[4] else "cpu"
        return source.carry(number, text, "accelerator", accelerator)
    is_default = bool(re.match(r"https://pypi\.(?:python\.)?org/", url))
    return source.leave(number, text, "the default index" if is_default else _INDEX, matters=not is_default)


def _read_requirement(source: ToolFile, number: int, word: str, text: str = "") -> Iterator[Statement]:
    if "$" in word:
        yield source.leave(number, text or word, "it contains a variable: write its value in the requirements")
    elif re.match(r"(?:git|hg|svn|bzr)\+", word):
        yield _read_checkout(source, number, word, text or word)
    elif re.match(r"\.{0,2}/|\.{1,2}(?:\[|$)|file:", word) or (text and "://" not in word):
        yield source.leave(number, text or word, NOT_A_PACKAGE)
    elif re.fullmatch(r"pip(?:[<>=!~].*)?", word) or (_TOOLS.fullmatch(word) and not re.search("[<>=]", word)):
        return
    elif why := _refusal(word):
        yield source.leave(number, text or word, why)
    else:
        yield source.carry(number, text or word, "requirements", word)


def _refusal(requirement: str) -> str:
    """Return the reason why a spec cannot have a requirement; empty if it can."""
    if refused := requirement_syntax.refusal(requirement):
        return refused[1]
    found = requirement_syntax.read(requirement)
    return "" if isinstance(found, Requirement) else found.message


def _read_checkout(source: ToolFile, number: int, word: str, text: str) -> Statement:
    address, _, fragment = word.partition("#")
    parts = dict(part.partition("=")[::2] for part in fragment.split("&"))
    name = parts.get("egg", "") or re.sub(r"(?:\.git)?(?:@[^/]*)?/?$", "", address).rpartition("/")[2]
    folder = f"#subdirectory={parts['subdirectory']}" if "subdirectory" in parts else ""
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*(?:\[[\w,.-]+\])?", name):
        return source.leave(number, text, "it does not say which package it is: write NAME @ ADDRESS")
    why = "" if parts.get("egg") else f"taken as the package {name}, after the name of its repository"
    requirement = f"{name} @ {address}{folder}"
    if refused := _refusal(requirement):
        return source.leave(number, text, refused)
    return source.carry(number, text, "requirements", requirement, why)
