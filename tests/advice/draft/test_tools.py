"""Snapshots of first specs for files of other tools, ``tools/NAME.files``: adopted, changed and omitted values."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlspec import api
from mlspec.advice.draft import Folder, draft_spec
from mlspec.host.files.survey import survey_folder
from tests.advice.draft.test_projects import unpacked
from tests.support.golden import Golden

PARTS = re.compile(r"^==> (.+) <==\n", re.MULTILINE)
TOOLS = sorted((Path(__file__).parent / "tools").glob("*.files"))


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.stem)
def test_every_line_is_taken_over_or_named(tool: Path, tmp_path: Path, golden: Golden) -> None:
    draft = draft_spec(survey_folder(unpacked(tool, tmp_path)))

    said = "".join(f"  {item}\n" for item in (*draft.choices, *draft.statements))
    assert f"{draft.text}\n{said}losses: {draft.losses}\n" == golden(tool.with_suffix(".txt"))


def test_no_text_is_left_over() -> None:
    assert {path.stem for path in (Path(__file__).parent / "tools").glob("*.txt")} == {path.stem for path in TOOLS}


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.stem)
def test_a_first_spec_has_no_errors_but_in_lines_that_are_named(tool: Path, tmp_path: Path) -> None:
    folder = unpacked(tool, tmp_path)
    draft = draft_spec(survey_folder(folder))
    (folder / "mlspec.yaml").write_text(draft.text, encoding="utf-8")

    errors = [problem for problem in api.check(folder / "mlspec.yaml") if problem.severity == "error"]
    named = {statement.place for statement in draft.statements}
    assert [e for e in errors if e.span is None or f"{Path(e.file).name}:{e.span.line}" not in named] == []


def texts_of(tool: Path) -> dict[str, str]:
    _, *parts = PARTS.split(tool.read_text(encoding="utf-8"))
    return dict(zip(parts[::2], parts[1::2], strict=True))


WORDS = st.sampled_from(
    [
        '"',
        "[",
        "{",
        "}",
        "$",
        "\\",
        "\n",
        "\t",
        "\x07",
        "==",
        "@",
        "&&",
        "--",
        "...",
        "-r",
        "99999999",
        "<<EOF",
        "git+",
        "ENV ",
    ]
)


@settings(max_examples=150)
@given(st.sampled_from(TOOLS), st.integers(min_value=0), WORDS | st.text(max_size=5), st.integers(0, 9))
def test_no_file_that_is_damaged_stops_a_first_spec(tool: Path, place: int, word: str, cut: int) -> None:
    texts = texts_of(tool)
    path = sorted(texts)[place % len(texts)]
    start = place % (len(texts[path]) + 1)
    texts[path] = texts[path][:start] + word + texts[path][start + cut :]

    assert draft_spec(Folder(name="x", texts=texts, files=frozenset(texts))).text.startswith("#")
