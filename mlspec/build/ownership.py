"""A check of the folder that built the engine's image of a name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mlspec.errors import Problem
from mlspec.targets.labels import SPEC_LABEL, text_digest


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalImage:
    """An image that the engine has: its ID, its platform (empty if it is for several), its user and its labels."""

    id: str
    platform: str
    user: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildMemory:
    """The remembered builds: this folder, the IDs of its last image, and the folders that built the image.

    ``last`` is empty if no build in this folder is remembered. ``builders`` is empty if the image is unknown.
    """

    folder: str
    last: frozenset[str] = frozenset()
    builders: tuple[str, ...] = ()


def check_owner(name: str, image: LocalImage, memory: BuildMemory, spec: str, build: str) -> Problem | None:
    """Return the problem of a run of the image ``name`` from this folder, or None if this folder built the image.

    ``spec`` is the text of the spec, and ``build`` the command that builds the image. The problem is an error if
    another or an unknown folder built the image. It is a warning if no build is remembered and the image's label names
    another spec.
    """
    if memory.folder in memory.builders or image.id in memory.last:
        return None
    if memory.builders:
        message = f"the image {name} was last built in {memory.builders[-1]}, not in this folder"
        return Problem(code="MLS512", message=message, hint=f"run: {build}; or give one of the specs another name")
    if memory.last:
        message = f"the image {name} is not the one that was last built in this folder"
        return Problem(
            code="MLS512", message=message, hint=f"run: {build}; or, if it is yours, start it by its run script"
        )
    label = image.labels.get(SPEC_LABEL, "")
    if label and label != text_digest(spec):
        message = f"the image {name} was built from another spec, or from an older version of this one"
        return Problem(code="MLS513", message=message, hint=f"run: {build}", severity="warning")
    return None
