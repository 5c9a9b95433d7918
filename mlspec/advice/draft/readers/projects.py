"""The readers of files that describe a Python project: pyproject.toml, setup.cfg, setup.py and Pipfile."""

from __future__ import annotations

import ast
import configparser
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from packaging.utils import canonicalize_name

from mlspec.advice.draft.readers.pip import read_pip_words
from mlspec.advice.draft.readers.statements import Statement, ToolFile

NOT_INSTALLED = "the code is copied and not installed, so there is no such command: start its module by python -m"
_OPTIONAL = "optional: write what you need into a requirement file"


def get_table(data: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    """Return a nested table of TOML data; empty if there is none."""
    for key in path:
        value = data.get(key)
        data = value if isinstance(value, dict) else {}
    return data


def get_texts(value: object) -> tuple[str, ...]:
    """Return the texts of a list; a single text counts as a list of one."""
    listed = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return tuple(item for item in listed if isinstance(item, str))


_ELSEWHERE = {"git", "path", "file", "url", "editable", "source"}


def list_packages_elsewhere(texts: Mapping[str, str]) -> frozenset[str]:
    """Return the normalized names of packages that a project does not take from the default index.

    ``texts`` are the files of the project by their paths.
    """
    data = ToolFile("pyproject.toml", texts.get("pyproject.toml", "")).toml()
    pipfile = get_table(ToolFile("Pipfile", texts.get("Pipfile", "")).toml(), "packages")
    rows = [*get_table(data, "tool", "poetry", "dependencies").items(), *pipfile.items()]
    named = {name for name, row in rows if isinstance(row, dict) and _is_elsewhere(row)}
    return frozenset(map(canonicalize_name, named | get_table(data, "tool", "uv", "sources").keys()))


def _is_elsewhere(row: Mapping[str, Any]) -> bool:
    return bool(row.keys() & _ELSEWHERE) or row.get("index", "pypi") != "pypi"


def read_pyproject(source: ToolFile) -> Iterator[Statement]:
    """Yield the statements of pyproject.toml, without its dependencies: a spec names the file for them."""
    yield from source.toml_problem()
    data = source.toml()
    project = get_table(data, "project")
    if isinstance(required := project.get("requires-python"), str):
        number = source.find_key("project", "requires-python")
        yield source.carry(number, f"requires-python = {required}", "python", required)
    if extras := list(get_table(project, "optional-dependencies")):
        why = f"optional; to have one, write: requirements: pyproject.toml[{extras[0]}]"
        number = source.find_key("project", "optional-dependencies")
        yield source.leave(number, f"optional dependencies {', '.join(extras)}", why, matters=False)
    if groups := list(get_table(data, "dependency-groups")):
        why = f'for development; to have one, write: requirements: ["--group {groups[0]}"]'
        yield source.leave(source.find_key("dependency-groups"), f"groups {', '.join(groups)}", why, matters=False)
    yield from _read_dynamic(source, data)
    yield from _read_indexes(source, data)
    yield from _read_poetry(source, data)


def _read_dynamic(source: ToolFile, data: Mapping[str, Any]) -> Iterator[Statement]:
    dynamic = get_texts(get_table(data, "project").get("dynamic"))
    if "dependencies" not in dynamic:
        return
    files = get_texts(get_table(data, "tool", "setuptools", "dynamic", "dependencies").get("file"))
    number = source.find_key("tool", "setuptools", "dynamic", "dependencies") or source.find_key("project", "dynamic")
    for file in files:
        yield source.carry(number, f"dependencies in {file}", "requirements", file)
    if not files:
        why = "the build computes them: write them into a requirement file"
        yield source.leave(source.find_key("project", "dynamic"), "dynamic dependencies", why)


_WHEELS = re.compile(r"/whl/(?:nightly/)?cu(\d{2})(\d)\b")


def _read_indexes(source: ToolFile, data: Mapping[str, Any]) -> Iterator[Statement]:
    """Yield the CUDA version of uv's indexes; the reader of the dependencies reports other sources."""
    indexes = get_table(data, "tool", "uv").get("index")
    for index in indexes if isinstance(indexes, list) else []:
        url = str(index.get("url", "")) if isinstance(index, dict) else str(index)
        if wheels := _WHEELS.search(url):
            yield source.carry(source.find(url), url, "accelerator", f"cuda{wheels[1]}.{wheels[2]}")


def _read_poetry(source: ToolFile, data: Mapping[str, Any]) -> Iterator[Statement]:
    poetry = get_table(data, "tool", "poetry")
    for name, wanted in get_table(poetry, "dependencies").items():
        number = source.find_key("tool", "poetry", "dependencies", name)
        text = wanted if isinstance(wanted, str) else str(get_table({"": wanted}, "").get("version", wanted))
        if name == "python":
            yield source.carry(number, f"python = {text}", "python", text)
        elif "dependencies" not in get_table(data, "project"):
            why = "listed for poetry: make its lock, and name that: poetry lock"
            yield replace(source.leave(number, f"{name} = {text}", why), package=name)
    for group in get_table(poetry, "group"):
        number = source.find_key("tool", "poetry", "group", group)
        yield source.leave(number, f"poetry's group {group}", "for development", matters=False)
    if commands := list(get_table(poetry, "scripts")):
        number = source.find_key("tool", "poetry", "scripts")
        yield source.leave(number, f"commands {', '.join(commands)}", NOT_INSTALLED, matters=False)


# setup.cfg and setup.py


def read_setup_cfg(source: ToolFile) -> Iterator[Statement]:
    """Yield the Python and the requirements of setup.cfg."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(source.text)
    except configparser.Error as error:
        yield source.leave(0, "", f"it cannot be read: {str(error).splitlines()[0].lower()}")
        return
    options = dict(parser["options"]) if parser.has_section("options") else {}
    yield from _read_python_range(source, options.get("python_requires", ""))
    start = source.find("install_requires")
    for line in options.get("install_requires", "").splitlines():
        if text := line.partition("#")[0].strip():
            yield from _read_listed(source, source.find(text, start - 1), text)
    for name, why in (("extras_require", _OPTIONAL), ("entry_points", NOT_INSTALLED)):
        if parser.has_section(section := f"options.{name}"):
            text = f"{name}: {', '.join(parser[section])}"
            yield source.leave(source.find(f"[{section}]"), text, why, matters=False)


def _read_listed(source: ToolFile, number: int, text: str) -> Iterator[Statement]:
    if text.startswith("file:"):
        yield source.carry(number, text, "requirements", text.removeprefix("file:").strip())
    else:
        yield from read_pip_words(source, number, text)


def _read_python_range(source: ToolFile, text: str) -> Iterator[Statement]:
    if text:
        yield source.carry(source.find("python_requires"), f"python_requires = {text}", "python", text)


def read_setup_py(source: ToolFile) -> Iterator[Statement]:
    """Yield the Python and the requirements of setup.py that are plain texts; computed values are left out."""
    try:
        with warnings.catch_warnings(action="ignore"):
            tree = ast.parse(source.text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        yield source.leave(0, "", "Python cannot read it")
        return
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        if ast.unparse(call.func).rpartition(".")[2] == "setup":
            for keyword in call.keywords:
                yield from _read_keyword(source, tree, keyword)


def _read_keyword(source: ToolFile, tree: ast.Module, keyword: ast.keyword) -> Iterator[Statement]:
    if keyword.arg is None or keyword.arg in {"install_requires", "python_requires"}:
        value = _follow(tree, keyword.value)
        number = value.lineno
        if keyword.arg == "python_requires" and isinstance(value, ast.Constant):
            yield from _read_python_range(source, str(value.value))
        elif keyword.arg == "install_requires" and isinstance(value, ast.List | ast.Tuple):
            for item in value.elts:
                if isinstance(item, ast.Constant) and isinstance(item.value, str):
                    yield from read_pip_words(source, item.lineno, item.value)
                else:
                    yield source.leave(item.lineno, ast.unparse(item), "it is computed: write its value yourself")
        else:
            text = f"{keyword.arg or '**'}={ast.unparse(keyword.value)}".replace("**=", "**")
            yield source.leave(number, text, "it is computed: write its value into a requirement file")
    elif keyword.arg in {"extras_require", "entry_points", "scripts"}:
        why = _OPTIONAL if keyword.arg == "extras_require" else NOT_INSTALLED
        yield source.leave(keyword.value.lineno, f"{keyword.arg}={ast.unparse(keyword.value)}", why, matters=False)


def _follow(tree: ast.Module, value: ast.expr) -> ast.expr:
    """Return the value that the module assigns to a name; other expressions are returned as they are."""
    if not isinstance(value, ast.Name):
        return value
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(ast.unparse(target) == value.id for target in node.targets):
            return node.value
    return value


def read_pipfile(source: ToolFile) -> Iterator[Statement]:
    """Yield the statements of a Pipfile."""
    yield from source.toml_problem()
    data = source.toml()
    for name, wanted in get_table(data, "packages").items():
        number = source.find_key("packages", name)
        options = wanted if isinstance(wanted, dict) else {"version": wanted}
        version = str(options.get("version", "*"))
        if options.keys() & {"git", "path", "file", "editable"}:
            yield source.leave(number, name, "it is not from an index; add it in pip's syntax")
            continue
        if isinstance(index := options.get("index"), str) and index != "pypi":
            # Without the package's index, pip would ask another index for its name.
            why = f"write that index under indexes, with packages: [{name}], and the package under requirements"
            yield replace(source.leave(number, f"{name}: index = {index}", why), package=name)
            continue
        extras = f"[{','.join(get_texts(options.get('extras')))}]" if options.get("extras") else ""
        markers = f"; {options['markers']}" if isinstance(options.get("markers"), str) else ""
        requirement = f"{name}{extras}{'' if version == '*' else version}{markers}"
        yield from read_pip_words(source, number, requirement)
    if scripts := list(get_table(data, "scripts")):
        why = "start its command by entrypoint"
        yield source.leave(source.find_key("scripts"), f"scripts {', '.join(scripts)}", why, matters=False)
    requires = get_table(data, "requires")
    for key in ("python_full_version", "python_version"):
        if isinstance(wanted := requires.get(key), str):
            yield source.carry(source.find_key("requires", key), f"{key} = {wanted}", "python", wanted)
            break
    if get_table(data, "dev-packages"):
        yield source.leave(source.find_key("dev-packages"), "dev-packages", "for development", matters=False)
    listed = data.get("source")
    for index in listed if isinstance(listed, list) else []:
        url = str(index.get("url", "")) if isinstance(index, dict) else ""
        if not re.match(r"https://pypi\.(?:python\.)?org/", url):
            yield source.leave(source.find(url), url, "write it under indexes, with the packages it serves")
