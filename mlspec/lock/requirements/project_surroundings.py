"""The files around a pyproject.toml that apply to it too: the root of its workspace, uv's settings, other packages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from mlspec.lock.requirements.named_files import NamedFiles
from mlspec.lock.requirements.other_files import Look
from mlspec.lock.requirements.pyproject import Project
from mlspec.lock.requirements.sources.local_sources import find_folders
from mlspec.lock.requirements.sources.workspaces import find_uv_toml, find_workspace


def add_surroundings(project: Project, read: Callable[[str], str], look: Look, root: str, files: NamedFiles) -> Project:
    """Return a project with its workspace, uv's settings and the folders of its packages; ``files`` records them."""
    path = project.path
    if workspace := find_workspace(path, read, root):
        files.note(workspace[0], workspace[1].text)
        project = replace(project, workspace=workspace[1])
    if settings := find_uv_toml(workspace[0] if workspace else path, read, root):
        files.note(settings[0], settings[1].text)
        project = replace(project, uv_toml=settings[1])
    if local := [source for source in project.tables.sources if source.folder or source.is_member]:
        project = replace(project, folders=find_folders(path, project.toml, workspace, local, read, look))
    return project
