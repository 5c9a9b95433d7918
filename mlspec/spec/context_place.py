"""The build context of an image: the folder that a build copies from, and the place of the spec's folder in it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence

from mlspec.errors import KeyPath, quote_value
from mlspec.spec.keys import Settings
from mlspec.spec.values import count_ups, is_plain_path

_ROOT = str(Settings.model_fields["working_dir"].default)

Conflict = tuple[str, str, str, KeyPath]
"""A code, a message, a hint, and the path of a key."""


Folder = Sequence[str] | None
"""The names in the path of a spec's folder, or None for a text that is in no folder."""


def place_in_context(settings: Settings, folder: Folder) -> str:
    """Return the path from the build context to the spec's folder; empty if the folder is the context.

    Without a folder, its names are unknown, and the path has other names in their place.
    """
    depth = count_ups(settings.context or ".")
    names = ("folder",) * depth if folder is None else folder[-depth:]
    return "/".join(names) if depth else ""


def fill_working_dir(settings: Settings, place: str) -> Settings:
    """Return the settings of an image whose working directory is the spec's folder, unless the spec names another."""
    if not place or "working_dir" in settings.model_fields_set:
        return settings
    values = {name: getattr(settings, name) for name in Settings.model_fields}
    return Settings.model_construct(settings.model_fields_set, **values | {"working_dir": f"{_ROOT}/{place}"})


def context_root(working_dir: str, place: str) -> str:
    """Return the folder in the image that has the files of the build context."""
    return working_dir.removesuffix(f"/{place}") if place else working_dir


def find_context_conflicts(settings: Settings, folder: Folder) -> Iterator[Conflict]:
    """Yield the problems of an image with its build context."""
    place = place_in_context(settings, folder)
    yield from _find_context_problems(settings, folder, place)
    if folder is not None:
        yield from _find_working_dir_problems(settings, place)


def _find_context_problems(settings: Settings, folder: Folder, place: str) -> Iterator[Conflict]:
    if folder is not None and count_ups(settings.context or ".") > len(folder):
        message = f"there is no folder {settings.context} above the folder of the spec"
        hint = f"write a folder above the spec, such as: context: {'..' if folder else '.'}"
        yield "MLS138", message, hint, ("context",)
    elif place and not is_plain_path(place):
        name = next(name for name in place.split("/") if not is_plain_path(name))
        message = f"the folder {quote_value(name)} cannot be part of a path in a Dockerfile"
        yield "MLS138", message, "rename the folder: use letters, digits and . _ @ + -", ("context",)


def _find_working_dir_problems(settings: Settings, place: str) -> Iterator[Conflict]:
    if not place or "working_dir" not in settings.model_fields_set:
        return
    written = settings.working_dir
    if not posixpath.dirname(written.removesuffix(place)).strip("/") or not written.endswith(f"/{place}"):
        message = f"{written} does not end in {place}, the path of the spec in its build context"
        near = "" if written.endswith(f"/{place}") else written.rstrip("/")
        yield "MLS138", message, f"write: working_dir: {near or _ROOT}/{place}", ("working_dir",)
