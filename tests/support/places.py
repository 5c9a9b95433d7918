"""Where what tests read stands: the project, and the folders with input that tests of several folders share."""

from __future__ import annotations

from pathlib import Path

TESTS = Path(__file__).parents[1]
PROJECT = TESTS.parent
BAD = TESTS / "spec" / "bad"
WARNED = TESTS / "advice" / "lint" / "warned"
# Specs of single keys, and what each draws; the examples, with locks, are PROJECT / "specs".
SPECS = TESTS / "targets" / "specs"
DRAWN = TESTS / "targets" / "drawn"


def bad_specs() -> list[Path]:
    """Return the specs that are wrong; beside each stands what is said of it."""
    return sorted(path for path in BAD.iterdir() if path.suffix in {".yaml", ".bin"})
