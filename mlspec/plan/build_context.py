"""The build context of an image: the folder that a build copies from."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass

from mlspec.spec.spec import Image


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildContext:
    """The folder that a build copies from.

    ``path`` leads from the spec's folder to the context, and ``place`` back; ``place`` is empty if both are the same
    folder. ``root`` is the folder in the image that has the files of the context.
    """

    path: str
    place: str
    root: str

    @property
    def above(self) -> str | None:
        """The path to the context, or None if it is the spec's folder."""
        return self.path if self.place else None

    def path_of(self, name: str) -> str:
        """Return the path in the context of a file beside the spec."""
        return posixpath.join(self.place, name)


def plan_build_context(image: Image) -> BuildContext:
    """Return the build context of an image."""
    place = image.place
    path = image.settings.context if place else "."
    return BuildContext(path=path or ".", place=place, root=image.context_root)
