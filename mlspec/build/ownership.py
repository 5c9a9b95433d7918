"""Check which folder built the image that the engine has under a name."""

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
    """What is remembered of builds: the folder asked for, the IDs of its last image, and the folders that built an ID.

    ``last`` is empty where no build in this folder is remembered, ``builders`` where the image is not known.
    """

    folder: str
    last: frozenset[str] = frozenset()
    builders: tuple[str, ...] = ()


def check_owner(name: str, image: LocalImage, memory: BuildMemory, spec: str, build: str) -> Problem | None:
    """Return what is wrong with running the image called ``name`` from this folder; None if it was built here.

    ``spec`` is the text of the spec, ``build`` the command that builds the image. An error means that another folder
    built the image, or nobody knows who; a warning, that no build is remembered and its label names another spec.
    """
    if memory.folder in memory.builders or image.id in memory.last:
        return None
    if memory.builders:
        message = f"the image {name} was last built in {memory.builders[-1]}, not in this folder"
        return Problem(code="MLS512", message=message, hint=f"run: {build}; or give one of the specs another name")
    if memory.last:
        message = f"the image {name} is not the one that was last built in this folder"
        return Problem(code="MLS512", message=message, hint=f"run: {build}; or, if it is yours: ./run.sh")
    label = image.labels.get(SPEC_LABEL, "")
    if label and label != text_digest(spec):
        message = f"the image {name} was built from another spec, or from an older version of this one"
        return Problem(code="MLS513", message=message, hint=f"run: {build}", severity="warning")
    return None
