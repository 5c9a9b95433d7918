"""Tests of the script that merges NVIDIA's pages, with small pages of the same layout."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

import gpus
from sources import Changed
from tests.support.places import PROJECT

TABLE = (PROJECT / "mlspec" / "facts" / "data" / "gpus.toml").read_text(encoding="utf-8")
NEW = """
<h2>GPUs</h2><table>
<thead><tr><th>Compute Capability</th><th>Data Center</th><th>Workstation/Consumer</th><th>Jetson</th></tr></thead>
<tbody>
<tr><td>99.0</td><td><p>NVIDIA X100</p></td><td>GeForce RTX 9090<br>GeForce RTX 9080&nbsp;Ti</td><td></td></tr>
<tr><td>9.0</td><td>NVIDIA H100<br/>NVIDIA H300</td><td></td><td></td></tr>
<tr><td>3.5</td><td>Tesla K40</td><td></td><td></td></tr>
</tbody></table>
"""
LEGACY = """
<table><tr><th>GPU</th><th>Compute Capability</th></tr>
<tr><td><a href="/x">Tesla P100</a></td><td>6.0</td></tr>
<tr><td>Quadro P2000</td><td> 6.1 </td></tr></table>
"""


def test_names_are_read_in_both_layouts_as_people_write_them() -> None:
    assert gpus.gpus_of(NEW) == {"x100": "99.0", "rtx9090": "99.0", "rtx9080ti": "99.0", "h100": "9.0", "h300": "9.0"}
    assert gpus.gpus_of(LEGACY) == {"p100": "6.0", "p2000": "6.1"}


def test_what_is_new_is_added_and_all_else_stands() -> None:
    table = gpus.with_gpus(TABLE, gpus.gpus_of(NEW))
    before, after = (tomllib.loads(text)["capabilities"] for text in (TABLE, table))

    assert after == {**before, "9.0": [*before["9.0"], "h300"], "99.0": ["x100", "rtx9090", "rtx9080ti"]}
    assert table.startswith(TABLE.partition('"5.0"')[0])


def test_what_is_known_already_changes_nothing() -> None:
    assert gpus.with_gpus(TABLE, {"h100": "9.0", "rtx5090": "12.0"}) == TABLE


def test_another_capability_than_the_known_one_is_told() -> None:
    with pytest.raises(Changed, match=r"h100 is 9\.9, not 9\.0"):
        gpus.with_gpus(TABLE, {"h100": "9.9"})


def test_a_page_without_such_a_table_is_told_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "gpus.toml").write_text(TABLE, encoding="utf-8")
    (tmp_path / "new.html").write_text(NEW, encoding="utf-8")
    (tmp_path / "page.html").write_text("<table><tr><td>NVIDIA H100</td></tr></table>", encoding="utf-8")

    with pytest.raises(SystemExit, match="has the page changed"):
        gpus.main([str(tmp_path / "new.html"), str(tmp_path / "page.html"), "--data", str(tmp_path)])

    assert (tmp_path / "gpus.toml").read_text(encoding="utf-8") == TABLE
