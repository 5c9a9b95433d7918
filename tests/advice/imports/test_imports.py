"""Snapshots of `mlspec import` for files of other tools, ``inputs/NAME.files``: the report and the spec."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from mlspec import api
from mlspec.advice.imports import account, read_inputs
from mlspec.advice.imports.read_inputs import ImportResult
from mlspec.errors import MlspecError, SpecError
from mlspec.host import import_files
from mlspec.plan.compiled_spec import compile_spec
from mlspec.spec import document, spec
from mlspec.targets.registry import ALWAYS, emit_all
from tests.advice.draft.test_projects import unpacked
from tests.lock.fake_world import FakeWorld
from tests.support.golden import Golden

INPUTS = sorted((Path(__file__).parent / "inputs").glob("*.files"))
# The golden of an input that cannot be parsed is the message.
READABLE = [tool for tool in INPUTS if tool.with_suffix(".txt").read_text(encoding="utf-8").startswith("==> report")]
PARTS = re.compile(r"^==> (.+) <==\n", re.MULTILINE)

# The Pythons of a few pins on the package index on 2026-11-30, so that the tests need no index.
WHEELS = {
    "torch==2.0.1": frozenset({"3.8", "3.9", "3.10", "3.11"}),
    "numpy==1.26.4": frozenset({"3.9", "3.10", "3.11", "3.12"}),
    "pandas==2.2.3": frozenset({"3.9", "3.10", "3.11", "3.12", "3.13"}),
}


def find_wheels(pins: Sequence[str]) -> Mapping[str, frozenset[str]]:
    return {pin: WHEELS[pin] for pin in pins if pin in WHEELS}


def wanted_paths(tool: Path) -> list[str]:
    """Return the paths to import: those in the first line, or else the first file of the input."""
    first, path, *_ = PARTS.split(tool.read_text(encoding="utf-8"))
    return first.split()[1:] or [path]


def imported(tool: Path, tmp_path: Path) -> tuple[Path, ImportResult]:
    folder = unpacked(tool, tmp_path)
    texts = import_files.read_texts([folder / path for path in wanted_paths(tool)], folder)
    return folder, read_inputs.import_files(texts, import_files.import_folder(folder), find_wheels, "mlspec.yaml")


def show(result: ImportResult) -> str:
    parts = {"report": account.format_text(result.report), "mlspec.yaml": result.spec.text, **result.spec.files}
    return "".join(f"==> {name} <==\n{text}" for name, text in parts.items())


@pytest.mark.parametrize("tool", INPUTS, ids=lambda tool: tool.stem)
def test_every_input_has_its_report_and_its_spec(tool: Path, tmp_path: Path, golden: Golden) -> None:
    try:
        shown = show(imported(tool, tmp_path)[1])
    except SpecError as error:
        shown = "".join(f"{problem}\n" for problem in error.problems).replace(f"{tmp_path}/", "")

    assert shown == golden(tool.with_suffix(".txt"))


def test_no_text_is_left_over() -> None:
    assert {path.stem for path in (Path(__file__).parent / "inputs").glob("*.txt")} == {path.stem for path in INPUTS}


@pytest.mark.parametrize("tool", READABLE, ids=lambda tool: tool.stem)
def test_every_line_of_an_input_is_in_its_report(tool: Path, tmp_path: Path) -> None:
    folder, result = imported(tool, tmp_path)

    for file in {row.file for row in result.report.rows if row.number}:
        numbers = [row.number for row in result.report.rows if row.file == file and row.number]
        lines = (folder / file).read_text(encoding="utf-8").splitlines()
        assert numbers == sorted(numbers)
        assert sorted(set(numbers)) == list(range(1, len(lines) + 1))


@pytest.mark.parametrize("tool", READABLE, ids=lambda tool: tool.stem)
def test_a_spec_has_no_errors_but_in_lines_that_are_lost(tool: Path, tmp_path: Path) -> None:
    folder, result = imported(tool, tmp_path)
    (folder / "mlspec.yaml").write_text(result.spec.text, encoding="utf-8")
    for name, text in result.spec.files.items():
        (folder / name).write_text(text, encoding="utf-8")

    errors = [problem for problem in api.check(folder / "mlspec.yaml") if problem.severity == "error"]
    named = {row.place for row in result.report.rows if row.outcome in {"lost", "unsure"}}
    assert [e for e in errors if e.span is None or f"{Path(e.file).name}:{e.span.line}" not in named] == []


class AnyIndex(dict[str, str]):
    """The newest versions of an index that has every package."""

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> str:
        return "1"


@pytest.mark.parametrize("tool", READABLE, ids=lambda tool: tool.stem)
def test_a_spec_locks_and_renders_but_for_lines_that_are_lost(tool: Path, tmp_path: Path) -> None:
    folder, result = imported(tool, tmp_path)
    world = FakeWorld()
    world.newest = AnyIndex()
    files = (path for path in folder.rglob("*") if path.is_file())
    world.files = {path.relative_to(folder).as_posix(): path.read_text() for path in files} | dict(result.spec.files)
    found = spec.validate(document.parse(result.spec.text, "mlspec.yaml"))
    python = found.images[0].settings.python
    world.python = python if python.count(".") > 1 else f"{python}.1"
    lost = [row for row in result.report.rows if row.outcome in {"lost", "unsure"}]

    try:
        locked = world.update(result.spec.text)
    except MlspecError as error:
        # The spec names a file whose line is lost, and the file itself still has the line.
        places = {f"{Path(problem.file).name}:{problem.span.line if problem.span else 0}" for problem in error.problems}
        assert places <= {row.place for row in lost}
        return
    compiled = compile_spec(found, "mlspec.yaml", locked)
    dockerfile, *_ = emit_all(compiled.plans, ALWAYS)
    assert "\nFROM " in dockerfile.text
