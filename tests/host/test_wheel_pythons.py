"""Tests of the Pythons that pinned releases have wheels for, from an index."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mlspec.host.network.wheel_pythons import find_wheel_pythons
from tests.support.index import PackageIndex, serving, wheel

LINUX = "manylinux_2_17_x86_64.manylinux2014_x86_64"


@pytest.fixture(autouse=True)
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[PackageIndex]:
    files = (
        wheel("compiled", "1", tag=f"cp311-cp311-{LINUX}"),
        wheel("compiled", "1", tag=f"cp312-cp312-{LINUX}"),
        wheel("compiled", "1", tag="cp313-cp313-win_amd64"),
        wheel("compiled", "2", tag=f"cp313-cp313-{LINUX}"),
        wheel("stable", "1", tag=f"cp312-abi3-{LINUX}"),
        wheel("pure", "1"),
        wheel("bounded", "1", requires_python=">=3.8,<3.12"),
    )
    with serving(*files) as served:
        monkeypatch.setenv("MLSPEC_INDEX_URL", served.url)
        yield served


def test_a_release_with_compiled_wheels_is_for_their_pythons() -> None:
    assert find_wheel_pythons(["compiled==1"]) == {"compiled==1": frozenset({"3.11", "3.12"})}


def test_a_stable_abi_is_for_later_pythons_too() -> None:
    assert {"3.12", "3.13"} <= (find_wheel_pythons(["stable==1"]) or {})["stable==1"]
    assert "3.11" not in (find_wheel_pythons(["stable==1"]) or {})["stable==1"]


def test_a_wheel_for_any_python_and_a_missing_package_say_nothing() -> None:
    assert find_wheel_pythons(["pure==1", "missing==1"]) == {}


def test_a_wheel_for_any_python_is_for_those_that_its_release_allows() -> None:
    found = (find_wheel_pythons(["bounded==1"]) or {})["bounded==1"]

    assert {"3.10", "3.11"} <= found
    assert "3.12" not in found


def test_an_index_that_fails_is_told(index: PackageIndex) -> None:
    index.status = 503

    assert find_wheel_pythons(["compiled==1"]) is None
