"""A parser of BuildKit's machine-readable stream: it updates the frozen state of a build line by line.

``docker buildx build --progress rawjson`` writes the messages of BuildKit's API, one on each line: SolveStatus in
https://github.com/moby/buildkit/blob/master/client/graph.go. The client's own messages stand between them as plain
text.
"""

from __future__ import annotations

import base64
import calendar
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

MOST_OUTPUT = 400
"""The number of output lines to keep for each step; a failure shows in the last lines."""
_LONGEST_LINE = 4_000


@dataclass(frozen=True, slots=True)
class Transfer:
    """One transfer of a vertex: the bytes so far, and the total if it is known, or else 0."""

    id: str
    current: int
    total: int = 0
    is_complete: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Vertex:
    """The latest state of one node of BuildKit's graph; times are seconds since 1970 by the engine's clock.

    ``spent`` are the seconds of earlier runs: a vertex may complete and begin again. The build may not need a weak
    vertex. ``output`` are the last lines of output, including an unfinished line. ``heard`` counts all finished lines.
    """

    digest: str
    name: str = ""
    is_weak: bool = False
    started: float | None = None
    completed: float | None = None
    spent: float = 0.0
    cached: bool = False
    error: str = ""
    transfers: Mapping[str, Transfer] = field(default_factory=dict)
    output: tuple[str, ...] = ()
    unfinished: bytes = b""
    heard: int = 0

    def said_since(self, heard: int) -> tuple[str, ...]:
        """Return the finished lines after the first ``heard`` lines, if they are still kept."""
        finished = self.output[:-1] if self.unfinished else self.output
        return finished[max(0, len(finished) - (self.heard - heard)) :]

    def seconds(self, now: float) -> float:
        """Return the seconds of work on this vertex until ``now``."""
        if self.started is None:
            return self.spent
        return self.spent + max(0.0, (now if self.completed is None else self.completed) - self.started)


@dataclass(frozen=True, slots=True)
class BuildState:
    """The state of a build after the lines read so far.

    ``said`` are the lines that are not BuildKit's messages: the client's own text, with the error that ended the build.
    ``began`` is the first time in the stream, and ``latest`` the newest. ``revision`` counts the messages about
    vertexes. ``warnings`` come from BuildKit's own checks. ``has_succeeded``: the client ended without an error.
    """

    vertexes: Mapping[str, Vertex] = field(default_factory=dict)
    said: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    began: float = 0.0
    latest: float = 0.0
    revision: int = 0
    has_succeeded: bool = False

    @property
    def is_plain(self) -> bool:
        """Tell whether buildx wrote a plain log in place of a stream, as versions without streams do."""
        return not self.vertexes and any(_PLAIN.match(line) for line in self.said)

    @property
    def knows_no_stream(self) -> bool:
        """Tell whether buildx refused to write a stream: 0.12 and older do, and 0.13 is the first with streams."""
        return not self.vertexes and any("progress" in line and "rawjson" in line for line in self.said)

    @property
    def lost_a_layer(self) -> bool:
        """Tell whether the engine's store removed a layer before it unpacked the image on top of that layer.

        The cause is a race with the store's garbage collection, https://github.com/moby/buildkit/issues/6521. The next
        build succeeds.
        """
        return any(_LOST.search(vertex.error) for vertex in self.vertexes.values())

    @property
    def image_id(self) -> str:
        """The ID of the finished image in the engine, as ``docker buildx build --quiet`` prints it."""
        return self._find_digest(_IMAGE_ID)

    @property
    def manifest(self) -> str:
        """The digest of the finished image's manifest, or "" for the engine's own store, which keeps no manifest."""
        return self._find_digest(_MANIFEST)

    def _find_digest(self, pattern: re.Pattern[str]) -> str:
        """Return the digest in the first name of a transfer that matches the pattern, or ""."""
        names = (name for vertex in self.vertexes.values() for name in vertex.transfers)
        return next((match[1] for name in names if (match := pattern.match(name))), "")


# buildx up to 0.11 uses plain progress for any unknown kind of progress.
_PLAIN = re.compile(r"#\d+ ")

_LOST = re.compile(r"parent snapshot \S+ does not exist")

# The engine's own store reports "writing image", containerd's store "exporting config".
_IMAGE_ID = re.compile(r"(?:writing image|exporting config) (sha256:[0-9a-f]{64})")
_MANIFEST = re.compile(r"exporting manifest (sha256:[0-9a-f]{64})")


def advance(build: BuildState, line: bytes) -> BuildState:
    """Return the state after one more line; unknown fields and values are ignored."""
    text = line.decode("utf-8", "replace").strip("\r\n")
    if not text.startswith("{"):
        return replace(build, said=(*build.said, text)[-MOST_OUTPUT:]) if text.strip() else build
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        # The line is a truncated message, not text of the client.
        return build
    if not isinstance(message, dict):
        return build
    vertexes, began, latest = dict(build.vertexes), build.began, build.latest
    for kind, take in (("vertexes", _vertex), ("statuses", _status), ("logs", _log)):
        for told in _rows(message, kind):
            digest = _text(told, "digest" if kind == "vertexes" else "vertex")
            vertexes[digest] = take(vertexes.get(digest) or Vertex(digest=digest), told)
            times = [_time(told, key) or 0.0 for key in ("started", "completed", "timestamp")]
            # A vertex that this build shares with other builds may have begun long before this build.
            began, latest = began or max(times), max(latest, *times)
    warnings = tuple(dict.fromkeys((*build.warnings, *map(_warning, _rows(message, "warnings")))))
    revision = build.revision + bool(_rows(message, "vertexes"))
    return BuildState(vertexes, build.said, tuple(filter(None, warnings)), began, latest, revision)


def mark_success(build: BuildState) -> BuildState:
    """Return the state of a build whose client ended without an error, so no step is left to wait for."""
    return replace(build, has_succeeded=True, revision=build.revision + 1)


def read_stream(lines: Iterable[bytes]) -> BuildState:
    """Return the state of a build after all ``lines``."""
    build = BuildState()
    for line in lines:
        build = advance(build, line)
    return build


def _vertex(known: Vertex, told: Mapping[str, Any]) -> Vertex:
    group = told.get("progressGroup")
    started, completed = _time(told, "started"), _time(told, "completed")
    spent = known.spent
    if known.started is not None and known.completed is not None and started not in {known.started, None}:
        spent += max(0.0, known.completed - known.started)
    return replace(
        known,
        name=_text(told, "name") or known.name,
        is_weak=known.is_weak or (isinstance(group, dict) and group.get("weak") is True),
        started=known.started if started is None else started,
        completed=completed,
        spent=spent,
        cached=told.get("cached") is True,
        error=_text(told, "error"),
    )


def _status(known: Vertex, told: Mapping[str, Any]) -> Vertex:
    name = _text(told, "id")
    transfer = Transfer(name, _number(told, "current"), _number(told, "total"), bool(told.get("completed")))
    return replace(known, transfers={**known.transfers, name: transfer})


def _log(known: Vertex, told: Mapping[str, Any]) -> Vertex:
    *whole, rest = (known.unfinished + _decode(told.get("data"))).split(b"\n")
    done = known.output[:-1] if known.unfinished else known.output
    lines = [*map(_line, whole), *([_line(rest)] if rest else [])]
    return replace(
        known, output=(*done, *lines)[-MOST_OUTPUT:], unfinished=rest[-_LONGEST_LINE:], heard=known.heard + len(whole)
    )


def _warning(told: Mapping[str, Any]) -> str:
    return _line(_decode(told.get("short")))


def _line(data: bytes) -> str:
    """Return a line of output as a terminal finally shows it, without control sequences and colors."""
    text = _ESCAPES.sub("", data.decode("utf-8", "replace").rstrip("\r")).rpartition("\r")[2]
    plain = text.expandtabs()[:_LONGEST_LINE]
    return "".join(character if character.isprintable() else "?" for character in plain).rstrip()


# ECMA-48: control sequences, operating system commands (links, titles), and the short escapes.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])|\x08")


def _rows(message: Mapping[str, Any], kind: str) -> list[Mapping[str, Any]]:
    rows = message.get(kind)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _text(told: Mapping[str, Any], key: str) -> str:
    value = told.get(key)
    return value if isinstance(value, str) else ""


def _number(told: Mapping[str, Any], key: str) -> int:
    value = told.get(key)
    return value if isinstance(value, int) and value >= 0 else 0


def _decode(value: object) -> bytes:
    try:
        return base64.b64decode(value) if isinstance(value, str) else b""
    except ValueError:  # no base64, or not even ASCII
        return b""


_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(\.\d+)?(?:Z|([+-])(\d\d):(\d\d))$", re.ASCII)


def _time(told: Mapping[str, Any], key: str) -> float | None:
    """Parse a time to seconds since 1970, to the microsecond. Go writes RFC 3339 with up to nine decimals."""
    match = _TIME.match(_text(told, key))
    if not match:
        return None
    offset = 60 * (60 * int(match[9] or 0) + int(match[10] or 0)) * (-1 if match[8] == "-" else 1)
    whole = calendar.timegm(tuple(int(match[n]) for n in range(1, 7)))
    # Go's zero time, in year 1, means no time.
    return whole - offset + float((match[7] or "0")[:7]) if int(match[1]) > 1 else None
