"""The metadata of a project in setup.cfg and setup.py, in the form of a pyproject.toml: literal values alone."""

from __future__ import annotations

import ast
import configparser
import posixpath
import re
import tomllib
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from mlspec.errors import KeyPath, Problem, Span
from mlspec.lock.requirements.sources.source_tables import TomlText
from mlspec.spec.place import Place

SETUP_FILES = ("setup.cfg", "setup.py")

_HINT = """\
write a pyproject.toml beside it:
[project]
name = "{name}"
version = "1.0"
dependencies = ["NAME"]"""


@dataclass(frozen=True)
class SetupText(TomlText):
    """The metadata in setup.cfg and setup.py, with the ``places`` of its keys, and the pyproject.toml ``beside``."""

    places: Mapping[KeyPath, Place] = field(default_factory=dict)
    beside: TomlText | None = None

    def place(self, *path: str | int) -> Place:
        """Return the place of the value at ``path``, or of the nearest value above it that has a place."""
        for end in range(len(path), 0, -1):
            if found := self.places.get(path[:end]):
                return found
        return self.beside.place(*path) if self.beside else Place(file=self.shown)


def needs_setup_files(text: str) -> bool:
    """Return whether a pyproject.toml leaves the metadata of its project to setup.cfg and setup.py."""
    try:
        data = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return False
    tool = data.get("tool")
    return "project" not in data and not (isinstance(tool, dict) and "poetry" in tool)


def read_setup_files(texts: Mapping[str, str], root: str) -> SetupText | Problem:
    """Return the metadata of a project; a problem with its place if a value of it is computed.

    ``texts`` are the texts of setup.cfg, setup.py and pyproject.toml, as far as these files exist, by their paths,
    which messages show below ``root``.
    """
    if [*map(posixpath.basename, texts)] == ["setup.cfg"]:
        hint = 'write a pyproject.toml beside it:\n[build-system]\nrequires = ["setuptools"]'
        place = Place(file=posixpath.join(root, *texts))
        return place.problem("MLS226", "pip installs no folder that has setup.cfg alone", hint)
    found, shown = _Metadata(), ""
    beside: TomlText | None = None
    for path, text in texts.items():
        name, there = posixpath.basename(path), posixpath.join(root, path)
        if name == "pyproject.toml":
            beside = TomlText(text, there, tomllib.loads(text))
            continue
        shown = shown or there
        read = _read_setup_cfg if name == "setup.cfg" else _read_setup_py
        if problem := read(text, there, found):
            return problem
    if not found.project.get("name"):
        hint = _HINT.format(name="NAME")
        return Place(file=shown).problem("MLS226", f"{shown} does not name its package", hint)
    return SetupText("", shown, found.join(beside), found.places, beside)


@dataclass(slots=True)
class _Metadata:
    """The metadata while mlspec reads it, as tables of a pyproject.toml."""

    project: dict[str, Any] = field(default_factory=dict)
    dynamic: dict[str, Any] = field(default_factory=dict)
    folders: dict[str, str] = field(default_factory=dict)
    requires: list[str] = field(default_factory=list)
    places: dict[KeyPath, Place] = field(default_factory=dict)

    def join(self, beside: TomlText | None) -> dict[str, Any]:
        """Return the tables, together with those of a pyproject.toml."""
        data = dict(beside.data) if beside else {}
        tool = dict(beside.table("tool")) if beside else {}
        own = dict(beside.table("tool", "setuptools")) if beside else {}
        keys = [key for key in ("dependencies", "optional-dependencies") if key in self.dynamic]
        build = dict(beside.table("build-system")) if beside else {}
        build["requires"] = [*build.get("requires", ["setuptools>=40.8.0"]), *self.requires]
        tool["setuptools"] = {**own, "dynamic": self.dynamic, "package-dir": self.folders}
        return {**data, "project": {**self.project, "dynamic": keys}, "build-system": build, "tool": tool}


# setup.cfg


def _read_setup_cfg(text: str, shown: str, found: _Metadata) -> Problem | None:
    """Add the metadata in a setup.cfg; return the problem of one that cannot be parsed."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text)
    except configparser.Error as error:
        message = f"{shown} cannot be read: {str(error).splitlines()[0].lower()}"
        return Place(file=shown).problem("MLS226", message, "correct it, or remove it")
    metadata, options = (dict(parser[name]) if name in parser else {} for name in ("metadata", "options"))
    if name := metadata.get("name", "").strip():
        found.project["name"] = name
    if python := options.get("python_requires", "").strip():
        found.project["requires-python"] = python
        found.places["project", "requires-python"] = _place_of(text, shown, python)
    extras = dict(parser["options.extras_require"]) if "options.extras_require" in parser else {}
    _add_lists(text, shown, found, options.get("install_requires", ""), extras)
    found.requires += _split(options.get("setup_requires", ""))
    for key, value in (("version", metadata.get("version", "")), ("readme", metadata.get("long_description", ""))):
        kind, _, rest = value.strip().partition(":")
        if kind in {"attr", "file"}:
            found.dynamic[key] = {kind: rest.strip() if kind == "attr" else _list_files(value)}
    pairs = (line.partition("=") for line in options.get("package_dir", "").splitlines() if "=" in line)
    found.folders |= {name.strip(): folder.strip() for name, _, folder in pairs}
    return None


def _add_lists(text: str, shown: str, found: _Metadata, written: str, extras: Mapping[str, str]) -> None:
    """Add the requirements of a setup.cfg: those of the package, and those of its extras."""
    rows: list[tuple[tuple[str, ...], str]] = [(("dependencies",), written)]
    rows += [(("optional-dependencies", name), listed) for name, listed in extras.items()]
    for path, listed in rows:
        is_file = listed.strip().startswith("file:")
        table = found.dynamic if is_file else found.project
        for key in path[:-1]:
            table = table.setdefault(key, {})
        items = _list_files(listed) if is_file else _split(listed)
        table[path[-1]] = {"file": items} if is_file else items
        above: KeyPath = ("tool", "setuptools", "dynamic", *path, "file") if is_file else ("project", *path)
        found.places |= {(*above, number): _place_of(text, shown, item) for number, item in enumerate(items)}


def _split(text: str) -> list[str]:
    lines = (line.partition(" #")[0].strip() for line in re.split(r"\n" if "\n" in text else ";", text))
    return [line for line in lines if line and not line.startswith("#")]


def _list_files(text: str) -> list[str]:
    return [name for name in re.split(r"[,\s]+", text.strip().removeprefix("file:")) if name]


def _place_of(text: str, shown: str, item: str) -> Place:
    lines = text.split("\n")
    number = next((number for number, line in enumerate(lines, 1) if item in line), 1)
    column = lines[number - 1].find(item) + 1
    span = Span(number, max(column, 1), number, max(column, 1) + len(item))
    return Place(file=shown, span=span, excerpt=lines[number - 1])


# setup.py

_KEYS = {
    "name": ("name",),
    "python_requires": ("requires-python",),
    "install_requires": ("dependencies",),
    "extras_require": ("optional-dependencies",),
}


def _read_setup_py(text: str, shown: str, found: _Metadata) -> Problem | None:
    """Add the metadata in a setup.py; return the problem of one that computes it."""
    try:
        with warnings.catch_warnings(action="ignore"):
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Place(file=shown).problem("MLS226", f"{shown} is not Python", "correct it")
    for keyword in _list_keywords(tree):
        if keyword.arg not in {None, "setup_requires", *_KEYS}:
            continue
        number = keyword.value.lineno
        line = text.split("\n")[number - 1]
        place = Place(file=shown, span=Span(number, 1, number, len(line) + 1), excerpt=line)
        try:
            value = ast.literal_eval(_follow(tree, keyword.value))
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            what = keyword.arg or "the arguments of setup()"
            message = f"{shown} computes {what}, and mlspec does not run it"
            return place.problem("MLS226", message, _HINT.format(name=found.project.get("name", "NAME")))
        if keyword.arg == "setup_requires":
            found.requires += _as_list(value)
        elif keyword.arg:
            _add_value(keyword.arg, value, place, found)
    return None


def _add_value(key: str, value: Any, place: Place, found: _Metadata) -> None:  # noqa: ANN401 - any literal of Python
    """Add an argument of setup(), which overrides a value in setup.cfg."""
    (name,) = _KEYS[key]
    if key == "install_requires":
        value = _as_list(value)
    elif key == "extras_require" and isinstance(value, dict):
        value = {str(extra): _as_list(texts) for extra, texts in value.items()}
    found.project[name] = value
    found.dynamic.pop(name, None)
    found.places = {path: row for path, row in found.places.items() if path[:2] != ("project", name)}
    found.places["project", name] = place


def _as_list(value: Any) -> Any:  # noqa: ANN401 - a wrong type is reported by the reader of the table
    if isinstance(value, str):
        return _split(value)
    return list(value) if isinstance(value, tuple) else value


def _list_keywords(tree: ast.Module) -> Iterator[ast.keyword]:
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    for call in calls:
        if ast.unparse(call.func).rpartition(".")[2] == "setup":
            yield from call.keywords


def _follow(tree: ast.Module, value: ast.expr) -> ast.expr:
    """Return the only value that the module assigns to a name; other expressions are returned as they are."""
    if not isinstance(value, ast.Name):
        return value
    uses = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == value.id]
    values = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and any(ast.unparse(target) == value.id for target in node.targets)
    ]
    # A name that stands anywhere else may be a list that another statement changes.
    return values[0] if len(values) == 1 and len(uses) == 2 else value
