"""Tests of the script that refreshes the tables of frameworks, with frozen sources: excerpts of one day."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

import frameworks
from sources import Changed
from tests.support.places import PROJECT

SOURCES = Path(__file__).parent / "sources"
PAGE = (SOURCES / "tensorflow.md").read_text(encoding="utf-8")
MATRIX = (SOURCES / "torch_matrix.txt").read_text(encoding="utf-8")
FRAMEWORKS = (PROJECT / "mlspec" / "facts" / "data" / "frameworks.toml").read_text(encoding="utf-8")
ACCELERATORS = (PROJECT / "mlspec" / "facts" / "data" / "accelerators.toml").read_text(encoding="utf-8")


def test_the_tables_say_what_their_sources_said() -> None:
    assert frameworks.with_tensorflow(FRAMEWORKS, frameworks.tensorflow_of(PAGE)) == FRAMEWORKS
    assert frameworks.with_torch(FRAMEWORKS, frameworks.torch_of(MATRIX)) == FRAMEWORKS


def test_a_new_tensorflow_gets_its_rows() -> None:
    new = "<tr><td>tensorflow-2.22.0</td><td>3.11-3.14</td><td>-</td><td>-</td><td>9.8</td><td>13.0</td></tr>\n"
    first = "<tr><td>tensorflow-2.21.0</td>"
    page = PAGE.replace(first, f"{new}{first}")

    table = tomllib.loads(frameworks.with_tensorflow(FRAMEWORKS, frameworks.tensorflow_of(page)))

    assert table["tensorflow"]["releases"][-1] == {"version": "2.22", "first": "3.11", "last": "3.14"}
    assert {"package": "tensorflow", "first": "2.22", "last": "2.22", "cuda": "13.0", "cudnn": "9"} in (
        table["libraries"]["builds"]
    )


def test_a_new_torch_gets_a_row_and_the_indexes_it_has_are_the_ones_that_go_on() -> None:
    matrix = MATRIX.replace('"2.13.0"', '"2.99.0"').replace('"13.0", "13.2"', '"13.2", "14.1"')
    release = frameworks.torch_of(matrix)

    releases = tomllib.loads(frameworks.with_torch(FRAMEWORKS, release))["torch"]["releases"]
    indexes = {row["label"]: row for row in tomllib.loads(frameworks.with_indexes(ACCELERATORS, release))["index"]}

    assert releases[-1] == {"version": "2.99", "first": "3.10", "last": "3.14"}
    assert indexes["cu141"] == {"kind": "cuda", "label": "cu141", "version": "14.1", "first": "2.99", "driver": ""}
    assert (indexes["cu130"]["last"], "last" in indexes["cu132"]) == ("2.98", False)
    assert "last" not in indexes["cpu"]


@pytest.mark.parametrize(
    "page",
    ["", PAGE.replace("#### GPU", "#### CUDA"), PAGE.replace("<td>3.9-3.12</td>", "<td>many</td>")],
    ids=["empty", "without its heading", "with other cells"],
)
def test_a_page_that_changed_is_told_and_not_taken(page: str) -> None:
    with pytest.raises(Changed, match="has the page changed"):
        frameworks.tensorflow_of(page)


@pytest.mark.parametrize("gone", ["CURRENT_STABLE_VERSION = ", "ROCM_ARCHES_DICT = ", '"release": ["12.6"'])
def test_a_script_that_changed_is_told_and_not_taken(gone: str) -> None:
    with pytest.raises(Changed, match="has the page changed"):
        frameworks.torch_of(MATRIX.replace(gone, gone.replace("E", "X").replace("release", "stable"), 1))


def test_where_a_source_changed_no_table_is_written(tmp_path: Path) -> None:
    (tmp_path / "frameworks.toml").write_text(FRAMEWORKS, encoding="utf-8")
    (tmp_path / "accelerators.toml").write_text(ACCELERATORS, encoding="utf-8")
    (tmp_path / "matrix.txt").write_text("", encoding="utf-8")
    page, matrix = SOURCES / "tensorflow.md", tmp_path / "matrix.txt"

    with pytest.raises(SystemExit, match="has the page changed"):
        frameworks.main(["--tensorflow", str(page), "--torch", str(matrix), "--data", str(tmp_path)])

    assert (tmp_path / "frameworks.toml").read_text(encoding="utf-8") == FRAMEWORKS


def test_both_tables_are_written_from_files(tmp_path: Path) -> None:
    (tmp_path / "frameworks.toml").write_text(FRAMEWORKS, encoding="utf-8")
    (tmp_path / "accelerators.toml").write_text(ACCELERATORS, encoding="utf-8")
    page, matrix = SOURCES / "tensorflow.md", SOURCES / "torch_matrix.txt"

    frameworks.main(["--tensorflow", str(page), "--torch", str(matrix), "--data", str(tmp_path)])

    assert (tmp_path / "frameworks.toml").read_text(encoding="utf-8") == FRAMEWORKS
