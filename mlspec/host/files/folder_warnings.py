"""The warnings about the files in a project folder."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable
from pathlib import Path

from mlspec.advice import lint
from mlspec.advice.lint import Subject
from mlspec.errors import Problem
from mlspec.host.cache.witness import variable
from mlspec.host.files import reading, scan
from mlspec.plan.ignore_file import private_files
from mlspec.targets import ignore_patterns
from mlspec.targets.filters import HOME_MARK
from mlspec.targets.registry import emit
from mlspec.targets.run_script import host_path


def find_folder_warnings(folder: Path, subjects: Iterable[Subject], *, losses: bool = False) -> tuple[Problem, ...]:
    """Return the warnings about a folder for images; with ``losses``, only the warnings about losses.

    The scan of the folder is bounded. All platforms of an image use the same files: only the first platform reports the
    warnings.
    """
    first = (subject for subject in subjects if subject.plan.platform == subject.plan.platforms[0])
    return tuple(problem for subject in first for problem in _image_warnings(folder, subject, losses=losses))


def _image_warnings(folder: Path, subject: Subject, *, losses: bool) -> tuple[Problem, ...]:
    return lint.folder_warnings(subject, scan_folder(folder, subject), losses=losses)


def scan_folder(folder: Path, subject: Subject) -> lint.Context:
    """Return the files of a folder that an image gets; the scan is bounded."""
    (ignore,) = emit(subject.plan, ["ignore"])
    patterns = ignore_patterns.parse(ignore.text, subject.plan.context.place)
    asked, outside = lint.list_looked_up_paths(subject), subject.plan.code.outside
    found = scan.scan(folder, patterns, asked, _private_places(folder, subject), outside)
    if subject.plan.context.place:
        found = dataclasses.replace(found, home=reading.names_in_path(Path(_home())))
    return found


def _private_places(folder: Path, subject: Subject) -> dict[str, Path]:
    """Return the paths of an image's environment files and secrets, by their names in the spec."""
    home = _home()
    return {path: folder / host_path(path).replace(HOME_MARK, home) for path in private_files(subject.settings)}


def _home() -> str:
    variable("HOME")
    return os.path.expanduser("~")  # noqa: PTH111 - pathlib raises where nobody says who the user is
