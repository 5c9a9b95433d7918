"""System libraries that wheels load and that no wheel contains, read from the wheels themselves.

Only libraries that an import of the package may load count: its extension modules, and the libraries that these need,
in the same wheel or in another wheel. Plugins and backends do not count: a program loads them on demand, if at all.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pip._internal.models.link import Link
from pip._internal.models.wheel import Wheel as WheelName

from mlspec.facts import libraries
from mlspec.host.resolver.child.elf import needed_libraries
from mlspec.host.resolver.child.ranges import RangedFile, Unsupported
from mlspec.host.resolver.child.seen import Seen

_MOST_OF_FILE, _MOST_OF_WHEEL, _MOST_OF_ALL = 8_000_000, 24_000_000, 64_000_000
"""Limits in compressed bytes: larger files are skipped, and so are all files beyond the sum of a wheel or of all."""
_FORMAT = 2
_GAP = 128 * 1024


@dataclass
class Contents:
    """The known contents of a wheel: compressed sizes of its libraries by path, and the libraries that they need.

    ``allowed`` are the paths within the limits, ``passed`` are the paths beyond the limits.
    """

    name: str
    link: Link
    digest: str
    sizes: dict[str, int] = field(default_factory=dict)
    needs: dict[str, list[str]] = field(default_factory=dict)
    allowed: set[str] = field(default_factory=set)
    passed: set[str] = field(default_factory=set)
    fetched: int = 0
    is_known: bool = False

    @property
    def modules(self) -> list[str]:
        """The extension modules, without those in folders of tests, plugins and examples."""
        return sorted(path for path in self.sizes if _is_module(path))


def _is_module(path: str) -> bool:
    *folders, name = path.split("/")
    aside = {"tests", "test", "plugins", "examples", "_examples"}
    return name.endswith(".so") and not name.startswith("lib") and not aside & set(folders)


def look(
    session: Any,  # noqa: ANN401 - pip's session
    links: Iterable[tuple[str, Link]],
    job: dict[str, Any],
    seen: Seen,
) -> dict[str, list[list[str]]]:
    """Return for each package the system libraries that its wheel loads, each with the file that loads it.

    A library in any of the wheels does not count. Packages with known libraries in mlspec's tables are left out.
    """
    proven = [*(row.package for row in libraries.whole_packages()), *(row.package for row in libraries.needs())]
    known = {package.partition("[")[0] for package in proven}
    wheels = [
        Contents(name, link, digest)
        for name, link in links
        if link.is_wheel and name not in known and _is_for_platform(link) and (digest := digest_of(link))
    ]
    looker = _Looker(session, Path(job["cache"], "loads"), wheels)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(looker.list_contents, wheels))
        while looker.goes_on():
            list(pool.map(lambda pair: looker.read(*pair), list(looker.affordable())))
    found = {wheel.name: looker.outside(wheel) for wheel in wheels}
    looker.remember()
    if wheels:
        _tell(wheels, seen)
    return {name: rows for name, rows in found.items() if rows}


def _tell(wheels: list[Contents], seen: Seen) -> None:
    """Report the number of bytes read, and the wheels that were not or not fully read."""
    unknown = sorted(wheel.name for wheel in wheels if not wheel.is_known)
    partial = sorted(wheel.name for wheel in wheels if wheel.is_known and set(wheel.modules) - wheel.allowed)
    fetched = sum(wheel.fetched for wheel in wheels)
    seen.channel.ask("looked", wheels=len(wheels) - len(unknown), fetched=fetched, unknown=unknown, partial=partial)


def digest_of(link: Link) -> str:
    """Return the SHA-256 of a file from its index; empty if the index has none."""
    return str((getattr(link, "_hashes", None) or {}).get("sha256") or "")


def _is_for_platform(link: Link) -> bool:
    return any(tag.platform != "any" for tag in WheelName(link.filename).file_tags)


class _Looker:
    def __init__(self, session: Any, cache: Path, wheels: list[Contents]) -> None:  # noqa: ANN401 - pip's session
        self.session, self.cache, self.wheels = session, cache, wheels
        self.total, self.found = 0, -1

    def list_contents(self, wheel: Contents) -> None:
        """Fill in the libraries of a wheel, from the cache or from the end of the file."""
        try:
            kept = json.loads((self.cache / wheel.digest).read_bytes())
            if kept["format"] == _FORMAT:
                wheel.sizes, wheel.needs, wheel.is_known = kept["sizes"], kept["needs"], True
                return
        except (OSError, ValueError, KeyError, TypeError):
            pass
        try:
            file = RangedFile(self.session, wheel.link)
            with zipfile.ZipFile(file) as archive:
                rows = archive.infolist()
            wheel.sizes = {row.filename: row.compress_size for row in rows if re.search(r"\.so(\.|$)", row.filename)}
            wheel.fetched, wheel.is_known = file.fetched, True
        except (OSError, Unsupported, zipfile.BadZipFile):
            return

    def goes_on(self) -> bool:
        """Return whether there may be more to read: before the first round, and after a round with new files."""
        before, self.found = self.found, sum(len(wheel.allowed) for wheel in self.wheels)
        return before != self.found

    def affordable(self) -> Iterator[tuple[Contents, list[str]]]:
        """Yield each wheel with the paths to read next, within the limits.

        The order of wheels and paths is fixed, and cached wheels count, too: so the set of files within the limits is
        the same on each host.
        """
        for wheel in sorted(self.wheels, key=lambda wheel: (sum(wheel.sizes.values()), wheel.name)):
            taken = {
                path for path in self._list_reached(wheel) if path not in wheel.passed and self._afford(wheel, path)
            }
            if unread := sorted(taken - set(wheel.needs)):
                yield wheel, unread

    def _list_reached(self, wheel: Contents) -> list[str]:
        """Return the new paths of a wheel that modules of any wheel load, modules first, smaller files first."""
        wanted = {*wheel.modules, *(path for holder, path in self._walk(self.wheels) if holder is wheel)}
        new = wanted - wheel.allowed
        return sorted(new, key=lambda path: (not _is_module(path), wheel.sizes[path], path))

    def _afford(self, wheel: Contents, path: str) -> bool:
        size = wheel.sizes[path]
        own = sum(wheel.sizes[path] for path in wheel.allowed)
        # Keep half of the sum for the libraries that modules load, because most system libraries are needed there.
        total = _MOST_OF_ALL // 2 if _is_module(path) else _MOST_OF_ALL
        if size > _MOST_OF_FILE or own + size > _MOST_OF_WHEEL or self.total + size > total:
            wheel.passed.add(path)
            return False
        self.total += size
        wheel.allowed.add(path)
        return True

    def _walk(self, wheels: Iterable[Contents]) -> Iterator[tuple[Contents, str]]:
        """Yield the modules of wheels and all libraries that they load, directly or not, each with its own wheel."""
        everywhere = {path.rpartition("/")[2]: (other, path) for other in self.wheels for path in other.sizes}
        todo, met = [(wheel, path) for wheel in wheels for path in wheel.modules], set[tuple[str, str]]()
        while todo:
            holder, path = todo.pop(0)
            if (holder.name, path) in met:
                continue
            met.add((holder.name, path))
            yield holder, path
            own = {path.rpartition("/")[2]: (holder, path) for path in holder.sizes}
            for soname in holder.needs.get(path, ()) if path in holder.allowed else ():
                if place := own.get(soname) or everywhere.get(soname):
                    todo.append(place)

    def read(self, wheel: Contents, paths: list[str]) -> None:
        """Read some libraries of a wheel, and fill in the libraries that they need."""
        try:
            file = RangedFile(self.session, wheel.link)
            with zipfile.ZipFile(file) as archive:
                rows = sorted((archive.getinfo(path) for path in paths), key=lambda row: row.header_offset)
                for start, end in _spans(
                    [(row.header_offset, row.header_offset + row.compress_size + 512) for row in rows]
                ):
                    file.prefetch(start, end)
                for row in rows:
                    wheel.needs[row.filename] = list(needed_libraries(archive.read(row)))
            wheel.fetched += file.fetched
        except (OSError, Unsupported, zipfile.BadZipFile, EOFError):
            return

    def outside(self, wheel: Contents) -> list[list[str]]:
        """Return the known system libraries that the modules of a wheel load, each with the file that loads it."""
        table, found = libraries.sonames(), dict[str, str]()
        brought = {path.rpartition("/")[2] for other in self.wheels for path in other.sizes}
        for holder, path in self._walk([wheel]):
            for soname in holder.needs.get(path, ()) if path in holder.allowed else ():
                if soname in table and soname not in brought:
                    found.setdefault(soname, path)
        return [[soname, path] for soname, path in sorted(found.items())]

    def remember(self) -> None:
        """Write the contents of the wheels into the cache, by their digests."""
        try:
            self.cache.mkdir(parents=True, exist_ok=True)
            for wheel in self.wheels:
                if wheel.fetched and wheel.is_known:
                    kept = {"format": _FORMAT, "sizes": wheel.sizes, "needs": wheel.needs}
                    (self.cache / wheel.digest).write_text(json.dumps(kept), encoding="utf-8")
        except OSError:
            return


def _spans(parts: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the parts of a file, with neighbouring parts joined, so that one request fetches them."""
    joined: list[tuple[int, int]] = []
    for start, end in parts:
        if joined and start <= joined[-1][1] + _GAP:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined
