"""Tests of imports with damaged inputs: an import reports a problem, or accounts for every line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlspec.advice.imports.assembled_spec import ImportFolder
from mlspec.advice.imports.read_inputs import import_files
from mlspec.errors import SpecError
from mlspec.lock.requirements.other_files import Neighbour
from mlspec.spec import document, spec
from tests.advice.imports.test_imports import INPUTS, PARTS, find_wheels, wanted_paths

WORDS = st.sampled_from(
    [
        *('"', "'", "[", "{", "}", "$", "\\", "\n", "\t", "\x07", "==", "@", "&&", "--", "...", "-r ", "99999999"),
        *(
            "<<EOF",
            "git+",
            "ENV ",
            ": ",
            "- ",
            "#",
            "&a",
            "*a",
            "<<: ",
            "|",
            ";",
            "`",
            "\u2028",
            "\x85",
            "é",
            "~",
            "1.2.*",
        ),
    ]
)


def texts_of(tool: Path) -> dict[str, str]:
    _, *parts = PARTS.split(tool.read_text(encoding="utf-8"))
    return dict(zip(parts[::2], parts[1::2], strict=True))


def folder_of(texts: dict[str, str]) -> ImportFolder:
    def read(path: str) -> str:
        if path not in texts:
            raise FileNotFoundError(path)
        return texts[path]

    return ImportFolder(read=read, look=lambda path: Neighbour("file" if path in texts else ""))


@pytest.mark.parametrize("tool", INPUTS, ids=lambda tool: tool.stem)
@settings(max_examples=8)
@given(st.integers(min_value=0), st.integers(min_value=0), WORDS | st.text(max_size=5), st.integers(0, 9))
def test_no_damage_stops_an_import(tool: Path, which: int, place: int, word: str, cut: int) -> None:
    texts = texts_of(tool)
    path = sorted(texts)[which % len(texts)]
    at = place % (len(texts[path]) + 1)
    texts[path] = texts[path][:at] + word + texts[path][at + cut :]
    wanted = {name: texts[name] for name in wanted_paths(tool)}
    try:
        result = import_files(wanted, folder_of(texts), find_wheels, "mlspec.yaml")
    except SpecError as error:
        # The problem must be in the input, not in a file that mlspec wrote.
        files = {problem.file for problem in error.problems}
    else:
        files = set()
    assert "mlspec.yaml" not in files
    if files:
        return

    for file in {row.file for row in result.report.rows if row.number}:
        numbers = {row.number for row in result.report.rows if row.file == file and row.number}
        assert numbers == set(range(1, len(texts[file].removesuffix("\n").split("\n")) + 1))
    spec.validate(document.parse(result.spec.text, "mlspec.yaml"))
