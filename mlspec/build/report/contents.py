"""The contents of the layers that a Dockerfile adds to its base: Python packages, code, Debian packages."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mlspec.build.steps import BYTECODE_LABEL, Kind, Step, packages_label, short_reference
from mlspec.plan.bytecode import BYTECODE

if TYPE_CHECKING:
    from mlspec.lock.pins import Pin, RequirementsLock
    from mlspec.plan.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One package in a layer; ``wheel`` is the size of its wheel in bytes, or None if unknown.

    ``via`` are the packages that require this one; empty if only the spec requires it.
    """

    name: str
    version: str = ""
    wheel: int | None = None
    via: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """The contents of one layer: its kind and name, a label in the words of the spec, and its packages."""

    kind: Kind
    name: str
    label: str
    packages: tuple[Package, ...] = ()


def describe_base(plan: Plan) -> Content:
    """Describe the layers of the base image."""
    return Content(kind="base", name="base", label=f"base image {short_reference(plan.base.reference)}")


UNKNOWN = Content(kind="other", name="", label="a layer that is not in the plan")
"""The contents of each layer of an image that has fewer layers than planned."""


def contents_of(plan: Plan, dockerfile: str, steps: Iterable[Step], packages: RequirementsLock) -> tuple[Content, ...]:
    """Describe each layer that ``dockerfile`` adds to the base image, the lowest layer first."""
    from mlspec.build.layer_steps import layer_instructions

    known = {(step.stage, step.number): step for step in steps}
    found: list[Content] = []
    for instruction in layer_instructions(dockerfile):
        step = known[instruction.stage, instruction.number]
        source = re.search(r"--from=(\S+) (\S+)", instruction.text)
        if source:
            found.append(_describe_copied_layer(source[1], source[2], plan, packages))
        else:
            found.append(_describe_own_layer(step, plan))
    return tuple(found)


def _describe_copied_layer(stage: str, folder: str, plan: Plan, packages: RequirementsLock) -> Content:
    """Describe a layer that is copied from a folder of a stage."""
    if stage == "layer-git":
        label = f"requirements: {', '.join(pin.name for pin in packages.vcs)} from git"
        return Content(kind="requirements", name="git", label=label, packages=_packages(packages.vcs))
    if name := next((layer.name for layer in plan.packages.layers if layer.stage == stage), ""):
        pins = next((layer.pins for layer in packages.layers if layer.name == name), ())
        label = packages_label(name, pins)
        return Content(kind="requirements", name=name, label=label, packages=_packages(pins))
    if stage == "code":
        return Content(kind="code", name="code", label="the code")
    if folder == BYTECODE:
        return Content(kind="other", name="bytecode", label=BYTECODE_LABEL)
    return Content(kind="other", name=stage, label="the folders that every user may write to")


def _packages(pins: Iterable[Pin]) -> tuple[Package, ...]:
    made = (Package(name=pin.name, version=pin.version, wheel=pin.size, via=pin.via) for pin in pins)
    return tuple(sorted(made, key=lambda package: (-(package.wheel or 0), package.name)))


def _describe_own_layer(step: Step, plan: Plan) -> Content:
    """Describe a layer that an instruction of the final stage makes itself."""
    content = Content(kind=step.kind, name=step.kind, label=step.label)
    if step.kind == "apt":
        return replace(content, packages=tuple(Package(name=name) for name in plan.system.apt))
    if step.keyword == "WORKDIR":
        return replace(content, name="working_dir", label="the working directory")
    return content
