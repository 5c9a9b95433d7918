"""Tests of the metadata that a resolution keeps of a wheel."""

from __future__ import annotations

import email

import pytest

from mlspec.host.resolver.child.wheel_metadata import shorten_metadata

HEAD = b"Metadata-Version: 2.1\nName: a\nVersion: 1\nSummary: x\n  Name: y\n"
SEPARATE = b"Requires-Dist: b\n  >1\nrequires-dist: c\nProvides-Extra: d\nRequires-Python: >=3.9\n\n"


def read(text: bytes) -> list[list[str] | None]:
    said = email.message_from_string(text.decode())
    return [said.get_all(key) for key in ("Name", "Version", "Requires-Dist", "Provides-Extra", "Requires-Python")]


@pytest.mark.parametrize(
    "text",
    [
        HEAD + SEPARATE,
        HEAD + SEPARATE + b"Requires-Dist: in-the-description",
        (HEAD + SEPARATE + b"Name: z").replace(b"\n", b"\r\n"),
        HEAD + b"Requires-Dist: b",
    ],
)
def test_shorter_metadata_says_the_same(text: bytes) -> None:
    assert read(shorten_metadata(text)) == read(text)
    assert b"Summary" not in shorten_metadata(text)


@pytest.mark.parametrize("text", [b"", HEAD + b"not a header\nRequires-Dist: b\n", b"\n" + HEAD])
def test_malformed_metadata_stays_as_it_is(text: bytes) -> None:
    assert shorten_metadata(text) == text
