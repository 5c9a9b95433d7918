"""The names of files that are still being written, beside those whose places they will take."""

from __future__ import annotations

import re

UNFINISHED = ".mlspec.tmp"
"""How a file's name ends, behind a dot and its own name, while mlspec writes it; a killed process leaves such files."""
_NAME = re.compile(rf"\..+\.(?P<batch>[0-9a-f]{{8}}){re.escape(UNFINISHED)}")
_JOURNAL = "journal"


def unfinished_name(name: str, batch: str) -> str:
    """Return what a file is called while it is written together with the others of a batch, eight digits in hex."""
    return f".{name}.{batch}{UNFINISHED}"


def journal_name(batch: str) -> str:
    """Return the name of the file that lists the files of a batch once all of them are ready."""
    return unfinished_name(_JOURNAL, batch)


def batch_of(name: str) -> str:
    """Return the batch that a file in the making belongs to; empty for any other file."""
    found = _NAME.fullmatch(name)
    return found["batch"] if found else ""
