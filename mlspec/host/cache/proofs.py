"""Cached proofs that all files of a spec are current, for the same compiler and the same inputs.

The compiler is a pure function of its inputs. A proof names every file that a compilation read, in order, with one
digest over their contents and the digest of the compiler itself. A proof holds as long as both digests are the same:
times and sizes of the files that were read do not matter. The cache keeps only good outcomes: current files, with their
warnings. mlspec computes any other outcome again each time.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import time
from importlib import import_module

from mlspec.host.cache.witness import Present, Witness, digest_of, overall

TYPE_CHECKING = False  # typing alone would take longer than all of this
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

CHECK, WRITE, COMMAND, BUILD, RUN = "check", "write", "command", "build", "run"
"""The questions that proofs answer.

CHECK: are all files current? WRITE: and are there no leftovers? COMMAND: which command builds the images? BUILD: and
which warnings are there about the folder? RUN: which command runs an image? Names of images follow the last three.
"""

_FORMAT = "mlspec proofs 2"
# Separators that no path, message or style contains; a proof whose text contains one is not kept.
_ENTRY, _FIELD = "\x1e", "\x1f"
_DAYS_KEPT = 30


# The compiler


def compiler() -> str:
    """Return the digest of everything besides the files that decides an answer: mlspec, Python, libraries, the day."""
    state = hashlib.blake2b()
    for text in (sys.version, *_libraries(), *_variables(), time.strftime("%Y-%m-%d")):
        state.update(os.fsencode(f"{text}\0"))
    for path in _own_files():
        state.update(os.fsencode(f"{path}\0"))
        state.update(_identify(path))
    return state.hexdigest()[:64]


def _identify(path: str) -> bytes:
    """Return a mark of a file's content: the status of the file, or the content where the status may miss a change.

    Each write sets the change time of a file to the kernel's clock, and no program can set it back. Images with fixed
    times, such as squashfs, have whole seconds; on Windows, the field is the time of creation.
    """
    found = os.stat(path)
    if found.st_ctime_ns % 1_000_000_000 and sys.platform != "win32":
        return f"{found.st_ino} {found.st_size} {found.st_mtime_ns} {found.st_ctime_ns}".encode()
    with open(path, "rb") as file:
        return file.read()


def _own_files() -> Iterator[str]:
    package = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    for top in dict.fromkeys((package, *import_module("mlspec.templates").__path__)):
        for folder, folders, names in os.walk(top):
            folders[:] = sorted(name for name in folders if name != "__pycache__")
            yield from (os.path.join(folder, name) for name in sorted(names))


def _libraries() -> Iterator[str]:
    # The name of such a folder has the library's name and version, so another version changes the name.
    for folder in sys.path:
        with contextlib.suppress(OSError):
            yield from sorted(name for name in os.listdir(folder or ".") if name.endswith((".dist-info", ".egg-info")))


def _variables() -> Iterator[str]:
    return (f"{name}={value}" for name, value in sorted(os.environ.items()) if name.startswith("MLSPEC_"))


# Proofs


class Proofs:
    """The proofs for the specs of one working directory, from the user's cache."""

    def __init__(self, file: str | None) -> None:
        self._file = file
        self._compiler = compiler() if file else ""
        self._kept: dict[str, list[str]] = {}
        self._is_changed = False
        self._present = Present()
        if file:
            self._load(file)

    def _load(self, file: str) -> None:
        with contextlib.suppress(OSError, UnicodeError), open(file, encoding="utf-8", newline="") as stream:
            heading, _, body = stream.read().partition("\n")
            # Ignore a cache file that is cut off or changed.
            if heading == _heading(self._compiler, body):
                entries = body.split(_ENTRY)[:-1]
                self._kept = {key: fields for key, *fields in (entry.split(_FIELD + _FIELD) for entry in entries)}

    def holds(self, question: str, spec: str) -> list[tuple[str, str]] | None:
        """Return the warnings of a proven answer, plain and styled; None if there is no proof."""
        proven = self.recall(question, spec)
        return None if proven is None else proven[1]

    def recall(self, question: str, spec: str) -> tuple[str, list[tuple[str, str]]] | None:
        """Return the kept text of a proven answer, and its warnings; None if there is no proof."""
        fields = self._kept.get(f"{question} {spec}")
        if fields is None or len(fields) < 3:
            return None
        seen, digest, answer, *shown = fields
        try:
            is_same = self._present.digest(seen.split("\n")) == digest
        except (OSError, ValueError):
            return None
        return (answer, list(zip(shown[::2], shown[1::2], strict=True))) if is_same else None

    def keep(
        self, question: str, spec: str, witness: Witness, shown: Iterable[tuple[str, str]] = (), answer: str = ""
    ) -> None:
        """Keep the proof of a good answer to ``question``, with the reads in ``witness`` and the warnings ``shown``."""
        texts = [answer, *(text for pair in shown for text in pair)]
        keys = list(witness.seen)
        is_plain = not any(mark in text for text in (spec, *texts) for mark in (_ENTRY, _FIELD))
        if self._file and witness.is_sound and is_plain and not any("\n" in key or _ENTRY in key for key in keys):
            self._kept[f"{question} {spec}"] = ["\n".join(keys), overall(witness.seen.items()), *texts]
            self._is_changed = True

    def save(self) -> None:
        """Write the proofs to the cache if a proof was added."""
        if not self._file or not self._is_changed:
            return
        entries = ((_FIELD + _FIELD).join((key, *fields)) + _ENTRY for key, fields in self._kept.items())
        body = "".join(entries)
        remember(self._file, f"{_heading(self._compiler, body)}\n{body}")


def _heading(compiler: str, body: str) -> str:
    return f"{_FORMAT} {compiler} {digest_of(body.encode())}"


def proofs() -> Proofs:
    """Return the proofs for this working directory; with ``MLSPEC_CACHE_DIR=off``, they stay empty."""
    folder = cache_folder()
    if not folder:
        return Proofs(None)
    try:
        here = os.getcwd()
    except OSError:  # it was removed
        return Proofs(None)
    return Proofs(os.path.join(folder, "proofs", digest_of(os.fsencode(here))))


def cache_folder() -> str:
    """Return the folder of mlspec's cache; empty with ``MLSPEC_CACHE_DIR=off``, or for a user without a home folder."""
    folder = os.environ.get("MLSPEC_CACHE_DIR") or _users_cache()
    return "" if folder == "off" else folder


def _users_cache() -> str:
    home = os.path.expanduser("~")
    # For a user without a home folder, as in many containers, expanduser returns "~".
    own = os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME")
    if own or home != "~":
        return os.path.join(own or os.path.join(home, "" if sys.platform == "win32" else ".cache"), "mlspec")
    return "off"


def remember(file: str, text: str) -> None:
    """Write a file of the user's cache atomically, and remove files from its folder that are older than 30 days.

    Errors are ignored: a command also works without a cache.
    """
    folder, made = os.path.dirname(file), f"{file}.{os.getpid()}"
    with contextlib.suppress(OSError, UnicodeError):
        os.makedirs(folder, mode=0o700, exist_ok=True)
        forget_old(folder)
        with open(made, "w", encoding="utf-8", newline="") as stream:
            stream.write(text)
        os.replace(made, file)


def forget_old(folder: str) -> None:
    """Remove the files in a folder that are older than 30 days."""
    oldest = time.time() - _DAYS_KEPT * 24 * 3600
    with os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                if entry.stat().st_mtime < oldest:
                    os.unlink(entry.path)
