"""The sources of a project that are folders: packages by path, and members of its workspace (uv's documentation)."""

from __future__ import annotations

import fnmatch
import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping

from packaging.requirements import Requirement as Pep508

from mlspec.lock.requirements.other_files import Look
from mlspec.lock.requirements.sources.choices import fitting_platforms
from mlspec.lock.requirements.sources.source_tables import Conditions, PackageSource, TomlText
from mlspec.lock.requirements.sources.workspaces import is_in, read_toml

_PROJECT_FILES = ("pyproject.toml", "setup.py")


def find_folders(
    path: str,
    toml: TomlText,
    workspace: tuple[str, TomlText] | None,
    sources: Iterable[PackageSource],
    read: Callable[[str], str],
    look: Look,
) -> Mapping[str, str]:
    """Return the folders of the packages that are code beside a project, by the names of the packages.

    ``path`` is that of the project, whose text is ``toml``; the folders are relative to the folder of the spec.
    """
    root = workspace or (path, toml)
    members = _find_members(*root, read, look)
    folders = dict[str, str]()
    for source in sources:
        above = path if source.place.file == toml.shown else root[0]
        written = posixpath.normpath(posixpath.join(posixpath.dirname(above), source.folder)) if source.folder else ""
        folder = members.get(source.name, "") if source.is_member else written
        if folder and any(look(posixpath.normpath(f"{folder}/{name}")).kind == "file" for name in _PROJECT_FILES):
            folders[source.name] = folder
    return folders


def take_folder(
    text: str,
    own: Iterable[tuple[PackageSource, tuple[str, ...]]],
    folders: Mapping[str, str],
    conditions: Conditions,
) -> str | None:
    """Return the folder, with extras, from which the image takes a requirement with ``own`` sources; None without one.

    The result is empty if the requirement is for no platform of the image, and None if it is for some of them.
    """
    parsed = Pep508(text)
    names = {source.name if platforms == conditions.platforms else "" for source, platforms in own}
    folder = folders.get(names.pop(), "") if len(names) == 1 else ""
    fitting = fitting_platforms(str(parsed.marker or ""), conditions)
    if not folder or fitting not in {(), conditions.platforms}:
        return None
    extras = f"[{','.join(sorted(parsed.extras))}]" if parsed.extras else ""
    return f"./{folder}{extras}" if fitting else ""


def _find_members(path: str, workspace: TomlText, read: Callable[[str], str], look: Look) -> Mapping[str, str]:
    """Return the folders of the members of a workspace by their normalised names; ``path`` is that of ``workspace``."""
    root, members = posixpath.dirname(path), dict[str, str]()
    patterns, excluded = (workspace.value("tool", "uv", "workspace", key) or () for key in ("members", "exclude"))
    for pattern in (".", *map(str, patterns)):
        for below in _expand(root, "", posixpath.normpath(pattern), look):
            folder = posixpath.normpath(posixpath.join(root, below))
            opened = read_toml(posixpath.normpath(posixpath.join(folder, "pyproject.toml")), read, "")
            if opened and opened[1].name and not any(is_in(below.split("/"), str(row)) for row in excluded):
                members.setdefault(opened[1].name, folder)
    return members


def _expand(root: str, above: str, pattern: str, look: Look) -> Iterator[str]:
    """Yield the folders below ``root`` that fit a pattern below ``above``."""
    first, _, rest = pattern.partition("/")
    is_open = any(mark in first for mark in "*?[")
    there = look(posixpath.normpath(posixpath.join(root, above) or "."))
    for name in fnmatch.filter(there.names, first) if is_open else [first]:
        found = posixpath.join(above, name)
        yield from _expand(root, found, rest, look) if rest else (found,)
