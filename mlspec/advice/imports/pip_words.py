"""The import of the words behind `pip install` and of entries in pip's syntax."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Pep508

from mlspec.advice.imports.known_names import find_archive, find_meant, find_skipped
from mlspec.advice.imports.own_project import read_own_project
from mlspec.advice.imports.verdicts import ImportSource, LineVerdict
from mlspec.facts import compile_recipes
from mlspec.facts.accelerator import from_label
from mlspec.lock.requirements import requirement_syntax
from mlspec.lock.requirements.refused_options import is_mirror
from mlspec.lock.requirements.requirement_types import Requirement

_SHORT = {
    "-r": "--requirement", "-c": "--constraint", "-e": "--editable", "-i": "--index-url", "-f": "--find-links",
    "-t": "--target", "-p": "--python", "-w": "--wheel-dir", "-d": "--dest",
}  # fmt: skip
_WITH_VALUE = frozenset(
    {
        *_SHORT.values(), "--extra-index-url", "--trusted-host", "--no-binary", "--only-binary", "--timeout",
        "--default-timeout", "--retries", "--cache-dir", "--root-user-action", "--progress-bar", "--upgrade-strategy",
        "--proxy", "--cert", "--prefix", "--root", "--src", "--python-version", "--platform", "--config-settings",
        "--global-option", "--install-option", "--index", "--default-index", "--index-strategy", "--python",
        "--torch-backend", "--group", "--extra", "--build-constraint", "--hash", "--python-platform", "--link-mode",
        "--wheel-dir", "--dest",
    }
)  # fmt: skip
_HOW = re.compile(
    r"--(?:upgrade|quiet|verbose|no-cache-dir|no-cache|no-input|user|break-system-packages|prefer-binary|system|yes"
    r"|disable-pip-version-check|ignore-installed|no-warn-script-location|compile|no-compile|compile-bytecode"
    r"|root-user-action|progress-bar|timeout|default-timeout|retries|cache-dir|upgrade-strategy|no-warn-conflicts"
    r"|require-hashes|python|link-mode|index-strategy|no-python-version-warning|isolated|proxy|cert|frozen|locked|wheel-dir|dest|no-index)"
)
_BY_ITSELF = "mlspec sets the options of pip"
_KEPT = {"--pre", "--no-binary", "--only-binary"}
_LOST = {
    "--find-links": "the files in this place may change: write each as NAME @ https://... under requirements",
    "--force-reinstall": "a build installs packages once",
    "--no-deps": "mlspec also locks the dependencies of packages",
    "--trusted-host": "it turns off the check of certificates: for a company's certificate, export SSL_CERT_FILE",
    "--target": "packages go into the environment of the image",
    "--no-build-isolation": "mlspec builds sources in isolation: limit build requirements by build_constraints",
}
_TORCH = re.compile(r"download\.pytorch\.org/whl/(?:nightly/|test/)?(cpu|cu\d{2,3}|rocm\d+\.\d+)\b")
_TOOLS = re.compile(r"(?:pip|wheel|uv|pip-tools|virtualenv|pipenv|poetry)(?:\[[^]]*\])?\s*(?:[<>=!~].*)?")
_PYPI = re.compile(r"https?://(?:pypi\.(?:python\.)?org|files\.pythonhosted\.org)(?:/|$)")
_PATH = re.compile(r"\.{0,2}/|\.{1,2}(?:\[|$)|file:")


@dataclass(frozen=True, slots=True)
class PipWord:
    """A word and the number of its line."""

    text: str
    number: int


def read_pip_entry(source: ImportSource, number: int, entry: str) -> Iterator[LineVerdict]:
    """Yield the verdicts on one entry of a list in pip's syntax."""
    text = re.sub(r"(?:^|\s)#.*$", "", entry).strip()
    if not text:
        return
    if not text.startswith("-"):
        # Other tools allow options behind a requirement: torch==2.0 --extra-index-url=URL.
        written, *rest = re.split(r"\s+(?=--?[a-z])", text, maxsplit=1)
        if rest and "--hash" not in rest[0]:
            yield from read_requirement(source, number, written, entry)
            yield from read_pip_entry(source, number, rest[0])
        elif rest:
            yield source.carry(number, entry, "requirements", text)
        else:
            yield from read_requirement(source, number, text, entry)
        return
    try:
        words = shlex.split(text)
    except ValueError:
        yield source.doubt(number, entry, "requirements", "the closing quote is missing")
        return
    yield from read_pip_command(source, [PipWord(word, number) for word in words])


def read_pip_command(source: ImportSource, words: Sequence[PipWord]) -> Iterator[LineVerdict]:
    """Yield the verdicts on the words behind `pip install`."""
    todo = list(words)
    names = {re.split(r"[\[<>=!~;@ ]", word.text)[0] for word in words}
    prepared = sorted(name for name in names if compile_recipes.recipe(name).first)
    while todo:
        word = todo.pop(0)
        if word.text == "--no-build-isolation" and (
            prepared := sorted(name for name in names if compile_recipes.recipe(name).first)
        ):
            why = f"mlspec installs what the build of {', '.join(prepared)} needs"
            yield source.change(word.number, word.text, "", None, why)
        elif word.text.startswith("-") and word.text != "-":
            yield from _read_option(source, word, todo)
        else:
            yield from read_requirement(source, word.number, word.text, word.text)


def _read_option(source: ImportSource, word: PipWord, todo: list[PipWord]) -> Iterator[LineVerdict]:
    if word.text.startswith("--"):
        name, has_value, value = word.text.partition("=")
    else:
        name, value = word.text[:2], word.text[2:].lstrip("=")
        has_value = value
    name = _SHORT.get(name, name)
    if name in _WITH_VALUE and not has_value and todo:
        value = todo.pop(0).text
    text = f"{name} {value}".strip()
    if name == "--requirement":
        yield from read_list(source, word.number, text, value)
    elif name == "--constraint":
        path = source.locate(value)
        yield source.carry(word.number, text, "requirements", f"-c {path}")
    elif name == "--editable":
        yield from read_requirement(source, word.number, value, text, is_editable=True)
    elif name in {"--index-url", "--extra-index-url", "--index", "--default-index"}:
        yield read_index(source, word.number, text, value)
    elif name in _KEPT:
        yield source.carry(word.number, text, "requirements", text)
    else:
        yield _judge_option(source, word.number, name, value)


def _judge_option(source: ImportSource, number: int, name: str, value: str) -> LineVerdict:
    """Return the verdict on an option that adds nothing to the spec, or an accelerator."""
    text = f"{name} {value}".strip()
    if name == "--find-links" and _TORCH.search(value):
        return read_index(source, number, text, value)
    if name == "--find-links" and "download.pytorch.org/" in value:
        return source.change(number, text, "", None, "torch comes from the index of its accelerator")
    if name == "--trusted-host" and is_mirror(f"https://{value}"):
        return source.carry(number, text, why="mlspec asks the index itself")
    if name in _LOST:
        return source.lose(number, text, _LOST[name])
    if not name.startswith("--") or _HOW.fullmatch(name):
        return source.carry(number, text, why=_BY_ITSELF)
    return source.lose(number, text, "a spec has no such option")


def read_list(source: ImportSource, number: int, text: str, name: str) -> Iterator[LineVerdict]:
    """Yield the verdict on a line that names a requirement file; the import then reads the file."""
    path = _find_list(source, source.locate(name))
    if "://" in name or path is None:
        yield source.doubt(number, text, "requirements", f"there is no file {name} here")
        return
    why = f"read: {path}"
    is_same = path == source.locate(name)
    verdict = source.carry(number, text, why=why) if is_same else source.change(number, text, "", None, why)
    yield replace(verdict, reads=(path,))


def _find_list(source: ImportSource, path: str) -> str | None:
    """Return the path of a list, or None; a Dockerfile may have copied it: requirements.txt is in /tmp there."""
    parts = path.split("/")
    # From the whole path to the name alone.
    ways = ["/".join(parts[start:]) for start in range(len(parts))]
    # COPY services/api/requirements.txt . puts a list of another folder beside the command.
    ways += re.findall(rf"(?im)^\s*(?:COPY|ADD)\s.*?(?<=\s)(?:\./)?(\S+/{re.escape(parts[-1])})(?=\s)", source.text)
    return next((way for way in ways if way and source.read(way) is not None), None)


def read_index(source: ImportSource, number: int, text: str, url: str) -> LineVerdict:
    """Return the verdict on the URL of an index."""
    if found := _TORCH.search(url):
        accelerator = from_label(found[1])
        return source.change(number, text, "accelerator", str(accelerator), "torch comes from its index for it")
    if _PYPI.match(url):
        return source.carry(number, text, why="the default index")
    if is_mirror(url):
        why = "a mirror of the default index, which is a setting of a machine: export MLSPEC_INDEX_URL"
        return source.change(number, text, "", None, why)
    why = "mlspec takes each package from one index: write this index and its packages under indexes"
    if re.match(r"--(?:index-url|default-index)|index_url", text):
        why = f"{why}; or, for a mirror of the default index, export MLSPEC_INDEX_URL"
    return source.doubt(number, text, "indexes", why)


def read_own_index(
    source: ImportSource, number: int, text: str, url: str, packages: Sequence[str]
) -> Iterator[LineVerdict]:
    """Yield the verdicts on an index that serves certain packages; its login becomes a secret."""
    verdict = read_index(source, number, text, url)
    if verdict.outcome != "unsure":
        yield verdict
        return
    parts = urlsplit(url)
    bare = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
    value: dict[str, Any] = {"url": bare, "packages": list(packages)}
    if "@" not in parts.netloc:
        yield source.change(number, text, "indexes", value, "with the packages that name it")
        return
    secret = re.sub(r"\W", "_", parts.netloc.rpartition("@")[2].partition(":")[0]).upper() + "_LOGIN"
    why = f"its login is the secret {secret}, in netrc's format, and stays out of the spec"
    yield source.change(number, text, "indexes", {**value, "secret": secret}, why)
    yield source.change(number, text, "secrets", secret, "the login of the index")


def read_requirement(
    source: ImportSource, number: int, word: str, text: str, *, is_editable: bool = False
) -> Iterator[LineVerdict]:
    """Yield the verdicts on one requirement: a package, a URL or a path."""
    if "$" in word:
        why = "it contains a variable: write its value"
        yield source.doubt(number, text, "requirements", why)
    elif re.match(r"(?:git|hg|svn|bzr)\+|git@", word):
        yield _read_checkout(source, number, word, text, is_editable=is_editable)
    elif re.fullmatch(r"/\S*(?:wheels?|dist|tmp)\S*/\*(?:\.whl)?", word):
        yield source.carry(number, text, why="wheels of an earlier step: mlspec installs the packages")
    elif _PATH.match(word) or (is_editable and "://" not in word):
        yield from read_own_project(source, number, word, text)
    elif _TOOLS.fullmatch(word):
        yield source.carry(number, text, why="mlspec has its own installer")
    elif word.startswith("setuptools") and word == "setuptools":
        yield source.carry(number, text, "requirements", word)
    else:
        yield _judge_requirement(source, number, word, text)


def _judge_requirement(source: ImportSource, number: int, word: str, text: str) -> LineVerdict:
    if skipped := find_skipped(word):
        return source.change(number, text, "", None, skipped)
    meant, reason = find_meant(word)
    if meant:
        return source.change(number, text, "requirements", meant, reason)
    if archive := find_archive(word):
        return source.guess(number, text, "requirements", archive, "the name comes from its address")
    if build := re.fullmatch(r"([A-Za-z0-9][\w.-]*)\s*=\s*([\w.*+!]+)", word):
        return source.change(number, text, "requirements", f"{build[1]}=={build[2]}", "pip compares by ==")
    if refused := requirement_syntax.refusal(word):
        hint = f"; {refused[2]}" if refused[2] else ""
        if found := re.fullmatch(r"write: ([A-Za-z0-9][\w.-]*==\d[\w.]*)", refused[2]):
            return source.change(number, text, "requirements", found[1], refused[1])
        return source.doubt(number, text, "requirements", f"{refused[1]}{hint}")
    found_one = requirement_syntax.read(word)
    if not isinstance(found_one, Requirement):
        return source.doubt(number, text, "requirements", found_one.message)
    if not _is_for_linux(word):
        return source.carry(number, text, "requirements", word, "its marker excludes Linux")
    return source.carry(number, text, "requirements", word)


def _is_for_linux(word: str) -> bool:
    try:
        marker = Pep508(word).marker
    except InvalidRequirement:
        return True
    return not marker or not re.search(r"(?:win32|darwin|Windows|Darwin)", str(marker)) or "!=" in str(marker)


def _read_checkout(source: ImportSource, number: int, word: str, text: str, *, is_editable: bool) -> LineVerdict:
    address, _, fragment = word.partition("#")
    parts = dict(part.partition("=")[::2] for part in fragment.split("&") if "=" in part)
    name = parts.get("egg", "") or re.sub(r"(?:\.git)?(?:@[^/]*)?/?$", "", address).rpartition("/")[2]
    folder = f"#subdirectory={parts['subdirectory']}" if "subdirectory" in parts else ""
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*(?:\[[\w,.-]+\])?", name):
        return source.doubt(number, text, "requirements", "the name of the package is missing: write NAME @ URL")
    requirement = f"{name} @ {address}{folder}"
    if refused := requirement_syntax.refusal(requirement):
        return source.doubt(number, text, "requirements", f"{refused[1]}; {refused[2]}")
    if not isinstance(requirement_syntax.read(requirement), Requirement):
        return source.doubt(number, text, "requirements", "it is not a URL that pip can use")
    if is_editable:
        return source.change(number, text, "requirements", requirement, "installed, but not editable")
    if not parts.get("egg"):
        return source.guess(number, text, "requirements", requirement, "the name comes from its repository")
    return source.change(number, text, "requirements", requirement, "in the notation of PEP 508")
