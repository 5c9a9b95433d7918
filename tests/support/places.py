"""The paths of the project and of the input folders that tests in several folders share."""

from __future__ import annotations

from pathlib import Path

TESTS = Path(__file__).parents[1]
PROJECT = TESTS.parent
BAD = TESTS / "spec" / "bad"
WARNED = TESTS / "advice" / "lint" / "warned"
# Specs of single keys, and the files drawn from each. The examples, with locks, are in PROJECT / "specs".
SPECS = TESTS / "targets" / "specs"
DRAWN = TESTS / "targets" / "drawn"


def bad_specs() -> list[Path]:
    """Return the paths of the invalid specs; the expected message is a file beside each."""
    return sorted(path for path in BAD.iterdir() if path.suffix in {".yaml", ".bin"})
