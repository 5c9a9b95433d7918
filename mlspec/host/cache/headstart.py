"""A build that begins before mlspec has read the spec again, where it is proven that nothing about that changed.

What takes mlspec half a second, finding out what to build, is known from last time as long as the proof of the spec
holds. So the same command as last time is started at once; it counts only if it turns out to be the right one.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
from typing import NamedTuple

from mlspec.host.cache.proofs import CHECK, cache_folder, proofs, remember

TYPE_CHECKING = False  # typing alone would take longer than all of this
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_FORMAT = "mlspec begun 1"
# Seconds that a build gets to end in.
_PATIENCE = 10
# Room for what a build says while nobody reads yet; Linux gives a pipe 64 KiB, which a large image's stream fills.
_PIPE = 1 << 20
# Where a command is to write what it made; each run has a place of its own.
_METADATA_MARK = "\x1emetadata\x1e"


def started(
    words: Sequence[str], folder: str | os.PathLike[str], *, is_read: bool, room: int = -1
) -> subprocess.Popen[bytes]:
    """Start a build command in ``folder``; with ``is_read``, what it says on stderr is for us and not for the terminal.

    There is ``room`` for that many bytes of it before they are read, where the system grants them; else OSError is
    raised. FileNotFoundError where there is no such command.

    Its metadata, where it writes any, are to list the layers: https://docs.docker.com/build/building/variables/
    """
    environment = {**os.environ, "BUILDX_METADATA_PROVENANCE": "max"}
    stderr = subprocess.PIPE if is_read else None
    return subprocess.Popen(words, cwd=folder, env=environment, stderr=stderr, pipesize=room)


class HeadStart(NamedTuple):
    """A build that runs already, in ``folder``, and where it writes its metadata."""

    words: tuple[str, ...]
    folder: str
    metadata_file: str
    child: subprocess.Popen[bytes]

    def takes(self, words: Sequence[str], folder: str | os.PathLike[str]) -> bool:
        """Tell whether this is what a command would do; if not, it is ended."""
        if self.words == tuple(words) and self.folder == os.path.abspath(folder):
            return True
        self.end()
        return False

    def end(self) -> None:
        """End the build, unless it has ended, and wait for that."""
        if self.child.poll() is None:
            self.child.terminate()
        if self.child.stderr:
            # Else it could wait for us to read what it says.
            self.child.stderr.close()
        try:
            self.child.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()


@contextlib.contextmanager
def begun(arguments: Sequence[str]) -> Iterator[HeadStart | None]:
    """Give the build that ``mlspec`` with these arguments would start, started; None where that is not known.

    What still runs in the end, because nobody took it, is ended.
    """
    start = _begun(arguments)
    try:
        yield start
    finally:
        if start:
            start.end()
            with contextlib.suppress(OSError):
                os.unlink(start.metadata_file)


def _begun(arguments: Sequence[str]) -> HeadStart | None:
    try:
        with open(_place(arguments), encoding="utf-8") as file:
            kept = json.load(file)
        spec, folder, words = str(kept["spec"]), str(kept["folder"]), [str(word) for word in kept["words"]]
        if kept["format"] != _FORMAT or proofs().holds(CHECK, spec) is None:
            return None
        made = os.path.join(cache_folder(), "begun", f"{os.getpid()}.metadata")
        own = tuple(made if word == _METADATA_MARK else word for word in words)
        return HeadStart(own, folder, made, started(own, folder, is_read=True, room=_PIPE))
    except (OSError, ValueError, KeyError, TypeError):
        # Never begun, or not to be begun again: the command says what is wrong, if anything is.
        return None


def keep(
    arguments: Sequence[str], spec: str, words: Sequence[str], folder: str | os.PathLike[str], metadata_file: str
) -> None:
    """Remember the command that ``mlspec`` with these arguments ran for a spec, in the user's cache if there is one."""
    marked = [_METADATA_MARK if word == metadata_file else word for word in words]
    kept = {"format": _FORMAT, "spec": spec, "folder": os.path.abspath(folder), "words": marked}
    with contextlib.suppress(OSError):
        remember(_place(arguments), json.dumps(kept))


def _place(arguments: Sequence[str]) -> str:
    """Return the file for these arguments, given here; raises FileNotFoundError where nothing is to be remembered."""
    cache = cache_folder()
    if not cache:
        raise FileNotFoundError
    key = "\0".join((os.getcwd(), *arguments))
    return os.path.join(cache, "begun", hashlib.sha256(os.fsencode(key)).hexdigest())
