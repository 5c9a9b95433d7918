"""The names of unfinished files: mlspec writes a file beside its final path, then renames it."""

from __future__ import annotations

import re

UNFINISHED = ".mlspec.tmp"
"""The end of an unfinished file's name, after a dot and the final name; a killed process leaves such files behind."""
_NAME = re.compile(rf"\..+\.(?P<batch>[0-9a-f]{{8}}){re.escape(UNFINISHED)}")
_JOURNAL = "journal"


def unfinished_name(name: str, batch: str) -> str:
    """Return the name of an unfinished file; ``batch`` is eight hex digits, shared by files written together."""
    return f".{name}.{batch}{UNFINISHED}"


def journal_name(batch: str) -> str:
    """Return the name of the file that lists the files of a batch after all of them were written."""
    return unfinished_name(_JOURNAL, batch)


def batch_of(name: str) -> str:
    """Return the batch of an unfinished file, perhaps in a folder, or "" for any other file."""
    found = _NAME.fullmatch(name.rpartition("/")[2])
    return found["batch"] if found else ""
