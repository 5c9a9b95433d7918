"""Prove the rows of ``mlspec/facts/data/system_libraries.toml`` in containers; run by ``make refresh-libraries``.

A row of ``package`` is proven if its ``proof`` fails in a slim image with the newest wheel of the package, and works
after its Debian packages are installed. A row of ``whole`` is proven if its ``proof`` works at once. The script writes
the version, the base and the day of the proof into the row. Arguments are names of packages, by default all.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

BASE = os.environ.get("BASE", "python:3.11-slim")
PLACE = Path(__file__).parents[2] / "mlspec" / "facts" / "data" / "system_libraries.toml"
# The script of a container. It prints the exit codes of the proof before and after apt, the version and the release.
# Java does not install without the folder. Docker Hub's slim images have it, replacements of these images may not:
# https://github.com/debuerreotype/debuerreotype/pull/116
SCRIPT = r"""
mkdir -p /usr/share/man/man1
pip install --quiet --root-user-action ignore --disable-pip-version-check --prefer-binary "$REQUIREMENT" >&2 || exit 9
python -c "$PROOF" >&2; before=$?
after=$before
if [ -n "$APT" ]; then
  apt-get update -qq >&2 && apt-get install -y -qq --no-install-recommends $APT >&2 || exit 8
  python -c "$PROOF" >&2; after=$?
fi
name=$(echo "$REQUIREMENT" | sed 's/\[.*//')
version=$(python -c "import sys; from importlib.metadata import version; print(version(sys.argv[1]))" "$name")
. /etc/os-release
echo "=> $before $after $version $VERSION_CODENAME"
"""


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a proof: whether it holds, the version, the observation and the Debian release."""

    is_proof: bool
    version: str
    seen: str
    codename: str = ""


def tried(row: Mapping[str, Any]) -> Result:
    """Run the proof of a row in a new container."""
    given = {"REQUIREMENT": row["package"], "PROOF": row["proof"], "APT": " ".join(row.get("apt", ()))}
    options = [word for name, value in given.items() for word in ("--env", f"{name}={value}")]
    command = ["docker", "run", "--rm", *options, BASE, "sh", "-c", SCRIPT]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1200)
    found = re.search(r"^=> (\d+) (\d+) (\S+) (\S+)$", done.stdout, re.MULTILINE)
    if not found:
        return Result(False, "", f"exit code {done.returncode}: {done.stderr[-600:]}")
    fails, still_fails = found[1] != "0", found[2] != "0"
    is_proof = fails and not still_fails if "apt" in row else not fails
    seen = f"it {'fails' if fails else 'works'} alone, and {'fails' if still_fails else 'works'} with its packages"
    seen = seen if "apt" in row else seen.partition(",")[0]
    return Result(is_proof, found[3], seen if is_proof else f"{seen}\n{done.stderr[-600:]}", found[4])


def noted(text: str, package: str, note: str) -> str:
    """Replace the note of a package's proof in the table."""
    blocks = re.split(r"(?m)^(?=\[\[)", text)
    for number, block in enumerate(blocks):
        if f'\npackage = "{package}"\n' in block and "\nproof = " in block:
            without = re.sub(r'(?m)^proven = ".*"\n', "", block)
            blocks[number] = re.sub(r"(?m)^(proof = .*\n)", lambda line: f'{line[1]}proven = "{note}"\n', without)
    return "".join(blocks)


def main(wanted: list[str]) -> int:
    """Prove the rows one after the other, and write the notes of successful proofs."""
    table, failed = tomllib.loads(PLACE.read_text(encoding="utf-8")), 0
    for row in (*table["package"], *table["whole"]):
        if "proof" not in row or (wanted and row["package"] not in wanted):
            continue
        result = tried(row)
        name = f"{row['package']} {result.version}".strip()
        sys.stdout.write(f"{name}: {'' if result.is_proof else 'NOT PROVEN, '}{result.seen}\n")
        sys.stdout.flush()
        failed += not result.is_proof
        if result.is_proof:
            note = f"{result.version} in {BASE} ({result.codename}), {datetime.now(UTC).date()}"
            PLACE.write_text(noted(PLACE.read_text(encoding="utf-8"), row["package"], note), encoding="utf-8")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
