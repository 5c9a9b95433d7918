"""The programs that wheels install: entry points and script files, read from the wheels."""

from __future__ import annotations

import configparser
import contextlib
import json
import re
import zipfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pip._internal.models.link import Link

from mlspec.host.resolver.child.loads import digest_of
from mlspec.host.resolver.child.ranges import RangedFile, Unsupported

_SECTIONS = ("console_scripts", "gui_scripts")


class _EntryPoints(configparser.ConfigParser):
    """A parser for entry_points.txt that keeps upper case in names."""

    def optionxform(self, optionstr: str) -> str:
        return optionstr


def find_programs(
    session: Any,  # noqa: ANN401 - pip's session
    links: Iterable[tuple[str, Link]],
    job: dict[str, Any],
) -> dict[str, str]:
    """Return the package that installs each program of the job; an empty text if no package installs it.

    A program is left out if its package is unknown. The programs of a source are unknown, and so are those of a wheel
    on a server without range requests.
    """
    wheels = sorted(links, key=lambda pair: pair[0])
    cache = Path(job["cache"], "programs")
    with ThreadPoolExecutor(8) as pool:
        read = list(pool.map(lambda pair: _programs_of(session, pair[1], cache), wheels))
    found: dict[str, str] = {}
    for program in job["programs"]:
        bringer = next((name for (name, _), own in zip(wheels, read, strict=True) if own and program in own), "")
        if bringer or None not in read:
            found[program] = bringer
    return found


def _programs_of(session: Any, link: Link, cache: Path) -> list[str] | None:  # noqa: ANN401 - pip's session
    """Return the names of the programs in a wheel, from the cache or from the end of the file; None if unknown."""
    digest = digest_of(link)
    if not link.is_wheel:
        return None
    with contextlib.suppress(OSError, ValueError):
        kept = json.loads((cache / digest).read_bytes()) if digest else None
        if isinstance(kept, list):
            return [str(name) for name in kept]
    try:
        with zipfile.ZipFile(RangedFile(session, link)) as archive:
            programs = sorted(_read(archive))
    except (OSError, Unsupported, zipfile.BadZipFile, EOFError, UnicodeError, configparser.Error):
        return None
    if digest:
        with contextlib.suppress(OSError):
            cache.mkdir(parents=True, exist_ok=True)
            (cache / digest).write_text(json.dumps(programs), encoding="utf-8")
    return programs


def _read(archive: zipfile.ZipFile) -> set[str]:
    names = archive.namelist()
    found = {match[1] for name in names if (match := re.fullmatch(r"[^/]+\.data/scripts/([^/]+)", name))}
    entry_points = next((name for name in names if re.fullmatch(r"[^/]+\.dist-info/entry_points\.txt", name)), "")
    if entry_points:
        reader = _EntryPoints(delimiters=("=",), strict=False, interpolation=None)
        reader.read_string(archive.read(entry_points).decode("utf-8"))
        found |= {name for section in _SECTIONS if reader.has_section(section) for name in reader[section]}
    return found
