"""Files to write: whole or not at all, by one process at a time, and nothing of the user's ever overwritten."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shlex
import stat
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from mlspec.errors import Problem, SpecError, ToolError
from mlspec.host.files import read as disk
from mlspec.plan.ignores import UNFINISHED
from mlspec.targets.registry import Artifact


def write(artifacts: Iterable[Artifact], folder: Path, encoding: str = "utf-8") -> None:
    """Write the artifacts under ``folder``: all of them are ready on the disk before the first takes its place.

    Raises ToolError where the disk refuses.
    """
    ready: list[tuple[Path, Path]] = []
    try:
        for artifact in artifacts:
            ready.append((_beside(artifact, folder, encoding), folder / artifact.path))
        for made, place in ready:
            made.replace(place)
    except OSError as error:
        where = "this folder" if folder == Path() else folder.as_posix()
        raise ToolError(_unwritable(f"{where} cannot be written to", folder, error)) from None
    finally:
        for made, _ in ready:
            made.unlink(missing_ok=True)


def _unwritable(what: str, place: Path, error: OSError) -> Problem:
    hints = {
        errno.ENOSPC: "make room on this disk; docker system df shows what the engine holds",
        errno.EROFS: "copy the project to a place that can be written to",
        errno.ENOENT: f"make the folder: mkdir -p {shlex.quote(place.as_posix())}",
    }
    hint = hints.get(error.errno or 0, f"see whose it is: ls -ld {shlex.quote(place.as_posix())}")
    reason = (error.strerror or str(error)).lower()
    return Problem(code="MLS403", message=f"{what}: {reason}", hint=hint)


def _beside(artifact: Artifact, folder: Path, encoding: str) -> Path:
    place = folder / artifact.path
    # Beside its place: a file takes another's place at once only within one disk.
    handle, name = tempfile.mkstemp(dir=folder, prefix=f".{place.name}.", suffix=UNFINISHED)
    made = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(artifact.text.encode(encoding))
        made.chmod(_mode(artifact, place))
    except OSError:
        made.unlink(missing_ok=True)
        raise
    return made


def _mode(artifact: Artifact, place: Path) -> int:
    umask = os.umask(0)
    os.umask(umask)
    mode = stat.S_IMODE(place.stat().st_mode) if place.exists() else 0o666 & ~umask
    return mode | (0o111 & ~umask) if artifact.executable else mode


@contextlib.contextmanager
def alone(spec: Path) -> Iterator[None]:
    """Hold the place of the one process that changes what stands beside ``spec``; others wait for it."""
    from filelock import FileLock

    name = hashlib.sha256(str(spec.resolve()).encode()).hexdigest()[:24]
    owner = os.getuid() if hasattr(os, "getuid") else ""
    with FileLock(Path(tempfile.gettempdir()) / f"mlspec-{owner}-{name}.lock"):
        yield


def check_free(path: Path) -> None:
    """Raise SpecError where there is a spec already, under either of its names."""
    there = next((place for place in (path, path.with_suffix(".yml")) if os.path.lexists(place)), None)
    if there:
        hint = f"to compile it: mlspec render {there.as_posix()}; to begin anew, move it away first"
        message = f"{there.as_posix()} is already there, and is left alone"
        raise SpecError(Problem(code="MLS408", message=message, hint=hint))


def create(path: Path, text: str) -> None:
    """Write a new spec; raises SpecError where there is one already, ToolError where the disk refuses."""
    check_free(path)
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file, _whole(path):
            file.write(text)
            file.flush()
    except OSError as error:
        raise ToolError(_unwritable(f"{path.as_posix()} cannot be written", path.parent, error)) from None


@contextlib.contextmanager
def _whole(path: Path) -> Iterator[None]:
    """Leave no file behind that only a part was written of, as on a disk that is full."""
    try:
        yield
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def renew(path: Path, text: str, mark: str) -> None:
    """Write a file that is missing, or that says ``mark`` in its first lines; raises SpecError where it does not."""
    there = disk.text_of(path)
    if there and mark not in "".join(there.splitlines(keepends=True)[:2]):
        message = f"{path.as_posix()} was not written by mlspec, and is left alone"
        raise SpecError(Problem(code="MLS402", message=message, hint="name another file, or move it away"))
    if there != text:
        write([Artifact(path.name, text)], path.parent)
