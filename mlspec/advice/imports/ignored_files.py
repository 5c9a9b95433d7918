"""The import of a .dockerignore: what it leaves out of the image, ``include`` leaves out."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mlspec.advice.imports.verdicts import ImportSource, LineVerdict
from mlspec.plan.ignore_file import NEVER_COPIED

_EVERYTHING = {"*", "**", "**/*", "/*", "."}
# Files that describe the image, which the program does not read.
_OF_THE_IMAGE = re.compile(
    r"\.dockerignore|(?:[\w.*-]*\.)?Dockerfile[\w.*-]*|(?:docker-)?compose[\w.*-]*|\.git\*?|\.github"
)


def read_ignored(source: ImportSource) -> Iterator[LineVerdict]:
    """Yield the verdicts on the patterns of a .dockerignore."""
    has_whole = False
    for number, written in enumerate(source.lines, 1):
        pattern = written.strip()
        if not pattern or pattern.startswith("#"):
            continue
        bare = _strip(pattern.removeprefix("!"))
        if pattern in _EVERYTHING:
            has_whole = True
            yield source.carry(number, pattern, why="include names the files that are copied")
        elif _is_never_copied(bare) and not pattern.startswith("!"):
            yield source.carry(number, pattern, why="mlspec never copies it")
        else:
            if not has_whole:
                # An entry that leaves something out needs one that includes it.
                yield source.carry(number, pattern, "include", ".")
                has_whole = True
            yield source.carry(number, pattern, "include", bare if pattern.startswith("!") else f"!{bare}")


def _strip(pattern: str) -> str:
    return re.sub(r"/\*{1,2}$", "", pattern.strip()).strip("/").removeprefix("./")


def _is_never_copied(pattern: str) -> bool:
    name = pattern.removeprefix("**/")
    never = {_strip(line).removeprefix("**/") for line in NEVER_COPIED} | {
        "*.pyc",
        "*.pyo",
        "*.pyd",
        "*.py[co]",
        ".git",
    }
    return name in never or bool(_OF_THE_IMAGE.fullmatch(name))
