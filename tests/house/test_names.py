"""The size and the names of modules, classes and functions."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

import mlspec

PACKAGE = Path(mlspec.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
MOST_LINES_OF_A_MODULE, MOST_LINES_OF_A_FUNCTION, MOST_PARAMETERS = 300, 40, 6

# Participles without the ending of the others.
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
# Words that end as participles do, and are none.
NOUNS = {"need", "speed"}
# An error that takes the fields of a problem, by keyword.
MANY_PARAMETERS = {"spec/values/refused.py: __init__"}
# `cli.quick` imports this module alone and answers in milliseconds; a second one would be a second file to load.
LONG_MODULES = {"host/cache/proofs.py"}
# To be shortened.
LONG_MODULES |= {"lock/requirements/collect.py"}
# To be renamed: a class that means two things, a module whose name another has, a function that is a bare participle.
# Each list only gets shorter.
TWO_MEANINGS = {"Line"}
SAME_MODULES = {"installer", "names", "run", "text", "user_configuration", "world"}
PARTICIPLES: dict[str, set[str]] = {
    "advice/explain/causes.py": {"_cached"},
    "advice/explain/dumped.py": {"_begun", "dumped", "placed"},
    "advice/explain/explanation.py": {"_explained", "_shared", "attributed"},
    "advice/explain/origins.py": {"_listed", "_locked"},
    "advice/explain/tracing.py": {"traced", "unmarked"},
    "build/report/contents.py": {"_copied", "_made"},
    "build/report/treemap.py": {"_placed"},
    "cli/explain.py": {"_known"},
    "cli/explain_lines.py": {"_caused", "_chosen", "_explained", "_numbered"},
    "host/cache/proofs.py": {"_joined", "witnessed"},
    "host/resolver/child/answers.py": {"sized"},
    "host/resolver/child/events.py": {"told"},
    "host/resolver/child/loads.py": {"_reached"},
    "host/resolver/child/ranges.py": {"_known"},
    "host/resolver/metadata/unpacked_source.py": {"shown"},
    "lock/layers.py": {"_ordered", "_shared", "grouped"},
    "lock/requirements/sources/uv_settings.py": {"shown"},
    "lock/requirements/values.py": {"built", "compiled", "named"},
    "lock/task.py": {"known", "written"},
    "spec/document.py": {"placed"},
    "spec/edits.py": {"_added", "edited"},
    "spec/files.py": {"named"},
    "spec/fixes.py": {"_placed", "_wanted", "mended", "settled"},
    "spec/inheritance.py": {"_joined", "_merged", "_spliced"},
    "spec/messages.py": {"_converted", "_diagnosed", "_meant"},
    "spec/schema.py": {"_closed", "_said"},
    "spec/suppressions.py": {"joined", "unneeded"},
    "spec/values/paths.py": {"included"},
    "spec/yaml_reader.py": {"_joined", "built"},
    "targets/edited_files.py": {"_edited", "_moved"},
    "targets/compose.py": {"_needed"},
    "targets/filters.py": {"continued", "escaped"},
    "targets/metadata.py": {"drawn"},
    "targets/run_script.py": {"pushed"},
    "targets/yaml_writer.py": {"_represented", "_spaced"},
}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def place_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def functions() -> Iterator[tuple[str, Function]]:
    """Yield every function with the place of its module."""
    for path in MODULES:
        yield from ((place_of(path), node) for node in ast.walk(tree_of(path)) if isinstance(node, Function))


def is_command(function: Function) -> bool:
    """Tell whether click calls a function, with a parameter for each option."""
    calls = (found.func for found in function.decorator_list if isinstance(found, ast.Call))
    return any(isinstance(call, ast.Attribute) and call.attr in {"command", "group"} for call in calls)


def is_participle(name: str) -> bool:
    word = name.strip("_")
    return "_" not in word and word not in NOUNS and (word.endswith("ed") or word in IRREGULAR)


def shared(homes: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Return the names that several places have, each with its places."""
    found: dict[str, list[str]] = defaultdict(list)
    for name, place in homes:
        found[name].append(place)
    return {name: places for name, places in found.items() if len(places) > 1}


def test_modules_are_short() -> None:
    lines = {place_of(path): path.read_text(encoding="utf-8").count("\n") for path in MODULES}

    assert {place for place, count in lines.items() if count > MOST_LINES_OF_A_MODULE} <= LONG_MODULES


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
    found = [(place, f.name) for place, f in functions() if is_participle(f.name)]

    assert [f"{place}: {name}" for place, name in found if name not in PARTICIPLES.get(place, ())] == []


@pytest.mark.parametrize(
    ("name", "is_found"), [("told", True), ("_wrapped", True), ("read_lock", False), ("need", False)]
)
def test_a_participle_is_known_by_its_ending(name: str, is_found: bool) -> None:
    assert is_participle(name) is is_found


def test_no_class_name_has_two_meanings() -> None:
    classes = [
        (node.name, place_of(p)) for p in MODULES for node in ast.walk(tree_of(p)) if isinstance(node, ast.ClassDef)
    ]

    assert shared(classes).keys() <= TWO_MEANINGS


def test_no_two_modules_have_one_name() -> None:
    # A module of the command line is named after its command, which may be what another module does.
    paths = [path for path in MODULES if not path.stem.startswith("__") and path.parent != PACKAGE / "cli"]

    assert shared((path.stem, place_of(path)) for path in paths).keys() <= SAME_MODULES
