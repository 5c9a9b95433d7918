"""Helpers of the refresh scripts: the folder of the tables, and functions to read sources and replace rows."""

from __future__ import annotations

import re
from pathlib import Path

DATA = Path(__file__).parents[2] / "mlspec" / "facts" / "data"


class Changed(Exception):
    """An error: the format of a source changed."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what}: has the page changed?")


def read(source: str) -> str:
    """Read the text at a path or a URL."""
    if "://" not in source:
        return Path(source).read_text(encoding="utf-8")
    import requests

    answer = requests.get(source, timeout=60)
    answer.raise_for_status()
    return answer.text


def replaced(text: str, pattern: str, rows: str) -> str:
    """Replace the match of a pattern by its first group and ``rows``. Raises Changed without a match."""
    found, count = re.subn(pattern, lambda match: f"{match[1]}{rows}", text, count=1, flags=re.DOTALL)
    if not count:
        raise Changed(f"nothing in the table is as {pattern}")
    return found


def list_of(table: str, section: str, key: str) -> list[str]:
    """Return the lines of a list in a section of a table. Raises Changed if the table has no such list."""
    found = re.search(rf"\n\[{section}\]\n(?:(?!\n\[).)*?{key} = \[\n(.*?)\]\n", table, re.DOTALL)
    if not found:
        raise Changed(f"no {key} of [{section}] in the table")
    return found[1].splitlines(keepends=True)


def with_list(table: str, section: str, key: str, lines: list[str]) -> str:
    """Replace the lines of a list in a section of a table. Raises Changed if the table has no such list."""
    return replaced(table, rf"(?<=\n\[{section}\]\n)(.*?{key} = \[\n).*?(?=\]\n)", "".join(lines))


def minor(version: str) -> str:
    """Return the minor version of a version, such as 2.9."""
    return ".".join(version.split(".")[:2])


def number(version: str) -> tuple[int, ...]:
    """Return the numbers of a version. Raises ValueError if the version has other parts."""
    return tuple(map(int, version.split(".")))
