"""Write ``mlspec/facts/data/debian_packages.txt.xz`` from the package indexes of Debian; run by ``make refresh``.

Each line is a name and the releases that have it, as a sum of powers of two in the order of the first line.
"""

from __future__ import annotations

import lzma
import os
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import requests

from mlspec.facts.debian_packages import is_listed

MIRROR = os.environ.get("DEBIAN_MIRROR", "http://deb.debian.org/debian")
RELEASES = ("bullseye", "bookworm", "trixie")
ARCHITECTURES = ("amd64", "arm64")
PLACE = Path(__file__).parents[2] / "mlspec" / "facts" / "data" / "debian_packages.txt.xz"


def names(release: str, architecture: str) -> Iterator[str]:
    """Yield the names of all packages of a release, and the names that packages provide."""
    url = f"{MIRROR}/dists/{release}/main/binary-{architecture}/Packages.xz"
    answer = requests.get(url, timeout=300)
    answer.raise_for_status()
    for line in lzma.decompress(answer.content).decode().splitlines():
        key, _, value = line.partition(": ")
        if key in {"Package", "Provides"}:
            yield from (re.split(r"[ (:]", entry.strip())[0] for entry in value.split(","))


def main() -> None:
    """Write the table, and print its size."""
    rows: dict[str, int] = {}
    for number, release in enumerate(RELEASES):
        for architecture in ARCHITECTURES:
            for name in filter(is_listed, names(release, architecture)):
                rows[name] = rows.get(name, 0) | 1 << number
    checked = datetime.now(UTC).date()
    heading = f"main of the package indexes of Debian, checked {checked}, releases: {' '.join(RELEASES)}"
    text = "".join(
        f"{line}\n" for line in (heading, *(f"{name} {releases}" for name, releases in sorted(rows.items())))
    )
    PLACE.write_bytes(lzma.compress(text.encode("ascii"), preset=9 | lzma.PRESET_EXTREME))
    sys.stdout.write(f"{len(rows):,} names, {PLACE.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main()
