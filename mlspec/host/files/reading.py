"""Readers of specs, locks and generated files, and the link from a generated file to its spec."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shlex
from collections.abc import Callable, Iterable
from pathlib import Path

from mlspec.errors import Problem, SpecError
from mlspec.host.cache.witness import kind_of, names_in, read, real_place
from mlspec.host.files.bounded import MOST
from mlspec.host.files.find import SPEC_NAMES, find_specs
from mlspec.lock.requirements.other_files import Neighbour
from mlspec.spec import document, encoding
from mlspec.spec.banner import MARK
from mlspec.spec.document import Document
from mlspec.spec.values import slug
from mlspec.text import did_you_mean

# The name becomes part of file names that stand unquoted in a Dockerfile.
_SPEC_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def list_specs(paths: Iterable[str]) -> tuple[Path, ...]:
    """Return the specs that ``paths`` name; without paths, the specs of the current folder, as ``find_specs`` does.

    Raises SpecError if there is no spec.
    """
    try:
        return tuple(dict.fromkeys(map(Path, find_specs(paths))))
    except FileNotFoundError as error:
        folder = str(error)
    message = (
        f"there is no mlspec.yaml in {folder}"
        if folder
        else "there is no mlspec.yaml here or in a folder above, and no specs/ folder"
    )
    hint = (
        _named_otherwise(Path(folder))
        or ("" if folder else _list_below())
        or f"write one with: mlspec init {shlex.quote(folder) if folder else ''}".rstrip()
    )
    raise SpecError(Problem(code="MLS401", message=message, hint=hint))


def _named_otherwise(folder: Path) -> str:
    """Return a hint that names the first spec in a folder with another name than mlspec.yaml; empty without a spec."""
    python = re.compile(r"^python[ \t]*:", re.MULTILINE)
    places = [place for place in _yaml_in(folder) if python.search((text_of(place) or "")[: encoding.MAX_BYTES])]
    return f"name it, such as: {shlex.quote(places[0].as_posix())}" if places else ""


def _list_below() -> str:
    """Return a hint that names the specs at most two folders below the current one; empty without one."""
    places = [place for level in ("*", "*/*") for name in SPEC_NAMES for place in Path().glob(f"{level}/{name}")]
    folders = sorted({place.parent.as_posix() for place in places if not place.as_posix().startswith(".")})
    names = " ".join(map(shlex.quote, folders[:10]))
    return f"name the folders of specs, such as: {names}; in a hook of pre-commit, as its args" if folders else ""


def _yaml_in(folder: Path) -> list[Path]:
    with contextlib.suppress(OSError):
        return sorted(place for place in folder.iterdir() if place.suffix in {".yaml", ".yml"} and place.is_file())
    return []


def read_document(path: Path) -> Document:
    """Read and parse the document in a file; raises SpecError if the file is unreadable or not the YAML of a spec."""
    name = path.as_posix()
    try:
        data = bytes_of(path, encoding.MAX_BYTES + 1)
    except OSError as error:
        raise SpecError(_unreadable(name, error)) from None
    if owner := owner_of(data.partition(b"\n")[0].decode("utf-8", "replace")):
        hint = f"name the spec: {(path.parent / owner).as_posix()}"
        raise SpecError(Problem(code="MLS401", message=f"{name} is a generated file, not a spec", hint=hint))
    if path.suffix not in {".yaml", ".yml"}:
        hint = f"name it {path.with_suffix('.yaml').name}"
        raise SpecError(Problem(code="MLS401", message=f"{name} does not end in .yaml", hint=hint))
    if not _SPEC_NAME.fullmatch(path.name):
        hint = f"use letters, digits and . _ -, such as: {slug(path.stem)}.yaml"
        message = f'"{path.name}" cannot begin the names of the generated files'
        raise SpecError(Problem(code="MLS401", message=message, hint=hint))
    return document.parse(encoding.decode(data, name), name, names_in_path(path.parent))


def names_in_path(folder: Path) -> tuple[str, ...]:
    """Return the names in the real path of a folder, as ``..`` in a command finds them."""
    place = Path(real_place(str(folder)))
    return place.relative_to(place.anchor).parts


def bytes_of(path: Path, limit: int | None = None) -> bytes:
    """Return the bytes of a file, at most ``limit``; raises OSError if the file is missing or cannot be read."""
    data = read(str(path), limit)
    if data is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    return data


def _unreadable(name: str, error: OSError) -> Problem:
    if isinstance(error, FileNotFoundError):
        path = Path(name)
        near = did_you_mean(name, (place.as_posix() for place in _yaml_in(path.parent)))
        ending = "" if path.suffix in {".yaml", ".yml"} else "the name of a spec ends in .yaml; "
        return Problem(
            code="MLS401", message=f"there is no {name}", hint=near or f"{ending}write one with: mlspec init"
        )
    reason = (error.strerror or str(error)).lower()
    return Problem(code="MLS401", message=f"{name} cannot be read: {reason}")


def make_reader(folder: Path) -> Callable[[str], str]:
    """Return a function that reads text files by their POSIX path relative to ``folder``."""

    def read(path: str) -> str:
        return encoding.decode(bytes_of(folder / path, MOST + 1), path, MOST)

    return read


def make_looker(folder: Path) -> Callable[[str], Neighbour]:
    """Return a function from a POSIX path relative to ``folder`` to the kind of the path and the names in it."""

    def look(path: str) -> Neighbour:
        kind = kind_of(str(folder / path))
        return Neighbour(kind, tuple(names_in(str(folder / path))) if kind == "folder" else ())

    return look


def from_repository(file: str) -> str:
    """Return the path of a file from the root of its git repository, as a code host needs it.

    Outside a repository, the path is returned unchanged.
    """
    path = Path(os.path.normpath(Path(file).absolute()))
    root = next((folder for folder in path.parents if (folder / ".git").exists()), None)
    return path.relative_to(root).as_posix() if root else file


def text_of(path: Path) -> str | None:
    """Return the text of a file with its own line ends; None if the file does not exist.

    Raises SpecError if the file cannot be read.
    """
    try:
        data = read(str(path))
    except OSError as error:
        raise SpecError(_unreadable(path.as_posix(), error)) from None
    return None if data is None else data.decode("utf-8", "replace")


def lock_text(path: Path) -> str | None:
    """Return the text of a lock in the encoding of its byte order mark, with LF line ends; None if there is no lock.

    Editors and shells on Windows save UTF-8 with such a mark, or UTF-16. Raises SpecError if the lock cannot be read.
    """
    try:
        data = read(str(path))
    except OSError as error:
        raise SpecError(_unreadable(path.as_posix(), error)) from None
    if data is None:
        return None
    mark, name = encoding.encoding_of(data)
    return data.removeprefix(mark).decode(name, "replace").replace("\r\n", "\n")


def read_heading(path: Path) -> str:
    """Return the first three lines of a file; in a generated file, they name its spec."""
    return "".join((lock_text(path) or "").splitlines(keepends=True)[:3])


def name_of(folder: Path) -> str:
    """Return the real name of a folder."""
    return Path(real_place(str(folder))).name


def owner_of(heading: str) -> str:
    """Return the name of the spec in the heading of a generated file; empty for any other file."""
    return heading.partition(MARK)[2].partition(";")[0]


def specs_of(path: Path) -> tuple[Path, ...]:
    """Return the spec that the heading of a generated file names; for any other file, the specs in its folder.

    Raises SpecError if there is no spec.
    """
    heading = read_heading(path)
    if owner := owner_of(heading):
        # A file that other programs look for in a folder is in a folder below that of its spec.
        above = (
            place / owner for place in path.parents if not place.name.startswith(".") and (place / owner).is_file()
        )
        return (next(above, path.parent / owner),)
    return list_specs([] if path.parent == Path() else [path.parent.as_posix()])


def replaced_ignore_file(folder: Path, generated: str) -> tuple[Problem, ...]:
    """Return a warning if the user's .dockerignore has patterns: BuildKit reads ``generated`` instead."""
    path = folder / ".dockerignore"
    lines = (text_of(path) or "").splitlines()
    if not any(line.strip() and not line.startswith("#") for line in lines):
        return ()
    problem = Problem(
        code="MLS409",
        message=f"docker does not read this file: it reads {generated} instead",
        hint='write its patterns into the spec, such as: include: [., "!notebooks"]; then remove this file',
        severity="warning",
    )
    return (problem.at(path.as_posix(), None),)
