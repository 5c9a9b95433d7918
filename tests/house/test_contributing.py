"""Tests that the files named in CONTRIBUTING exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_PATH = re.compile(r"`((?:[\w.*-]+/)+(?:[\w.*-]+)?)`|`([\w-]+\.py)`")
# Files that a reader of CONTRIBUTING writes, and the output folder of the documentation.
_TO_WRITE = {"targets/NAME.py", "cli/NAME.py", "site/"}


def named_paths() -> list[str]:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    found = (match.group(1) or match.group(2) for match in _PATH.finditer(text))
    return sorted({path for path in found if path not in _TO_WRITE and "NAME" not in path})


def test_a_path_in_contributing_is_there() -> None:
    places = (ROOT, ROOT / "mlspec", ROOT / ".ci" / "refresh", ROOT / ".ci")
    paths = named_paths()

    assert paths
    assert [path for path in paths if not any(any(place.glob(path.rstrip("/"))) for place in places)] == []


def named_words() -> list[tuple[str, str]]:
    """Return the modules in CONTRIBUTING, each with a name that the module must contain."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rows = re.findall(r"`([\w/]+\.py)`: ((?:`\w+`(?:, | or )?)+)", text)
    return [(path, name) for path, names in rows for name in re.findall(r"`(\w+)`", names)]


def test_contributing_names_what_to_find_in_modules() -> None:
    assert len(named_words()) > 10


@pytest.mark.parametrize(("path", "name"), named_words())
def test_a_name_in_contributing_is_there(path: str, name: str) -> None:
    text = (ROOT / "mlspec" / path).read_text(encoding="utf-8")

    assert re.search(rf"^(?:    )?(?:def |class )?{name}\b", text, re.MULTILINE)
