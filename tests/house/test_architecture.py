"""Tests of the architecture: rules that no other tool checks."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import mlspec
from tests.support.places import PROJECT
from tests.support.trees import nodes_of, tree_of

PACKAGE = Path(mlspec.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
LAYERS, CORE = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
    "contracts"
]
# Codes that several modules use, and the one meaning of each.
SHARED = {
    "MLS105": "the base image is not one that can be built on",
    "MLS106": "the platform is not one that can be built for",
    "MLS125": "Debian has no package of a name",
    "MLS126": "a Python is not known",
    "MLS127": "a base is not known",
    "MLS226": "a package of the project cannot be installed",
    "MLS242": "what a requirement names is not there",
    "MLS243": "no release fits a requirement",
    "MLS244": "two requirements exclude each other",
    "MLS245": "a release has no wheel for the image",
    "MLS246": "no version suits all that require a package",
    "MLS247": "no file of a release has a hash that the spec asks for",
    "MLS253": "an index does not answer",
    "MLS254": "an index answered, and not with what was asked for",
    "MLS302": "a registry has no image of a name",
    "MLS416": "a project is of R alone",
    "MLS417": "a project's file cannot be parsed",
    "MLS418": "a file is none of those that are imported",
    "MLS402": "a file that mlspec did not write is left unchanged",
    "MLS404": "a lock is not that of its spec",
    "MLS405": "a lock was edited by hand",
    "MLS406": "there are several to choose from",
    "MLS683": "a line of an environment file means something else than it looks",
}
# Groups of modules that read one kind of text together: a folder, or some of its modules.
READERS = {
    "a spec": "spec/**/*.py",
    "requirements": "lock/requirements/**/*.py",
    "a lock": "lock/*.py",
}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def public(body: list[ast.stmt]) -> Iterator[ast.ClassDef | Function]:
    """Yield the public classes, functions and methods of a module."""
    for found in body:
        if isinstance(found, ast.ClassDef | Function) and not found.name.startswith("_"):
            yield found
            if isinstance(found, ast.ClassDef):
                yield from public(found.body)


@cache
def reader_of(path: Path) -> str:
    """Return the name under which a module counts as a user of a code: a group of READERS counts as one."""
    return next((name for name, pattern in READERS.items() if path in PACKAGE.glob(pattern)), path.stem)


def test_imports_run_one_way() -> None:
    pytest.importorskip("importlinter")

    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()", "--no-cache"]
    run = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)

    assert run.returncode == 0, run.stdout + run.stderr


def name_of(path: Path) -> str:
    return ".".join(["mlspec", *path.relative_to(PACKAGE).with_suffix("").parts]).removesuffix(".__init__")


def running(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes below one, without those that only a type checker reads."""
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING"):
            yield child
            yield from running(child)


def imports_of(tree: ast.Module, modules: set[str]) -> set[str]:
    """Return those of ``modules`` that a module imports, at its top or inside its functions."""
    found = set()
    for node in running(tree):
        if isinstance(node, ast.ImportFrom):
            found |= {name if (name := f"{node.module}.{a.name}") in modules else str(node.module) for a in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found & modules


def find_cycle(imports: Mapping[str, set[str]]) -> list[str]:
    """Return the modules of one import cycle, or an empty list without a cycle."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def packages_around(name: str) -> set[str]:
    """Return the packages that Python imports before a module."""
    parts = name.split(".")
    return {".".join(parts[:count]) for count in range(1, len(parts))}


def test_no_module_leads_back_to_itself() -> None:
    modules = {name_of(path) for path in MODULES}
    imports = {}
    for path in MODULES:
        name = name_of(path)
        named = imports_of(tree_of(path), modules)
        # The packages around the module itself are already imported when it starts.
        started = {package for each in named for package in packages_around(each)} - packages_around(name)
        imports[name] = (named | started) - {name}

    assert find_cycle(imports) == []


def test_a_cycle_through_a_function_is_found() -> None:
    inside = ast.parse("def f():\n    from a import b")
    typed = ast.parse("if TYPE_CHECKING:\n    import a.b")

    assert find_cycle({"c": imports_of(inside, {"a", "a.b"}), "a.b": {"c"}}) == ["c", "a.b", "c"]
    assert imports_of(typed, {"a.b"}) == set()


def core() -> list[Path]:
    """Return the modules of the core: those in the folders of the contract, and the contract's single modules."""
    places = [PACKAGE / name.partition(".")[2].replace(".", "/") for name in CORE["source_modules"]]
    return sorted(
        path for place in places for path in (place.rglob("*.py") if place.is_dir() else [place.with_suffix(".py")])
    )


def impure_words(path: Path) -> set[str]:
    """Return the modules and functions that a module of the core uses and must not."""
    nodes = nodes_of(path)
    imported = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    froms = [node for node in nodes if isinstance(node, ast.ImportFrom)]
    # io opens files as well, but BytesIO alone touches nothing.
    imported |= {str(node.module) for node in froms if [alias.name for alias in node.names] != ["BytesIO"]}
    called = {node.func.id for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    return imported & {*CORE["forbidden_modules"], "locale", "getpass", "platform", "io", "urllib"} | (
        called & {"open", "print", "input", "exec", "eval", "__import__"}
    )


# One test for all modules: as many tests as modules would take several times as long.


def test_the_core_is_pure() -> None:
    assert len(core()) > 100
    assert {path: words for path in core() if (words := impure_words(path))} == {}


def test_what_is_public_says_what_it_does() -> None:
    silent = [path for path in MODULES if not ast.get_docstring(tree_of(path))]
    silent += [
        path / node.name for path in MODULES for node in public(tree_of(path).body) if not ast.get_docstring(node)
    ]

    assert silent == []


def test_what_is_public_names_its_types() -> None:
    functions = [
        (path, found) for path in MODULES for found in public(tree_of(path).body) if isinstance(found, Function)
    ]
    unnamed = [
        (path, f"{function.name}({argument.arg})")
        for path, function in functions
        for argument in [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
        if argument.annotation is None and argument.arg not in {"self", "cls"}
    ]

    assert unnamed == []
    assert [(path, function.name) for path, function in functions if function.returns is None] == []


def test_what_is_imported_is_installed_with_mlspec() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = {Requirement(text).name for text in project["dependencies"]}
    # A module may also use unconditional dependencies of a dependency, such as pydantic-core.
    brought = {found.name for name in named for found in map(Requirement, requires(name) or ()) if not found.marker}
    nodes = [node for path in MODULES for node in nodes_of(path)]
    imported = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}
    others = {name.partition(".")[0] for name in imported} - sys.stdlib_module_names - {"mlspec"}
    homes = packages_distributions()

    installed = {canonicalize_name(name) for name in named | brought}
    assert {name for name in others if not {canonicalize_name(home) for home in homes[name]} & installed} == set()


def test_tests_that_need_an_engine_stand_where_make_looks_for_them() -> None:
    named = re.search(r"^ENGINE = (.*)", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert named
    places = [PROJECT / place for place in named[1].split()]
    mark = "mark." + "engine"

    marked = [path for path in (PROJECT / "tests").rglob("test_*.py") if mark in path.read_text(encoding="utf-8")]

    assert marked
    assert [path for path in marked if not any(path.is_relative_to(place) for place in places)] == []


def test_a_problem_gets_its_place_where_it_is_made() -> None:
    texts = {path.relative_to(PACKAGE).as_posix(): path.read_text(encoding="utf-8") for path in MODULES}

    # spec/place.py looks up the line of a place. spec/spec.py looks up the places of pydantic's errors.
    assert {name for name, text in texts.items() if "document.place" in text} == {"spec/place.py", "spec/spec.py"}


def test_every_package_is_installed() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    folders = {".".join(path.parent.relative_to(PACKAGE.parent).parts) for path in MODULES}

    assert {*project["tool"]["setuptools"]["packages"]} == {*folders, "mlspec.templates"}


def test_every_code_has_one_meaning() -> None:
    users: dict[str, set[str]] = defaultdict(set)
    # errors.py only groups codes by exit code, so it is not a user of them.
    for path in (path for path in MODULES if path != PACKAGE / "errors.py"):
        for node in nodes_of(path):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.match(r"MLS(?![A-Z])", node.value):
                assert re.fullmatch(r"MLS\d{3}", node.value), f"{path}: {node.value}"
                users[node.value].add(reader_of(path))
    several = {code for code, modules in users.items() if len(modules) > 1}

    assert several <= set(SHARED), "does this code mean the same in each of its modules? then say so in SHARED"
