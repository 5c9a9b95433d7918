"""Tests of the script that reads Python's release cycle and the official image's history, with frozen sources."""

from __future__ import annotations

import json
import subprocess
import tomllib
from pathlib import Path

import pytest

import pythons
from sources import Changed
from tests.support.places import PROJECT

SOURCES = Path(__file__).parent / "sources"
TABLE = (PROJECT / "mlspec" / "facts" / "data" / "python.toml").read_text(encoding="utf-8")
# The release cycle of https://github.com/python/peps at ba4deeb, from Python 3.8 on.
CYCLE = (SOURCES / "release_cycle.json").read_text(encoding="utf-8")
# The history of https://github.com/docker-library/python up to 4f07059: the commits that added or removed a variant,
# and the commits before them.
HISTORY = [json.dumps(snapshot) for snapshot in json.loads((SOURCES / "python_images.json").read_text("utf-8"))]
VERSIONS, VARIANTS = pythons.known_of(TABLE)


def cycle_with(python: str, **changes: str) -> str:
    cycle = json.loads(CYCLE)
    return json.dumps({**cycle, python: {**cycle[python], **changes}})


def test_the_table_says_what_its_sources_said() -> None:
    versions, variants = pythons.versions_of(CYCLE, VERSIONS), pythons.variants_of(HISTORY, VARIANTS)

    assert pythons.with_rows(TABLE, versions, variants) == TABLE


def test_a_copy_that_is_older_than_the_table_turns_nothing_back() -> None:
    old = cycle_with("3.12", status="bugfix")

    assert pythons.versions_of(old, VERSIONS) == VERSIONS


def test_a_version_that_moved_on_is_written_with_the_last_day_of_its_last_month() -> None:
    rows = pythons.versions_of(cycle_with("3.15", status="security", end_of_life="2032-02"), VERSIONS)

    assert rows[-1] == {
        "python": "3.15",
        "status": "security",
        "released": "2026-10-01",
        "end_of_life": "2032-02-29",
    }


def test_a_version_gets_a_row_when_it_is_out() -> None:
    out = pythons.versions_of(cycle_with("3.16", status="bugfix"), VERSIONS)

    assert [row["python"] for row in out][-2:] == ["3.15", "3.16"]


@pytest.mark.parametrize("cycle", ["", "[]", '{"3.13": {"status": "bugfix"}}'])
def test_a_cycle_that_changed_is_told_and_not_taken(cycle: str) -> None:
    with pytest.raises(Changed):
        pythons.versions_of(cycle, VERSIONS)


def test_an_image_that_is_built_no_more_ends_with_the_last_version_it_had() -> None:
    last = json.loads(HISTORY[-1])
    last["3.14"] = {"version": "3.14.9", "variants": ["slim-trixie", "slim-forky"]}

    rows = [row for row in pythons.variants_of([*HISTORY, json.dumps(last)], VARIANTS) if row["python"] == "3.14"]

    assert rows == [
        {"python": "3.14", "codename": "trixie", "first": "3.14.0"},
        {"python": "3.14", "codename": "bookworm", "first": "3.14.0", "last": "3.14.6"},
        {"python": "3.14", "codename": "forky", "first": "3.14.9"},
    ]


def test_a_history_without_images_is_told() -> None:
    with pytest.raises(Changed, match="names no slim variant"):
        pythons.variants_of(["{}"], VARIANTS)


def test_the_history_is_that_of_a_repository(tmp_path: Path) -> None:
    def git(*words: str) -> None:
        settings = ("-c", "user.name=me", "-c", "user.email=me@example.com", "-c", "commit.gpgsign=false")
        subprocess.run(["git", "-C", tmp_path, *settings, *words], check=True, capture_output=True)

    git("init")
    for text in HISTORY[:2]:
        (tmp_path / "versions.json").write_text(text)
        git("add", "versions.json")
        git("commit", "-m", "update")

    assert pythons.history(str(tmp_path)) == HISTORY[:2]


def test_where_a_source_changed_the_table_is_not_written(tmp_path: Path) -> None:
    (tmp_path / "python.toml").write_text(TABLE, encoding="utf-8")
    (tmp_path / "cycle.json").write_text("[]")

    with pytest.raises(SystemExit, match="has the page changed"):
        pythons.main(["--cycle", str(tmp_path / "cycle.json"), "--images", ".", "--data", str(tmp_path)])

    assert tomllib.loads((tmp_path / "python.toml").read_text(encoding="utf-8")) == tomllib.loads(TABLE)
