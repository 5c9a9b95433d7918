"""Write ``mlspec/facts/data/python.toml``; run by ``make refresh``.

The dates come from the release cycle that Python's core developers publish as JSON. The variants come from the whole
history of the official image's versions.json. Each source is a path or an address: ``--cycle`` names the JSON, and
``--images`` the git repository, which the script clones. Read the diff, and update `source` and `checked`.
"""

from __future__ import annotations

import argparse
import calendar
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sources import DATA, Changed, number, read

CYCLE = "https://peps.python.org/api/release-cycle.json"
IMAGES = "https://github.com/docker-library/python"

_OLDEST = (3, 8)
_DATES = ("released", "end_of_life")
# The states of a released version, in order. A copy of the cycle that is older than the table resets no state.
_STATES = ("bugfix", "security", "end of life")

Row = Mapping[str, str]


# The versions


def versions_of(cycle: str, known: Sequence[Row]) -> list[Row]:
    """Return a row for each released version, oldest first. Raises Changed if the format of the cycle is different."""
    try:
        versions: dict[str, dict[str, Any]] = json.loads(cycle)
        rows = {version: _version(version, told) for version, told in versions.items() if number(version) >= _OLDEST}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Changed(f"the release cycle has no {error}") from None
    before = {row["python"]: row for row in known}
    kept = (_newer(row, before.get(python)) for python, row in rows.items())
    found = {row["python"]: row for row in kept if row["status"] in _STATES}
    return sorted({**before, **found}.values(), key=lambda row: number(row["python"]))


def _version(python: str, told: Mapping[str, str]) -> Row:
    year, month, *day = told["end_of_life"].split("-")
    last = day[0] if day else f"{calendar.monthrange(int(year), int(month))[1]}"
    return {
        "python": python,
        "status": told["status"].replace("-", " "),
        "released": told["first_release"],
        "end_of_life": f"{year}-{month}-{last}",
    }


def _newer(row: Row, before: Row | None) -> Row:
    is_older = before and (row["status"] not in _STATES or _STATES.index(row["status"]) < _state(before))
    return {**row, "status": before["status"]} if before and is_older else row


def _state(row: Row) -> int:
    return _STATES.index(row["status"])


# The variants


def variants_of(history: Iterable[str], known: Sequence[Row]) -> list[Row]:
    """Return a row for each ``slim-CODENAME`` variant in the texts of versions.json, which are given oldest first.

    Rows of a Python that an old copy of the history lacks are kept. Raises Changed if there is no slim variant.
    """
    rows: dict[tuple[str, str], list[str]] = {}
    built: set[tuple[str, str]] = set()
    for text in history:
        seen = dict(_built(text))
        for key, patch in seen.items():
            rows.setdefault(key, []).append(patch)
        built = set(seen)
    if not built:
        raise Changed("versions.json names no slim variant")
    newer = [row for row in known if row["python"] not in {python for python, _ in rows}]
    return [
        {"python": python, "codename": codename, "first": min(patches, key=number)}
        | ({} if (python, codename) in built else {"last": max(patches, key=number)})
        for (python, codename), patches in rows.items()
    ] + newer


def _built(text: str) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield the Python and the codename of each slim variant, with its patch version."""
    versions: dict[str, dict[str, Any] | None] = json.loads(text)
    for python, told in versions.items():
        # A removed version is null for a while. Unreleased versions have names like 3.15-rc.
        if told and re.fullmatch(r"3\.\d+", python) and number(python) >= _OLDEST:
            names = (name for name in told["variants"] if re.fullmatch(r"slim-[a-z]+", name))
            yield from (((python, name.removeprefix("slim-")), told["version"]) for name in names)


def history(repository: str) -> list[str]:
    """Return the texts of versions.json in a git repository, oldest first; a remote repository is cloned."""
    if "://" in repository:
        with tempfile.TemporaryDirectory() as folder:
            words = ("clone", "--quiet", "--bare", "--single-branch", repository, folder)
            subprocess.run(["git", *words], check=True, timeout=600)
            return history(folder)
    named = _git(repository, "log", "--reverse", "--format=%H", "--", "versions.json").split()
    return [text for name in named if (text := _git(repository, "show", f"{name}:versions.json", check=False))]


def _git(repository: str, *words: str, check: bool = True) -> str:
    done = subprocess.run(["git", "-C", repository, *words], check=check, capture_output=True, text=True, timeout=60)
    return done.stdout


# The table


def known_of(table: str) -> tuple[list[Row], list[Row]]:
    """Return the rows of versions and the rows of variants in a table."""
    versions, variants = (tomllib.loads(table)[name] for name in ("version", "variant"))
    return [{key: str(value) for key, value in row.items()} for row in versions], variants


def with_rows(table: str, versions: Iterable[Row], variants: Iterable[Row]) -> str:
    """Replace the rows of the table, and keep its comments."""
    codenames = [
        row["codename"] for row in tomllib.loads((DATA / "debian.toml").read_text(encoding="utf-8"))["release"]
    ]
    ordered = sorted(variants, key=lambda row: (number(row["python"]), codenames.index(row["codename"])))
    head, _, rest = table.partition("[[version]]\n")
    comments = re.findall(r"^#.*\n", rest, re.MULTILINE)
    blocks = [f"[[version]]\n{_lines(row)}" for row in versions]
    more = [f"[[variant]]\n{_lines(row)}" for row in ordered]
    return head + "\n".join(blocks) + "\n" + "".join(comments) + "\n".join(more)


def _lines(row: Row) -> str:
    # TOML writes dates without quotes.
    return "".join(f"{key} = {value}\n" if key in _DATES else f'{key} = "{value}"\n' for key, value in row.items())


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cycle", default=CYCLE, metavar="JSON")
    parser.add_argument("--images", default=IMAGES, metavar="REPOSITORY")
    parser.add_argument("--data", type=Path, default=DATA, metavar="FOLDER")
    asked = parser.parse_args(arguments)
    place = asked.data / "python.toml"
    table = place.read_text(encoding="utf-8")
    versions, variants = known_of(table)
    try:
        versions, variants = versions_of(read(asked.cycle), versions), variants_of(history(asked.images), variants)
    except Changed as error:
        sys.exit(str(error))
    place.write_text(with_rows(table, versions, variants), encoding="utf-8")
    sys.stdout.write(f"{len(versions)} Pythons, {len(variants)} variants: read the diff\n")


if __name__ == "__main__":
    main()
