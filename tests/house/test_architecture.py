"""The rules of the house that no other tool holds."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import mlspec
from tests.support.places import PROJECT

PACKAGE = Path(mlspec.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
LAYERS, CORE = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
    "contracts"
]
# Codes that several modules use, and the one thing each of them means.
SHARED = {
    "MLS105": "the base image is not one that can be built on",
    "MLS106": "the platform is not one that can be built for",
    "MLS125": "Debian has no package of a name",
    "MLS126": "a Python is not known",
    "MLS127": "a base is not known",
    "MLS242": "what a requirement names is not there",
    "MLS243": "no release fits a requirement",
    "MLS244": "two requirements exclude each other",
    "MLS246": "no version suits all that require a package",
    "MLS254": "an index answered, and not with what was asked for",
    "MLS302": "a registry has no image of a name",
    "MLS402": "a file that mlspec did not write is left alone",
    "MLS404": "a lock is not that of its spec",
    "MLS405": "a lock was edited by hand",
    "MLS406": "there are several to choose from",
    "MLS683": "a line of an environment file means something else than it looks",
}
# Modules that read one kind of text together: a folder, or some of its modules.
READERS = {
    "a spec": "spec/**/*.py",
    "requirements": "lock/requirements/**/*.py",
    "a lock": "lock/*.py",
}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def public(body: list[ast.stmt]) -> Iterator[ast.ClassDef | Function]:
    """Yield the public classes, functions and methods of a module."""
    for found in body:
        if isinstance(found, ast.ClassDef | Function) and not found.name.startswith("_"):
            yield found
            if isinstance(found, ast.ClassDef):
                yield from public(found.body)


def reader_of(path: Path) -> str:
    """Return by what name a module counts among those that use a code: several that read together count as one."""
    return next((name for name, pattern in READERS.items() if path in PACKAGE.glob(pattern)), path.stem)


def test_imports_run_one_way() -> None:
    pytest.importorskip("importlinter")

    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()", "--no-cache"]
    run = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)

    assert run.returncode == 0, run.stdout + run.stderr


def core() -> list[Path]:
    """Return the modules of the core: those of the folders that the contract names, and single ones."""
    places = [PACKAGE / name.partition(".")[2].replace(".", "/") for name in CORE["source_modules"]]
    return sorted(
        path for place in places for path in (place.rglob("*.py") if place.is_dir() else [place.with_suffix(".py")])
    )


@pytest.mark.parametrize("path", core(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_the_core_is_pure(path: Path) -> None:
    nodes = list(ast.walk(tree_of(path)))
    imported = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}
    called = {node.func.id for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}

    assert imported & {*CORE["forbidden_modules"], "locale", "getpass", "platform", "io", "urllib"} == set()
    assert called & {"open", "print", "input", "exec", "eval", "__import__"} == set()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_what_is_public_says_what_it_does(path: Path) -> None:
    tree = tree_of(path)
    silent = [found.name for found in public(tree.body) if not ast.get_docstring(found)]

    assert ast.get_docstring(tree), "the module has no docstring"
    assert silent == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_what_is_public_names_its_types(path: Path) -> None:
    functions = [found for found in public(tree_of(path).body) if isinstance(found, Function)]
    unnamed = [
        f"{function.name}({argument.arg})"
        for function in functions
        for argument in [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
        if argument.annotation is None and argument.arg not in {"self", "cls"}
    ]

    assert unnamed == []
    assert [function.name for function in functions if function.returns is None] == []


def test_what_is_imported_is_installed_with_mlspec() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = {Requirement(text).name for text in project["dependencies"]}
    # What a dependency brings in any case may be used too, as pydantic's own core is.
    brought = {found.name for name in named for found in map(Requirement, requires(name) or ()) if not found.marker}
    nodes = [node for path in MODULES for node in ast.walk(tree_of(path))]
    imported = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}
    others = {name.partition(".")[0] for name in imported} - sys.stdlib_module_names - {"mlspec"}
    homes = packages_distributions()

    installed = {canonicalize_name(name) for name in named | brought}
    assert {name for name in others if not {canonicalize_name(home) for home in homes[name]} & installed} == set()


def test_every_package_is_installed() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    folders = {".".join(path.parent.relative_to(PACKAGE.parent).parts) for path in MODULES}

    assert {*project["tool"]["setuptools"]["packages"]} == {*folders, "mlspec.templates"}


def test_every_code_has_one_meaning() -> None:
    users: dict[str, set[str]] = defaultdict(set)
    # `errors` lists codes by who is at fault, and means nothing else by them.
    for path in (path for path in MODULES if path != PACKAGE / "errors.py"):
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.match(r"MLS(?![A-Z])", node.value):
                assert re.fullmatch(r"MLS\d{3}", node.value), f"{path}: {node.value}"
                users[node.value].add(reader_of(path))
    several = {code for code, modules in users.items() if len(modules) > 1}

    assert several <= set(SHARED), "does this code mean the same in each of its modules? then say so in SHARED"


# `__main__` runs the program, and every test that starts mlspec imports it first.
@pytest.mark.parametrize(
    "path", [path for path in MODULES if path.name != "__main__.py"], ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_every_module_can_be_imported_first(path: Path) -> None:
    name = ".".join(["mlspec", *path.relative_to(PACKAGE).with_suffix("").parts]).removesuffix(".__init__")

    importlib.import_module(name)
