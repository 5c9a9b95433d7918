"""The commands that the installation of a package in a folder of the project makes."""

from __future__ import annotations

import ast
import configparser
import re
import warnings
from collections.abc import Iterator

from mlspec.lock.requirements.sources.source_tables import TomlText

_TABLES = (
    ("project", "scripts"),
    ("project", "gui-scripts"),
    ("tool", "poetry", "scripts"),
    ("tool", "flit", "scripts"),
)
_COMMAND = re.compile(r"^\s*([\w.-]+)\s*=\s*[\w.]+\s*(?::|$)", re.MULTILINE)
_SECTION = re.compile(r"\[\s*(\w+)\s*\]")


def list_commands(toml: TomlText, setup_cfg: str, setup_py: str) -> tuple[str, ...]:
    """Return the names of the commands in pyproject.toml, setup.cfg and setup.py; computed names are left out."""
    tables = (name for table in _TABLES for name in toml.table(*table))
    return tuple(dict.fromkeys((*tables, *_list_of_setup_cfg(setup_cfg), *_list_of_setup_py(setup_py))))


def _list_of_setup_cfg(text: str) -> Iterator[str]:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text)
    except configparser.Error:
        return
    for key in ("console_scripts", "gui_scripts"):
        yield from _COMMAND.findall(parser.get("options.entry_points", key, fallback=""))


def _list_of_setup_py(text: str) -> Iterator[str]:
    """Yield the commands in the texts of a call's ``entry_points``, and the names of the files in its ``scripts``."""
    try:
        with warnings.catch_warnings(action="ignore"):
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for keyword in (node for node in ast.walk(tree) if isinstance(node, ast.keyword)):
        texts = [node.value for node in ast.walk(keyword.value) if isinstance(node, ast.Constant)]
        if keyword.arg == "entry_points":
            yield from (name for text in texts if isinstance(text, str) for name in _list_of_points(text))
        elif keyword.arg == "scripts":
            yield from (text.rpartition("/")[2] for text in texts if isinstance(text, str))


def _list_of_points(text: str) -> Iterator[str]:
    """Yield the commands in one text of ``entry_points``: a line, or a whole file with sections."""
    section = "console_scripts"
    for line in text.splitlines():
        if found := _SECTION.fullmatch(line.strip()):
            section = found[1]
        elif section in {"console_scripts", "gui_scripts"}:
            yield from _COMMAND.findall(line)
