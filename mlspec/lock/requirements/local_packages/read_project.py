"""Read the project in a folder: its pyproject.toml, or else its setup.cfg and setup.py."""

from __future__ import annotations

import posixpath

from mlspec.errors import Problem
from mlspec.lock.requirements.local_packages.local_entries import LocalEntry
from mlspec.lock.requirements.local_packages.setup_metadata import needs_setup_files, read_setup_files
from mlspec.lock.requirements.named_files import NamedFiles
from mlspec.lock.requirements.other_files import Look
from mlspec.lock.requirements.pyproject import Project, parse_project
from mlspec.lock.requirements.requirement_lines import RequirementLine
from mlspec.lock.requirements.sources.source_tables import Conditions


def read_local_project(
    entry: LocalEntry, line: RequirementLine, files: NamedFiles, look: Look, root: str, conditions: Conditions
) -> Project | Problem:
    """Return the project in the folder that ``line`` names, or its problem.

    ``files`` reads the files, whose paths messages show below ``root``.
    """
    is_there = look(entry.project).kind == "file"
    text = (files.read(entry.project, line.place) or "") if is_there else ""
    paths = entry.list_setup_files(look) if needs_setup_files(text) else ()
    if not paths:
        return parse_project(text, entry.project, posixpath.join(root, entry.project), line, conditions)
    texts = {path: files.read(path, line.place) or "" for path in paths}
    beside = {entry.project: text} if is_there else {}
    found = read_setup_files({**texts, **beside}, root)
    return found if isinstance(found, Problem) else Project(found, paths[0], line, conditions)
