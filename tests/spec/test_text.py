"""Tests of sizes in bytes: formatted for people, and parsed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlspec.text import format_size, parse_size


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (2_147_483_648, "2.1 GB"),
    ],
)
def test_sizes_are_shown_as_people_read_them(size: int, shown: str) -> None:
    assert format_size(size) == shown


@given(st.integers(0, 10**13))
def test_a_size_that_is_read_is_shown_the_same(size: int) -> None:
    found = parse_size(format_size(size))

    assert found is not None
    assert format_size(found) == format_size(size)


@pytest.mark.parametrize("text", ["", "16.6", "16.6MB", "1.2.3 MB", ". MB", "16.6 MiB", "via numpy"])
def test_what_is_no_size_is_not_read(text: str) -> None:
    assert parse_size(text) is None
