"""Tests of the sizes and the names of modules, classes and functions."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

import mlspec
from tests.support.trees import nodes_of

PACKAGE = Path(mlspec.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
MOST_LINES_OF_A_MODULE, MOST_LINES_OF_A_FUNCTION, MOST_PARAMETERS = 300, 40, 6

# Irregular participles.
IRREGULAR = set(
    [
        "told",
        "said",
        "asked",
        "made",
        "found",
        "shown",
        "known",
        "written",
        "left",
        "meant",
        "built",
        "given",
        "taken",
        "held",
        "sent",
        "drawn",
        "chosen",
        "begun",
        "kept",
        "paid",
        "lost",
        "bound",
        "seen",
        "done",
        "gone",
        "hidden",
        "broken",
        "sought",
        "brought",
        "bought",
        "thought",
        "born",
        "worn",
        "sworn",
        "wound",
        "laid",
        "spoken",
    ]
)
# Words that end like participles but are nouns.
NOUNS = {"need", "speed"}
# An error whose parameters are the fields of a problem, by keyword.
MANY_PARAMETERS = {"spec/values/refused.py: __init__"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def place_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def functions() -> Iterator[tuple[str, Function]]:
    """Yield each function with the path of its module."""
    for path in MODULES:
        yield from ((place_of(path), node) for node in nodes_of(path) if isinstance(node, Function))


def is_command(function: Function) -> bool:
    """Tell whether a function is a command of click, which has a parameter for each option."""
    calls = (found.func for found in function.decorator_list if isinstance(found, ast.Call))
    return any(isinstance(call, ast.Attribute) and call.attr in {"command", "group"} for call in calls)


def is_participle(name: str) -> bool:
    word = name.strip("_")
    return "_" not in word and word not in NOUNS and (word.endswith("ed") or word in IRREGULAR)


def shared(homes: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Return the names that occur in several places, each with its places."""
    found: dict[str, list[str]] = defaultdict(list)
    for name, place in homes:
        found[name].append(place)
    return {name: places for name, places in found.items() if len(places) > 1}


def test_modules_are_short() -> None:
    lines = {place_of(path): path.read_text(encoding="utf-8").count("\n") for path in MODULES}

    assert {place for place, count in lines.items() if count > MOST_LINES_OF_A_MODULE} == set()


def test_functions_are_short() -> None:
    lengths = {f"{place}: {f.name}": (f.end_lineno or f.lineno) - f.lineno + 1 for place, f in functions()}

    assert {name: lines for name, lines in lengths.items() if lines > MOST_LINES_OF_A_FUNCTION} == {}


def test_functions_have_few_parameters() -> None:
    counts = {
        f"{place}: {f.name}": len([*f.args.posonlyargs, *f.args.args, *f.args.kwonlyargs])
        for place, f in functions()
        if not is_command(f)
    }

    assert {name for name, count in counts.items() if count > MOST_PARAMETERS} <= MANY_PARAMETERS


def test_no_function_is_named_by_a_bare_participle() -> None:
    assert [f"{place}: {f.name}" for place, f in functions() if is_participle(f.name)] == []


@pytest.mark.parametrize(
    ("name", "is_found"), [("told", True), ("_wrapped", True), ("read_lock", False), ("need", False)]
)
def test_a_participle_is_known_by_its_ending(name: str, is_found: bool) -> None:
    assert is_participle(name) is is_found


def test_no_class_name_has_two_meanings() -> None:
    classes = [(node.name, place_of(p)) for p in MODULES for node in nodes_of(p) if isinstance(node, ast.ClassDef)]

    assert shared(classes) == {}


def test_every_module_is_imported_by_its_own_name() -> None:
    modules = {".".join(["mlspec", *path.relative_to(PACKAGE).with_suffix("").parts]) for path in MODULES}
    modules |= {module.removesuffix(".__init__") for module in modules}
    nodes = [(place_of(path), node) for path in MODULES for node in nodes_of(path)]
    imports = [(place, node) for place, node in nodes if isinstance(node, ast.ImportFrom)]
    found = [(place, f"{node.module}.{alias.name}", alias.asname) for place, node in imports for alias in node.names]

    assert [(place, name, alias) for place, name, alias in found if alias and name in modules] == []


def test_no_two_modules_have_one_name() -> None:
    # A module of the command line has the name of its command, which another module may also have.
    paths = [path for path in MODULES if not path.stem.startswith("__") and path.parent != PACKAGE / "cli"]

    assert shared((path.stem, place_of(path)) for path in paths) == {}
