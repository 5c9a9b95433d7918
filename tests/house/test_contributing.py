"""The files that CONTRIBUTING names are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_PATH = re.compile(r"`((?:[\w.*-]+/)+(?:[\w.*-]+)?)`|`([\w-]+\.py)`")
# What a reader is told to write, and a folder that documentation is built into.
_TO_WRITE = {"targets/NAME.py", "site/"}


def named_paths() -> list[str]:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    found = (match.group(1) or match.group(2) for match in _PATH.finditer(text))
    return sorted({path for path in found if path not in _TO_WRITE and "NAME" not in path})


@pytest.mark.parametrize("path", named_paths())
def test_a_path_in_contributing_is_there(path: str) -> None:
    places = (ROOT, ROOT / "mlspec", ROOT / ".ci" / "refresh", ROOT / ".ci")

    assert any(any(place.glob(path.rstrip("/"))) for place in places), path
