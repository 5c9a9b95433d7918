"""Pip's requirement syntax to frozen values: entries of a spec and the files they name, read through a callback."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import posixpath
import re
import shlex
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Pep508
from packaging.utils import canonicalize_name

from mlspec import ignores
from mlspec.errors import KeyPath, Problem, Repair, Replace, Span, SpecError, Split
from mlspec.ignores import Ignores
from mlspec.requirements.values import Kind, Place, Requirement, Requirements
from mlspec.spelling import nearest


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a spec's ``requirements``, and the key it stands under."""

    text: str
    path: KeyPath


def collect(entries: Iterable[Entry], read: Callable[[str], str], file: str) -> Requirements:
    """Return what ``entries`` and the files they name require.

    ``read`` is given POSIX paths relative to the folder of the spec ``file``; it may raise OSError or UnicodeError.
    Raises SpecError with every problem found.
    """
    collector = _Collector(read, posixpath.dirname(file))
    for entry in entries:
        collector.add(_Line(entry.text.strip(), Place(path=entry.path)))
    if collector.problems:
        raise SpecError(*dict.fromkeys(collector.problems))
    return Requirements(
        requirements=tuple(dict.fromkeys(collector.requirements)),
        constraints=tuple(dict.fromkeys(collector.constraints)),
        options=tuple(dict.fromkeys(collector.options)),
        files=tuple(dict.fromkeys(collector.files)),
        ignores=ignores.joined(collector.ignores),
    )


@dataclass(frozen=True, slots=True)
class _Line:
    """A logical line, where it was written, and the files that led to it, innermost last."""

    text: str
    place: Place
    trail: tuple[str, ...] = ()
    is_constraint: bool = False

    @property
    def folder(self) -> str:
        return posixpath.dirname(self.trail[-1]) if self.trail else ""


# A requirement file by its name: in the spec's list it needs no -r.
_FILE = re.compile(r"^[^\s=<>@;]+\.(?:txt|in|lock)$|^(?:[^\s=<>@;]+/)?pyproject\.toml(?:\[[^\]]*\])?$")
_CONDA_FILE = re.compile(r"^\S*environment\S*\.ya?ml$|^\S*conda\S*\.ya?ml$")
_VARIABLE = re.compile(r"\$\{[A-Za-z0-9_]+\}")
_OPTION_START = re.compile(r"\s+(?=--?[A-Za-z])")
_URL = re.compile(r"^(?:[^\s@\[]+(?:\[[^\]]*\])?\s*@\s*)?([A-Za-z][A-Za-z0-9+.-]*)://")
_LOCAL = re.compile(r"^(?:[.~]?/|\.\.?(?:[/\\\[]|$)|[A-Za-z]:[\\/]|file:)|^[^@:]*\.(?:whl|tar\.gz|tgz|zip|tar\.bz2)$")
_SCP_LIKE = re.compile(r"^(?:git\+)?(?:ssh://)?git@([^/:\s]+):(?!\d+/)(\S+)$")
# A login in front of a host. A bare `git@` names no one: it is how ssh reaches every forge.
_LOGIN = re.compile(r"://(?!git@)[^/\s@]+@")
_HASH = re.compile(r"^(?:sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})$")

_INDEX_OPTIONS = {"-i", "--index-url", "--pypi-url", "--extra-index-url", "-f", "--find-links", "--trusted-host"}
_FLAGS = {"--pre", "--prefer-binary", "--require-hashes", "--no-index", "--use-pep517", "--no-use-pep517", "--no-deps"}
_KEPT = {"--pre", "--prefer-binary", "--no-binary", "--only-binary"}
_SHORT = {"-r": "--requirement", "-c": "--constraint", "-e": "--editable", "-i": "--index-url", "-f": "--find-links"}
_COPIED_CODE = "the project's code is copied into the image; to take its dependencies write: pyproject.toml"


class _Collector:
    """Lines to requirements, following files, and every problem on the way."""

    def __init__(self, read: Callable[[str], str], root: str) -> None:
        self.read = read
        self.root = root
        self.problems: list[Problem] = []
        self.requirements: list[Requirement] = []
        self.constraints: list[Requirement] = []
        self.options: list[str] = []
        self.files: list[str] = []
        self.ignores: list[Ignores] = []

    def add(self, line: _Line) -> None:
        """Take in one line: an entry of the spec or a line of a file."""
        text = line.text
        if variable := _VARIABLE.search(text):
            message = f"{variable[0]} would be looked up on this machine, and its value written into the lock"
            hint = "write the value itself; a login for a package index is a secret of `indexes`"
            self._problem(line, "MLS204", message, hint)
        elif text.startswith("-"):
            self._option_line(line)
        elif not line.trail and (_FILE.match(text) or _CONDA_FILE.match(text)):
            self._file(text, line)
        elif text:
            self._requirement(line)

    def _problem(self, line: _Line, code: str, message: str, hint: str = "") -> None:
        self.problems.append(line.place.problem(code, message, hint))

    # Options

    def _option_line(self, line: _Line) -> None:
        for name, value in self._options(line.text, line):
            if name == "--requirement":
                self._file(value, line)
            elif name == "--constraint":
                self._file(value, dataclasses.replace(line, is_constraint=True))
            elif name == "--group":
                self._group(value, line)
            elif name == "--no-binary" and ":all:" in value.split(","):
                hint = f"name the packages, such as: {name} antlr4-python3-runtime"
                self._problem(line, "MLS205", f"{name} :all: would hold for every package, which is never meant", hint)
            elif name in _KEPT:
                self.options.append(f"{name} {value}".strip())
            elif name != "--require-hashes":
                self._refuse_option(name, value, line)

    def _options(self, text: str, line: _Line) -> Iterator[tuple[str, str]]:
        try:
            tokens = shlex.split(text)
        except ValueError:
            self._problem(line, "MLS203", "a quote is opened and never closed", "add the missing quote")
            return
        while tokens:
            token = tokens.pop(0)
            name, _, value = token.partition("=") if token.startswith("--") else (token[:2], "", token[2:].lstrip("="))
            name = _SHORT.get(name, name)
            if name not in _FLAGS and not value:
                if not tokens:
                    self._problem(line, "MLS211", f"{name} names nothing", f"write what it is for: {name} NAME")
                    return
                value = tokens.pop(0)
            yield name, value

    def _refuse_option(self, name: str, value: str, line: _Line) -> None:
        if name in _INDEX_OPTIONS:
            message = f"{name} lets any index answer for any package"
            address = _LOGIN.sub("://", value) if "://" in value else "https://..."
            hint = f"name it under `indexes`, with the packages it serves:\n- url: {address}\n  packages: [NAME, ...]"
            self._problem(line, "MLS205", message, hint)
        elif name == "--editable":
            self._problem(line, "MLS206", "an editable install points at a folder of this machine", _COPIED_CODE)
        elif name == "--hash":
            self._problem(line, "MLS211", "--hash stands behind the requirement it belongs to")
        else:
            hint = "supported here: -r, -c, --group, --hash, " + ", ".join(sorted(_KEPT))
            self._problem(line, "MLS207", f"{name} is not supported", hint)

    # Files

    def _file(self, name: str, line: _Line) -> None:
        if _CONDA_FILE.match(name):
            hint = "list its pip packages under `requirements`, and its Python under `python`"
            self._problem(line, "MLS212", f"{name} is conda's, which pip cannot read", hint)
            return
        if "://" in name:
            message = f"{name} can change at any time, and nothing here would show it"
            self._problem(line, "MLS201", message, "copy the file beside the spec and name the copy")
            return
        name, _, extras = name.partition("[")
        path = posixpath.normpath(posixpath.join(line.folder, name.replace("\\", "/")))
        if path in line.trail:
            way = " -> ".join((*line.trail[line.trail.index(path) :], path))
            self._problem(line, "MLS202", f"{path} includes itself: {way}", "remove this line")
            return
        text = self._text(path, line)
        if text is None:
            return
        if posixpath.basename(path) == "pyproject.toml":
            wanted = tuple(filter(None, (e.strip() for e in extras.removesuffix("]").split(","))))
            _Project(self, path, text, line).take(wanted)
        elif path.endswith(".toml"):
            self._problem(line, "MLS212", f"{path} is not a requirement file", "name a .in or .txt, or pyproject.toml")
        else:
            for inner in self._lines(path, text, line):
                self.add(inner)

    def _text(self, path: str, line: _Line) -> str | None:
        try:
            text = self.read(path)
        except FileNotFoundError:
            shown = posixpath.join(self.root, path)
            self._problem(line, "MLS201", f"there is no file {shown}", f"create it, or correct its name: {path}")
        except UnicodeError:
            self._problem(line, "MLS201", f"{path} is not text", "save the file as UTF-8")
        except OSError as error:
            self._problem(line, "MLS201", f"{path} cannot be read: {(error.strerror or str(error)).lower()}")
        else:
            self.files.append(path)
            text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
            self._note_ignores(path, text)
            return text
        return None

    def _note_ignores(self, path: str, text: str) -> None:
        """Take in the comments that ignore warnings; a damaged pyproject.toml is told by its reader."""
        shown = posixpath.join(self.root, path)
        with contextlib.suppress(tomllib.TOMLDecodeError):
            found = (ignores.in_toml if path.endswith(".toml") else ignores.in_requirements)(text, shown)
            self.ignores.append(found)
            self.problems += [problem for problem in found.problems if problem.severity == "error"]

    def _lines(self, path: str, text: str, outer: _Line) -> Iterator[_Line]:
        shown = posixpath.join(self.root, path)
        for number, written, joined in _logical_lines(text):
            column = len(written) - len(written.lstrip()) + 1
            end = max(column + 1, len(_COMMENT.sub("", written).rstrip().rstrip("\\").rstrip()) + 1)
            place = Place(file=shown, span=Span(number, column, number, end), excerpt=written)
            yield _Line(joined, place, (*outer.trail, path), outer.is_constraint)

    def _group(self, value: str, line: _Line) -> None:
        name, _, group = value.rpartition(":")
        path = posixpath.normpath(posixpath.join(line.folder, name or "pyproject.toml"))
        text = self._text(path, line)
        if text is not None:
            _Project(self, path, text, line).take_group(group)

    # Requirements

    def _requirement(self, line: _Line) -> None:
        text, *rest = _OPTION_START.split(line.text, maxsplit=1)
        hashes = self._hashes(rest[0], line) if rest else ()
        if refusal := _refusal(text):
            self._problem(line, *refusal)
            return
        parsed = _parsed(text)
        if isinstance(parsed, Requirement):
            found = dataclasses.replace(parsed, hashes=hashes, place=line.place)
            (self.constraints if line.is_constraint else self.requirements).append(found)
        else:
            problem = line.place.problem("MLS203", *parsed)
            self.problems.append(dataclasses.replace(problem, repairs=_repairs(text, line.place)))

    def _hashes(self, options: str, line: _Line) -> tuple[str, ...]:
        found = []
        for name, value in self._options(options, line):
            if name != "--hash":
                self._problem(line, "MLS207", f"{name} is not supported behind a requirement", "only --hash is")
            elif not _HASH.match(value):
                hint = "a hash reads sha256: and 64 hexadecimal digits"
                self._problem(line, "MLS211", f'"{value}" is not a whole hash', hint)
            else:
                found.append(value)
        return tuple(sorted(set(found)))


# As pip has it: a comment starts the line or follows a space, so that `#subdirectory=` stays.
_COMMENT = re.compile(r"(?:^|\s+)#.*$")


def _logical_lines(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield each logical line's number, its first line as written, and its joined text without comments."""
    parts: list[str] = []
    number, written = 0, ""
    lines = text.split("\n")
    for position, line in enumerate(lines, start=1):
        if not parts:
            number, written = position, line
        is_comment = bool(_COMMENT.match(line))
        # A comment ends a continued line, as it does for pip.
        if line.endswith("\\") and not is_comment and position < len(lines):
            parts.append(line.rstrip("\\"))
            continue
        joined = "".join((*parts, f" {line}" if is_comment else line.rstrip("\\")))
        parts = []
        if stripped := _COMMENT.sub("", joined).strip():
            yield number, written, stripped


def _refusal(text: str) -> tuple[str, str, str] | None:
    """Return code, message and hint for what pip might take and a lock cannot hold, or None."""
    if scp := _SCP_LIKE.match(text.partition(" @ ")[2] or text):
        return "MLS203", f'"{scp[0]}" is not an address pip reads', f"write: git+ssh://git@{scp[1]}/{scp[2]}"
    if _LOGIN.search(text):
        hint = "take the login out of the address; a secret of `indexes`, or git's own credentials, can hold it"
        return "MLS210", "this address holds a login, which would be written into the lock", hint
    scheme = url[1].lower() if (url := _URL.match(text)) else ""
    if scheme.startswith(("hg+", "svn+", "bzr+")):
        return "MLS213", f"{scheme} repositories cannot be pinned", "use a git repository or a package index"
    if scheme in {"git+git", "git+http", "git"}:
        return "MLS213", f"anybody on the way can change what {scheme}:// brings", "write: git+https://..."
    if scheme == "file" or (not scheme and _LOCAL.match(text)):
        return "MLS206", "a path points at this machine, and the image is built anywhere", _COPIED_CODE
    if not scheme and re.match(r"^[\w.-]+(?:/[\w.-]+)+$", text):
        return "MLS206", f'"{text}" is neither a package nor a requirement file', _COPIED_CODE
    if re.match(r"^python\s*(?:[=<>!~].*)?$", text, re.IGNORECASE):
        version = re.search(r"\d+(?:\.\d+)*", text)
        return (
            "MLS212",
            "Python is not a package of pip's",
            f"say it in the spec: python: {version[0] if version else '3.12'}",
        )
    return None


def _parsed(text: str) -> Requirement | tuple[str, str]:
    """Return the requirement in ``text``, or else a message and a hint."""
    if re.match(r"^[A-Za-z][A-Za-z0-9+.-]*://", text):
        return _bare_address(text)
    try:
        parsed = Pep508(text)
    except InvalidRequirement as error:
        hint = _suggestion(text) or _reason(error)
        return f'"{text}" is not a requirement', hint
    kind: Kind = "index" if not parsed.url else "vcs" if parsed.url.startswith("git+") else "url"
    if kind == "url" and not re.match(r"^https?://", str(parsed.url)):
        return f'"{parsed.url}" is not an address pip reads', f"write: {parsed.name} @ https://... or git+https://..."
    name = canonicalize_name(parsed.name)
    file = posixpath.basename(str(parsed.url or "").partition("#")[0])
    if file.endswith(".whl") and canonicalize_name(file.split("-")[0]) != name:
        return f"{file} is not a wheel of {parsed.name}", "correct the name or the address"
    return Requirement(text=" ".join(text.split()), name=name, kind=kind)


def _bare_address(text: str) -> Requirement | tuple[str, str]:
    """Return the requirement of an address without a name in front, named by its ``#egg=`` or its file's name."""
    address, _, marker = text.partition(" ")
    base, _, fragment = address.partition("#")
    parts = dict(part.partition("=")[::2] for part in fragment.split("&") if part)
    egg = parts.pop("egg", "")
    if not egg and base.endswith(".whl"):
        egg = posixpath.basename(base).split("-")[0].replace("_", "-")
    fragment = "&".join(f"{key}={value}" for key, value in parts.items())
    address = f"{base}#{fragment}" if fragment else base
    if egg:
        return _parsed(f"{egg} @ {address} {marker}".strip())
    if marker or not base.startswith("git+"):
        return f'"{text}" does not say which package it is', f"write: NAME @ {text}"
    return Requirement(text=address, name="", kind="vcs")


def _reason(error: InvalidRequirement) -> str:
    first = str(error).splitlines()[0]
    return first[:1].lower() + first[1:]


_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*(?:\[[^\]]*\])?"
# What is typed by mistake, and what was meant. The first that gives a real requirement is offered. Those in front can
# be meant in one way only; `=2.1` of conda and `^2.1` of poetry are ranges that pip has no such word for.
_SURE: tuple[tuple[str, str], ...] = (
    (r"""^(["'])(.+)\1$""", r"\2"),
    (rf"^({_NAME})\s*=([<>])\s*(.+)$", r"\1\2=\3"),
    (rf"^({_NAME})\s*([<>])\s+=\s*(.+)$", r"\1\2=\3"),
    (r"^(.+?)[,;]\s*$", r"\1"),
    (rf"^({_NAME}\s*[<>=!~]=?\s*[\w.]+)\s*([<>=!~]=?\s*[\w.]+)$", r"\1,\2"),
    (rf"^({_NAME})\s*@\s*(https?://\S+\.git(?:@\S+)?)$", r"\1 @ git+\2"),
)
_TYPOS: tuple[tuple[str, str], ...] = (
    *_SURE,
    (r"^[\w-]+::(.+)$", r"\1"),
    (rf"^({_NAME})\s*=\s*([\w.!+*]+)(?:=\S+)?$", r"\1==\2"),
    (rf"^({_NAME})\s*(?:\^|~)\s*([\d.]+)$", r"\1~=\2"),
    (rf"^({_NAME})\s*>=?\s*([\d.]+)\.\*$", r"\1>=\2"),
    (rf"^({_NAME})\s*[\s:@]\s*v?(\d[\w.]*)$", r"\1==\2"),
)


def _suggestion(text: str) -> str:
    """Return what was probably meant by a text that is no requirement, or an empty text."""
    if command := re.match(r"^pip3? install (.+)$", text):
        return f"did you mean: {command[1]}"
    if parts := _several(text):
        return "write one requirement an entry: " + ", ".join(parts)
    offer = _offer(text, _TYPOS)
    return f"did you mean: {offer}" if offer else ""


def _several(text: str) -> tuple[str, ...]:
    """Return the requirements of a text that holds some, one behind the other; none where it holds anything else."""
    if re.match(rf"^{_NAME}(?:[=<>!~]+[\w.*]+)?(?:[\s,]+{_NAME}(?:[=<>!~]+[\w.*]+)?)+$", text):
        parts = tuple(part for part in re.split(r"[\s,]+", text) if part)
        if all(isinstance(_parsed(part), Requirement) for part in parts) and not parts[1][0].isdigit():
            return parts
    return ()


def _offer(text: str, typos: Iterable[tuple[str, str]]) -> str:
    offers = (re.sub(pattern, meant, text) for pattern, meant in typos)
    return next((offer for offer in offers if offer != text and isinstance(_parsed(offer), Requirement)), "")


def _repairs(text: str, place: Place) -> tuple[Repair, ...]:
    """Return what a text of the spec becomes where one thing can be meant; files of others are left alone."""
    if place.file:
        return ()
    # Without a comma, `scikit learn` may be one package, and `pip install numpy` a command.
    if parts := _several(text):
        return (Split(place.path, parts),) if "," in text else ()
    offer = _offer(text, _SURE)
    return (Replace(place.path, text, offer),) if offer else ()


class _Project:
    """The requirements that a pyproject.toml lists: its dependencies, extras and groups."""

    def __init__(self, collector: _Collector, path: str, text: str, line: _Line) -> None:
        self.collector = collector
        self.path = path
        self.text = text
        self.line = line
        self.data = self._loaded()

    def _problem(self, code: str, message: str, hint: str = "") -> None:
        self.collector.problems.append(self.line.place.problem(code, message, hint))

    def _loaded(self) -> Mapping[str, Any]:
        try:
            return tomllib.loads(self.text)
        except tomllib.TOMLDecodeError as error:
            self._problem("MLS208", f"{self.path} is not TOML: {str(error).lower()}")
            return {}

    def take(self, extras: tuple[str, ...]) -> None:
        """Add the dependencies of the project, and those of ``extras``."""
        project = self.data.get("project")
        if not isinstance(project, dict):
            if self.data:
                poetry = "poetry" in self.data.get("tool", {})
                hint = "export them: poetry export -o requirements.txt" if poetry else "add: [project] dependencies"
                self._problem("MLS208", f"{self.path} has no [project] table with dependencies", hint)
            return
        dynamic = set(project.get("dynamic", ())) & {"dependencies", *(["optional-dependencies"] if extras else [])}
        if dynamic:
            message = f"the {sorted(dynamic)[0]} of {self.path} are dynamic: only its build backend knows them"
            self._problem("MLS208", message, "list them in the file itself, or name the file they are read from")
        self._add_all(project.get("dependencies", ()), "project.dependencies")
        self._extras(project, extras)

    def _extras(self, project: Mapping[str, Any], extras: tuple[str, ...]) -> None:
        table = {canonicalize_name(k): v for k, v in project.get("optional-dependencies", {}).items()}
        own = canonicalize_name(str(project.get("name", "")))
        todo, seen = [canonicalize_name(e) for e in extras], set[str]()
        while todo:
            extra = todo.pop(0)
            if extra in seen:
                continue
            seen.add(extra)
            if extra not in table:
                self._problem("MLS209", f'{self.path} has no extra "{extra}"', _choice(extra, table))
                continue
            others = []
            for text in table[extra]:
                # A project's extra may name others by the project's own name: all = ["this[gpu,serve]"].
                parsed = _self_reference(text, own)
                todo.extend(canonicalize_name(e) for e in parsed)
                others.extend([] if parsed else [text])
            self._add_all(others, f"project.optional-dependencies.{extra}")

    def take_group(self, name: str) -> None:
        """Add the requirements of the dependency group ``name``, with the groups it includes."""
        groups: dict[str, Any] = {canonicalize_name(k): v for k, v in self.data.get("dependency-groups", {}).items()}
        self._group(groups, canonicalize_name(name), ())

    def _group(self, groups: Mapping[str, Any], name: str, trail: tuple[str, ...]) -> None:
        if name in trail:
            self._problem("MLS202", f'the group "{name}" of {self.path} includes itself: {" -> ".join((*trail, name))}')
        elif name not in groups:
            self._problem("MLS209", f'{self.path} has no dependency group "{name}"', _choice(name, groups))
        else:
            for item in groups[name]:
                if isinstance(item, dict) and set(item) == {"include-group"}:
                    self._group(groups, canonicalize_name(str(item["include-group"])), (*trail, name))
                else:
                    self._add_all([item], f"dependency-groups.{name}")

    def _add_all(self, texts: object, key: str) -> None:
        if not isinstance(texts, list | tuple) or not all(isinstance(text, str) for text in texts):
            self._problem("MLS208", f"{key} of {self.path} is not a list of texts")
            return
        for text in texts:
            place = self._place(text)
            if text.lstrip().startswith("-"):
                self.collector.problems.append(place.problem("MLS203", f'"{text}" is not a requirement'))
            else:
                self.collector.add(_Line(text.strip(), place, (*self.line.trail, self.path), self.line.is_constraint))

    def _place(self, text: str) -> Place:
        shown = posixpath.join(self.collector.root, self.path)
        for quoted in (json.dumps(text, ensure_ascii=False), f"'{text}'"):
            if (start := self.text.find(quoted)) >= 0:
                number = self.text.count("\n", 0, start) + 1
                column = start - self.text.rfind("\n", 0, start)
                excerpt = self.text.split("\n")[number - 1]
                return Place(file=shown, span=Span(number, column, number, column + len(quoted)), excerpt=excerpt)
        return Place(file=shown)


def _self_reference(text: object, own: str) -> tuple[str, ...]:
    """Return the extras that ``text`` asks of the package ``own`` itself."""
    try:
        parsed = Pep508(str(text))
    except InvalidRequirement:
        return ()
    return tuple(sorted(parsed.extras)) if own and canonicalize_name(parsed.name) == own else ()


def _choice(name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    if close := nearest(name, names):
        return f"did you mean: {close[0]}"
    return f"it has: {', '.join(names)}" if names else "it has none"
