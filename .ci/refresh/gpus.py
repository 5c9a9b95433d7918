"""Merge NVIDIA's GPUs and their compute capabilities into ``mlspec/facts/data/gpus.toml``, from saved pages.

Save https://developer.nvidia.com/cuda-gpus and https://developer.nvidia.com/cuda-legacy-gpus in a browser as HTML, and
name the files: ``gpus.py cuda-gpus.html cuda-legacy-gpus.html``. The script reads each table row that has one compute
capability, and names in its other cells. It adds new names and removes none, because the table has more names than the
pages. Read the diff, and update `source` and `checked`.
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from html.parser import HTMLParser
from pathlib import Path

from mlspec.facts.frameworks import plain_gpu
from sources import DATA, Changed, number, replaced

# The oldest capability that mlspec's oldest torch has kernels for.
_OLDEST = (5, 0)


class Tables(HTMLParser):
    """The tables of a page, as rows of cells; a cell is a list of the lines of its text."""

    def __init__(self, page: str) -> None:
        """Parse a page."""
        super().__init__()
        self.rows: list[list[list[str]]] = []
        self._is_in_cell = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        """Begin a row, a cell, or a line in a cell."""
        if tag == "tr":
            self.rows.append([])
        elif tag in {"td", "th"} and self.rows:
            self.rows[-1].append([""])
            self._is_in_cell = True
        elif tag in {"br", "li", "p", "div"} and self._is_in_cell:
            self.rows[-1][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        """End a cell."""
        if tag in {"td", "th", "tr"}:
            self._is_in_cell = False

    def handle_data(self, data: str) -> None:
        """Append text to the current line."""
        if self._is_in_cell:
            self.rows[-1][-1][-1] += data


def gpus_of(page: str) -> dict[str, str]:
    """Return the normalized names of GPUs with their capabilities. Raises Changed if the page has none."""
    found: dict[str, str] = {}
    for row in Tables(page).rows:
        cells = [[" ".join(line.split()) for line in cell] for cell in row]
        capabilities = [text for cell in cells if re.fullmatch(r"\d+\.\d", text := "".join(cell))]
        if len(capabilities) == 1 and number(capabilities[0]) >= _OLDEST:
            names = (line for cell in cells for line in cell if line and line != capabilities[0])
            found |= {name: capabilities[0] for name in map(plain_gpu, names) if re.fullmatch(r"[a-z0-9]+", name)}
    if not found:
        raise Changed("no row with a compute capability and names")
    return found


def with_gpus(table: str, found: Mapping[str, str]) -> str:
    """Add the missing GPUs to the table. Raises Changed if the table has another capability for a GPU."""
    rows: dict[str, list[str]] = tomllib.loads(table)["capabilities"]
    known = {name: capability for capability, names in rows.items() for name in names}
    others = {name: told for name, told in found.items() if known.get(name, told) != told}
    if others:
        raise Changed("; ".join(f"{name} is {told}, not {known[name]}" for name, told in others.items()))
    for name, capability in found.items():
        if name not in known:
            rows.setdefault(capability, []).append(name)
    return replaced(table, r"(\[capabilities\]\n).*", "".join(_lines(rows)))


def _lines(rows: Mapping[str, Iterable[str]]) -> Iterable[str]:
    for capability in sorted(rows, key=number):
        names = ", ".join(f'"{name}"' for name in rows[capability])
        yield f'"{capability}" = [{names}]\n'


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", type=Path, nargs="+", metavar="PAGE")
    parser.add_argument("--data", type=Path, default=DATA, metavar="FOLDER")
    asked = parser.parse_args(arguments)
    place = asked.data / "gpus.toml"
    table = place.read_text(encoding="utf-8")
    try:
        for page in asked.pages:
            table = with_gpus(table, gpus_of(page.read_text(encoding="utf-8")))
    except Changed as error:
        sys.exit(str(error))
    place.write_text(table, encoding="utf-8")
    sys.stdout.write("read the diff\n")


if __name__ == "__main__":
    main()
