"""The changes of a repair, printed as a unified diff."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING

from mlspec.cli.terminal import answer_file

if TYPE_CHECKING:
    from mlspec.spec.fixes import Settled


def show(path: Path, settled: Settled) -> None:
    """Print a unified diff of a spec and its repaired text on stdout."""
    before, after = (document.text.splitlines() for document in (settled.before, settled.document))
    lines = difflib.unified_diff(before, after, fromfile=path.as_posix(), tofile=path.as_posix(), lineterm="")
    for line in lines:
        answer_file(f"{line}\n")
