"""Folders with files of other tools, ``tools/NAME.txt``, and what a first spec takes over, changes and leaves out."""

from __future__ import annotations

from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from mlspec import api
from mlspec.advice import draft as starter
from mlspec.host.files.survey import survey
from tests.test_projects import unpacked

TOOLS = sorted((Path(__file__).parent / "tools").glob("*.txt"))


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.stem)
def test_every_line_is_taken_over_or_named(tool: Path, tmp_path: Path, text_snapshot: SnapshotAssertion) -> None:
    draft = starter.draft(survey(unpacked(tool, tmp_path)))

    said = "".join(f"  {item}\n" for item in (*draft.choices, *draft.statements))
    assert f"{draft.text}\n{said}losses: {draft.losses}\n" == text_snapshot


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.stem)
def test_a_first_spec_has_no_errors_but_in_lines_that_are_named(tool: Path, tmp_path: Path) -> None:
    folder = unpacked(tool, tmp_path)
    draft = starter.draft(survey(folder))
    (folder / "mlspec.yaml").write_text(draft.text, encoding="utf-8")

    errors = [problem for problem in api.check(folder / "mlspec.yaml") if problem.severity == "error"]
    named = {statement.place for statement in draft.statements}
    assert [e for e in errors if e.span is None or f"{Path(e.file).name}:{e.span.line}" not in named] == []
