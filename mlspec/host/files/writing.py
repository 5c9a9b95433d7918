"""Writing of files: atomic, and without overwriting files of the user."""

from __future__ import annotations

import errno
import os
import shlex
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from mlspec.errors import Problem, SpecError, ToolError
from mlspec.host.files import reading, unfinished
from mlspec.spec.files import Artifact


def write(artifacts: Iterable[Artifact], folder: Path, encoding: str = "utf-8") -> None:
    """Write the artifacts into ``folder``: all of them are complete on the disk before the first one is in its place.

    Raises ToolError if the disk refuses the write.
    """
    if not (artifacts := tuple(artifacts)):
        return
    try:
        with unfinished.batch(folder) as batch:
            for artifact in artifacts:
                batch.add(artifact.path, artifact.text.encode(encoding), _mode(artifact, folder / artifact.path))
            batch.commit()
    except OSError as error:
        where = "this folder" if folder == Path() else folder.as_posix()
        raise ToolError(_unwritable(f"{where} is not writable", folder, error)) from None


def _unwritable(what: str, place: Path, error: OSError) -> Problem:
    hints = {
        errno.ENOSPC: "free space on this disk; docker system df shows what the engine uses",
        errno.EROFS: "copy the project to a writable folder",
        errno.ENOENT: f"create the folder: mkdir -p {shlex.quote(place.as_posix())}",
    }
    hint = hints.get(error.errno or 0, f"check its owner: ls -ld {shlex.quote(place.as_posix())}")
    reason = (error.strerror or str(error)).lower()
    return Problem(code="MLS403", message=f"{what}: {reason}", hint=hint)


def _mode(artifact: Artifact, place: Path) -> int:
    umask = os.umask(0)
    os.umask(umask)
    mode = stat.S_IMODE(place.stat().st_mode) if place.exists() else 0o666 & ~umask
    return mode | (0o111 & ~umask) if artifact.executable else mode


def check_free(path: Path) -> None:
    """Raise SpecError if a spec already exists, with the ending .yaml or .yml."""
    there = next((place for place in (path, path.with_suffix(".yml")) if os.path.lexists(place)), None)
    if there:
        hint = f"to compile it: mlspec render {shlex.quote(there.as_posix())}; to start over, move it away first"
        message = f"{there.as_posix()} already exists, so it is left unchanged"
        raise SpecError(Problem(code="MLS408", message=message, hint=hint))


def create(path: Path, text: str) -> None:
    """Write a new spec; raises SpecError if a spec already exists, ToolError if the disk refuses the write."""
    check_free(path)
    try:
        with unfinished.batch(path.parent) as batch:
            batch.add(path.name, text.encode(), _mode(Artifact(path.name, text), path))
            batch.commit_new(path.name)
    except FileExistsError:
        check_free(path)
        raise
    except OSError as error:
        raise ToolError(_unwritable(f"{path.as_posix()} cannot be written", path.parent, error)) from None


def create_all(texts: Mapping[str, str], folder: Path) -> None:
    """Write new files, the first of which is a spec; raises SpecError if one of the files already exists."""
    first, *others = texts
    for name in others:
        if os.path.lexists(folder / name):
            hint = "move it away first"
            raise SpecError(
                Problem(code="MLS408", message=f"{name} already exists, so it is left unchanged", hint=hint)
            )
    check_free(folder / first)
    write([Artifact(name, text) for name, text in texts.items() if name != first], folder)
    create(folder / first, texts[first])


def create_gitignore(folder: Path, text: str) -> Path | None:
    """Write a .gitignore and return its path; None if the folder or a folder above it in the repository has one.

    Raises ToolError if the disk refuses the write.
    """
    path = folder / ".gitignore"
    if any(os.path.lexists(place / ".gitignore") for place in _up_to_repository(folder)):
        return None
    try:
        with unfinished.batch(folder) as batch:
            batch.add(path.name, text.encode(), _mode(Artifact(path.name, text), path))
            batch.commit_new(path.name)
    except FileExistsError:
        return None
    except OSError as error:
        raise ToolError(_unwritable(f"{path.as_posix()} cannot be written", folder, error)) from None
    return path


def _up_to_repository(folder: Path) -> tuple[Path, ...]:
    """Return the folder and its parents up to the top of its repository; without a repository, only the folder."""
    places = (folder.resolve(), *folder.resolve().parents)
    top = next((number for number, place in enumerate(places) if (place / ".git").exists()), 0)
    return places[: top + 1]


def renew(path: Path, text: str, mark: str) -> None:
    """Write a file that is missing, is empty, or has ``mark`` in its first two lines; raises SpecError otherwise."""
    there = reading.text_of(path)
    if there and mark not in "".join(there.splitlines(keepends=True)[:2]):
        message = f"{path.as_posix()} was not written by mlspec, so it is left unchanged"
        raise SpecError(Problem(code="MLS402", message=message, hint="name another file, or move it away"))
    if there != text:
        write([Artifact(path.name, text)], path.parent)
