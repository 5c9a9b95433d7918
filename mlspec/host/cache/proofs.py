"""What was proven before: that by this very compiler, for these very bytes, all files of a spec are current.

The compiler is a pure function of what it reads. A proof names every file that a compilation read, in order, with one
digest over their contents, and the digest of the compiler itself. It holds exactly while both are what they were: times
and sizes of files decide nothing. Only the good outcome is kept, files that are current and what was warned of;
everything else is found anew each time.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import time
from bisect import bisect_left
from importlib import import_module

from mlspec.host.files.bounded import MOST, read_beginning, read_file
from mlspec.plan.unfinished_names import UNFINISHED
from mlspec.spec.targets import TARGETS

TYPE_CHECKING = False  # typing alone would take longer than all of this
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Literal

CHECK, WRITE = "check", "write"
"""The questions that proofs answer: are the files current; and, for those who would write them, are none left over."""

_FORMAT = "mlspec proofs 1"
# What no path, message or style holds; a text that does is not kept.
_ENTRY, _FIELD = "\x1e", "\x1f"
_DAYS_KEPT = 30
# A file that was left half written is looked at too: then there is something to do.
_GENERATED_ENDS = (*(target.file for target in TARGETS.values()), ".lock", UNFINISHED)


class Witness:
    """What one compilation sees of the disk: files by their bytes or their absence, folders by their real place."""

    def __init__(self) -> None:
        self.seen: dict[str, str] = {}
        self.is_sound = True

    def saw(self, kind: str, path: str, content: bytes | None) -> None:
        """Note what was seen; the same thing seen twice with different content makes a proof impossible."""
        digest = _digest(content)
        if self.seen.setdefault(f"{kind}{path}", digest) != digest:
            self.is_sound = False


def _digest(content: bytes | None) -> str:
    return "-" if content is None else hashlib.blake2b(content).hexdigest()[:64]


_witnesses: list[Witness] = []


@contextlib.contextmanager
def witnessed() -> Iterator[Witness]:
    """Note in a Witness all that is read meanwhile."""
    witness = Witness()
    _witnesses.append(witness)
    try:
        yield witness
    finally:
        _witnesses.remove(witness)


def _saw(kind: str, path: str, content: bytes | None) -> None:
    for witness in _witnesses:
        witness.saw(kind, path, content)


# What a compilation may ask of the disk; each answer is witnessed.

FILE, PLACE, NAMES, KIND, LISTING = "f", "p", "n", "k", "l"


def read(path: str, limit: int | None = None) -> bytes | None:
    """Return the first ``limit`` bytes of a file, or all; None where there is none. Raises OSError otherwise.

    That is also so for what is no regular file, and without a limit for one that has more than ``bounded.MOST`` bytes.
    """
    try:
        content = read_file(path) if limit is None else read_beginning(path, limit)
    except FileNotFoundError:
        content = None
    except OSError:
        # A folder, or no right to read: nothing that a digest could say again tomorrow.
        for witness in _witnesses:
            witness.is_sound = False
        raise
    _saw(FILE, path, content)
    return content


def real_place(folder: str) -> str:
    """Return the absolute path of a folder, links followed."""
    place = os.path.realpath(folder)
    _saw(PLACE, folder, os.fsencode(place))
    return place


def kind_of(path: str) -> Literal["", "file", "folder"]:
    """Return whether a path is a file (or anything else that can be opened), a folder or nothing."""
    kind = _kind_of(path)
    _saw(KIND, path, kind.encode())
    return kind


def _kind_of(path: str) -> Literal["", "file", "folder"]:
    return "folder" if os.path.isdir(path) else "file" if os.path.lexists(path) else ""


def names_in(folder: str) -> list[str]:
    """Return the names in a folder, sorted; none where it cannot be read."""
    names = _names_in(folder)
    _saw(LISTING, folder, _joined(names))
    return names


def _names_in(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def generated_names(folder: str, prefix: str) -> list[str]:
    """Return the names in a folder that begin with ``prefix`` and end as those of generated files do, sorted."""
    names = _with_prefix(_generated_names(folder), prefix)
    _saw(NAMES, f"{folder}\0{prefix}", _joined(names))
    return names


def _generated_names(folder: str) -> list[str]:
    return sorted(name for name in os.listdir(folder) if name.endswith(_GENERATED_ENDS))


def _with_prefix(names: list[str], prefix: str) -> list[str]:
    # Of a thousand specs in one folder, each would look at the files of all the others.
    start = bisect_left(names, prefix)
    return names[start : bisect_left(names, f"{prefix}{chr(sys.maxunicode)}")]


def _joined(names: Iterable[str]) -> bytes:
    return os.fsencode("\0".join(names))


# The compiler


def compiler() -> str:
    """Return the digest of all that decides an answer beside the files: mlspec itself, Python, libraries, the day."""
    state = hashlib.blake2b()
    for text in (sys.version, *_libraries(), *_variables(), time.strftime("%Y-%m-%d")):
        state.update(os.fsencode(f"{text}\0"))
    for path in _own_files():
        state.update(os.fsencode(f"{path}\0"))
        with open(path, "rb") as file:
            state.update(file.read())
    return state.hexdigest()[:64]


def _own_files() -> Iterator[str]:
    package = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    for top in dict.fromkeys((package, *import_module("mlspec.templates").__path__)):
        for folder, folders, names in os.walk(top):
            folders[:] = sorted(name for name in folders if name != "__pycache__")
            yield from (os.path.join(folder, name) for name in sorted(names))


def _libraries() -> Iterator[str]:
    # The name of such a folder is a library and its version; installing another one renames it.
    for folder in sys.path:
        with contextlib.suppress(OSError):
            yield from sorted(name for name in os.listdir(folder or ".") if name.endswith((".dist-info", ".egg-info")))


def _variables() -> Iterator[str]:
    return (f"{name}={value}" for name, value in sorted(os.environ.items()) if name.startswith("MLSPEC_"))


# Proofs


class Proofs:
    """The proofs for the specs of one working directory, as they were read from the user's cache."""

    def __init__(self, file: str | None) -> None:
        self._file = file
        self._compiler = compiler() if file else ""
        self._kept: dict[str, list[str]] = {}
        self._is_changed = False
        self._names: dict[str, list[str]] = {}
        self._places: dict[str, str] = {}
        if file:
            self._load(file)

    def _load(self, file: str) -> None:
        with contextlib.suppress(OSError, UnicodeError), open(file, encoding="utf-8", newline="") as stream:
            heading, _, body = stream.read().partition("\n")
            # A cache that lost a part or was changed proves nothing.
            if heading == _heading(self._compiler, body):
                entries = body.split(_ENTRY)[:-1]
                self._kept = {key: fields for key, *fields in (entry.split(_FIELD + _FIELD) for entry in entries)}

    def holds(self, question: str, spec: str) -> list[tuple[str, str]] | None:
        """Return the warnings, plain and styled, that belong to the proven answer; None where nothing is proven."""
        fields = self._kept.get(f"{question} {spec}")
        if fields is None or len(fields) < 2:
            return None
        seen, digest, *shown = fields
        try:
            is_same = self._seen_now(seen.split("\n")) == digest
        except (OSError, ValueError):
            return None
        return list(zip(shown[::2], shown[1::2], strict=True)) if is_same else None

    def _seen_now(self, keys: list[str]) -> str:
        return _overall((key, self._now(key[0], key[1:])) for key in keys)

    def _now(self, kind: str, path: str) -> str:
        if kind == FILE:
            # As much as the largest limit: what is longer was read whole by nobody.
            return _digest(read(path, MOST + 1))
        if kind == PLACE:
            if path not in self._places:
                self._places[path] = os.path.realpath(path)
            return _digest(os.fsencode(self._places[path]))
        if kind == KIND:
            return _digest(_kind_of(path).encode())
        if kind == LISTING:
            return _digest(_joined(_names_in(path)))
        folder, prefix = path.split("\0")
        if folder not in self._names:
            self._names[folder] = _generated_names(folder)
        return _digest(_joined(_with_prefix(self._names[folder], prefix)))

    def keep(self, question: str, spec: str, witness: Witness, shown: Iterable[tuple[str, str]] = ()) -> None:
        """Keep the proof that ``question`` about a spec has the good answer, for what was seen and shown meanwhile."""
        texts = [text for pair in shown for text in pair]
        keys = list(witness.seen)
        is_plain = not any(mark in text for text in (spec, *texts) for mark in (_ENTRY, _FIELD))
        if self._file and witness.is_sound and is_plain and not any("\n" in key or _ENTRY in key for key in keys):
            self._kept[f"{question} {spec}"] = ["\n".join(keys), _overall(witness.seen.items()), *texts]
            self._is_changed = True

    def save(self) -> None:
        """Write what was kept since."""
        if not self._file or not self._is_changed:
            return
        entries = ((_FIELD + _FIELD).join((key, *fields)) + _ENTRY for key, fields in self._kept.items())
        body = "".join(entries)
        remember(self._file, f"{_heading(self._compiler, body)}\n{body}")


def _heading(compiler: str, body: str) -> str:
    return f"{_FORMAT} {compiler} {_digest(body.encode())}"


def _overall(seen: Iterable[tuple[str, str]]) -> str:
    return _digest(os.fsencode("\n".join(f"{key} {digest}" for key, digest in seen)))


def proofs() -> Proofs:
    """Return the proofs kept for this working directory; none, and none will be, with ``MLSPEC_CACHE_DIR=off``."""
    folder = cache_folder()
    if not folder:
        return Proofs(None)
    try:
        here = os.getcwd()
    except OSError:  # it was removed
        return Proofs(None)
    return Proofs(os.path.join(folder, "proofs", _digest(os.fsencode(here))))


def cache_folder() -> str:
    """Return the folder that mlspec may remember in what it would find again; empty with ``MLSPEC_CACHE_DIR=off``."""
    folder = os.environ.get("MLSPEC_CACHE_DIR") or _users_cache()
    return "" if folder == "off" else folder


def _users_cache() -> str:
    home = os.path.expanduser("~")
    # A user without a home, as in many containers, gets the mark back.
    own = os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME")
    if own or home != "~":
        return os.path.join(own or os.path.join(home, "" if sys.platform == "win32" else ".cache"), "mlspec")
    return "off"


def remember(file: str, text: str) -> None:
    """Write a file of the user's cache, whole or not at all, and remove what nobody wrote beside it for 30 days.

    A cache that cannot be written is none, and stops nothing.
    """
    folder, made = os.path.dirname(file), f"{file}.{os.getpid()}"
    with contextlib.suppress(OSError, UnicodeError):
        os.makedirs(folder, mode=0o700, exist_ok=True)
        forget_old(folder)
        with open(made, "w", encoding="utf-8", newline="") as stream:
            stream.write(text)
        os.replace(made, file)


def forget_old(folder: str) -> None:
    """Remove the files in a folder that nobody wrote for 30 days."""
    oldest = time.time() - _DAYS_KEPT * 24 * 3600
    with os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                if entry.stat().st_mtime < oldest:
                    os.unlink(entry.path)
