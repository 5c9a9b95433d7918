"""The files of an import: search, texts, and the folder of the new spec."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path

from mlspec.advice.imports.assembled_spec import ImportFolder
from mlspec.advice.imports.command_lines import COMMAND_LINE
from mlspec.advice.imports.read_inputs import ImportResult, import_files
from mlspec.errors import Problem, SpecError
from mlspec.host.files import reading, writing
from mlspec.host.files.bounded import read_file
from mlspec.host.network.wheel_pythons import find_wheel_pythons
from mlspec.spec import encoding
from mlspec.spec.banner import MARK

_MAX_BYTES = 1_000_000


def read_texts(paths: Iterable[Path], folder: Path) -> Mapping[str, str]:
    """Return the texts of files by their path relative to ``folder``; raises SpecError if a file cannot be read."""
    return {_name_from(path, folder): _read_text(path) for path in paths}


# Files that build an image come first, then files that describe an environment.
_OF_FOLDERS = (
    "cog.yaml", "bentofile.yaml", "binder/Dockerfile", ".binder/Dockerfile", "Dockerfile", "Containerfile",
    "docker-compose.yml", "docker-compose.yaml", "compose.yaml", "compose.yml", "binder/environment.yml",
    ".binder/environment.yml", "environment.yml", "environment.yaml", "conda.yaml", "pixi.toml",
    "binder/requirements.txt",
    ".binder/requirements.txt", "Pipfile", "pyproject.toml", "requirements.in", "requirements.txt", "setup.cfg",
    "setup.py", "config.yaml", ".devcontainer/devcontainer.json", ".devcontainer.json",
)  # fmt: skip
# These files add settings to another file in the same folder.
_BESIDE = ("apt.txt", "packages.txt", "runtime.txt", "postBuild", "start", ".python-version", ".dockerignore")
_COMPOSE = ("docker-compose.yml", "docker-compose.yaml", "compose.yaml", "compose.yml")


# Files of several purposes or images: one alone is imported like a Dockerfile, several are named in the report.
_RECIPES = ("Dockerfile.*", "*.Dockerfile", "*.dockerfile", "docker/Dockerfile*", ".docker/Dockerfile*")
_FURTHER = ("conda.yml", "env.y*ml", "environment[-_.]*.y*ml", "requirements[-_]*.txt", "requirements/*.txt")


def find_inputs(path: Path) -> list[Path]:
    """Return the files in a folder that ``mlspec import`` can read, best first."""
    found = [path / name for name in _OF_FOLDERS if (path / name).is_file()]
    recipes = [place for place in _list_matches(path, _RECIPES) if place.suffix != ".dockerignore"]
    is_alone = len(recipes) == 1 and not any(place.name in {"Dockerfile", "Containerfile"} for place in found)
    service = [path / "service.py"] if _is_bento_service(path / "service.py") else []
    place = next((number for number, one in enumerate(found) if one.name != "cog.yaml"), len(found))
    found[place:place] = [*(recipes if is_alone else []), *service]
    further = [*([] if is_alone else recipes), *_list_matches(path, _FURTHER)]
    return [place for place in dict.fromkeys((*found, *further)) if not _is_generated(place)]


def _list_matches(path: Path, patterns: Iterable[str]) -> list[Path]:
    return [place for pattern in patterns for place in sorted(path.glob(pattern)) if place.is_file()]


def _is_bento_service(path: Path) -> bool:
    try:
        return b"bentoml" in read_file(path, _MAX_BYTES)
    except OSError:
        return False


def _is_generated(path: Path) -> bool:
    """Return whether mlspec wrote a file: an import of it would read a spec's own output."""
    try:
        return MARK.encode() in read_file(path, 1000)
    except OSError:
        return False


def _builds_several(path: Path) -> bool:
    return len(re.findall(r"(?m)^\s+build:", _read_text(path))) > 1


# `mlspec init` reads these too, but `mlspec import` accounts for each of their lines.
_OF_LISTS = {"pyproject.toml", "requirements.in", "requirements.txt", "setup.cfg", "setup.py", "config.yaml"}


def find_foreign(path: Path) -> Path | None:
    """Return the first file in a folder that describes an image or an environment for another tool; None without."""
    return next((found for found in find_inputs(path) if found.name not in _OF_LISTS), None)


def list_inputs(path: Path) -> list[Path]:
    """Return the files to import for a path.

    For a folder, these are the first file that describes an image, and the files that add settings to that file.
    Raises SpecError if the folder has no file to import.
    """
    if not path.is_dir():
        return [path]
    here = find_inputs(path)
    if not here:
        message = f"there is nothing to import in {path.as_posix()}"
        raise SpecError(Problem(code="MLS419", message=message, hint="name the file: mlspec import FILE"))
    binder = next((name for name in ("binder", ".binder") if (path / name).is_dir()), "")
    if binder:
        here = [place for place in here if place.parent.name == binder] or here
    found = here[:1]
    if found[0].name in {"Dockerfile", "Containerfile"}:
        found += [place for place in here if place.name in _COMPOSE][:1]
        # A Compose file with several images names the Dockerfile of each.
        found = found[1:] if len(found) > 1 and _builds_several(found[1]) else found
        return found + [path / name for name in (".dockerignore",) if (path / name).is_file()]
    return found + [path / binder / name for name in _BESIDE if (path / binder / name).is_file()]


def _name_from(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path, folder)).as_posix()


def _read_text(path: Path) -> str:
    name = path.as_posix()
    try:
        text = encoding.decode(read_file(path, _MAX_BYTES + 1), name, _MAX_BYTES)
    except FileNotFoundError:
        problem = Problem(code="MLS419", message=f"there is no file {name}", hint="correct its path")
        raise SpecError(problem.at(name, None)) from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise SpecError(Problem(code="MLS419", message=f"{name} cannot be read: {reason}").at(name, None)) from None
    return text.removeprefix("\ufeff").replace("\r", "\n")


def import_folder(folder: Path) -> ImportFolder:
    """Return the folder of the new spec, with functions that read its files."""
    return ImportFolder(read=reading.make_reader(folder), look=reading.make_looker(folder))


def import_paths(paths: Iterable[Path], into: Path) -> ImportResult:
    """Import files of other tools: return the new spec ``into`` and a report on each line; writes nothing.

    The package index says for which Pythons the pinned packages have wheels. Raises SpecError if a file cannot be read.
    """
    paths = tuple(paths)
    if paths and paths[0].name in {"docker", "podman", "nvidia-docker"} and not paths[0].exists():
        texts: Mapping[str, str] = {COMMAND_LINE: shlex.join(map(str, paths)) + "\n"}
    else:
        texts = read_texts([found for path in paths for found in list_inputs(path)], into.parent)
    others = [_name_from(found, into.parent) for path in paths if path.is_dir() for found in find_inputs(path)]
    return import_files(texts, import_folder(into.parent), find_wheel_pythons, into.name, others)


def write_import(result: ImportResult, into: Path) -> None:
    """Write the spec of an import and its other files; raises SpecError if one of these files already exists."""
    writing.create_all({into.name: result.spec.text, **result.spec.files}, into.parent)
