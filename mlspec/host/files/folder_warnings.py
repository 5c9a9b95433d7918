"""A project's folder to the warnings that it causes."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from mlspec.advice import lint
from mlspec.advice.lint import Subject
from mlspec.errors import Problem
from mlspec.host.files import scan
from mlspec.plan.ignore_file import private_files
from mlspec.targets import ignore_patterns
from mlspec.targets.filters import HOME_MARK
from mlspec.targets.registry import emit
from mlspec.targets.run_script import host_path


def find_folder_warnings(folder: Path, subjects: Iterable[Subject], *, losses: bool = False) -> tuple[Problem, ...]:
    """Return the warnings that a folder causes for images, or only those of ``losses``.

    The look is bounded. All platforms of an image are made from the same files: only the first has the warnings.
    """
    first = (subject for subject in subjects if subject.plan.platform == subject.plan.platforms[0])
    return tuple(problem for subject in first for problem in _image_warnings(folder, subject, losses=losses))


def _image_warnings(folder: Path, subject: Subject, *, losses: bool) -> tuple[Problem, ...]:
    (ignore,) = emit(subject.plan, ["ignore"])
    patterns = ignore_patterns.parse(ignore.text)
    found = scan.scan(folder, patterns, lint.list_looked_up_paths(subject), _private_places(folder, subject))
    return lint.folder_warnings(subject, found, losses=losses)


def _private_places(folder: Path, subject: Subject) -> dict[str, Path]:
    """Return where the environment files and the secrets of an image are, by what the spec calls them."""
    home = os.path.expanduser("~")  # noqa: PTH111 - pathlib raises where nobody says who the user is
    return {path: folder / host_path(path).replace(HOME_MARK, home) for path in private_files(subject.settings)}
