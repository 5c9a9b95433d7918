"""The layers that a Dockerfile of ours adds to its base, and what is in each: packages, code, the system's own."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from mlspec.build.layer_steps import layer_instructions
from mlspec.build.steps import Kind, Step, packages_label, short_reference
from mlspec.lock.pins import Pin, RequirementsLock
from mlspec.plan.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One package in a layer: the bytes of its wheel, where they are known, and the packages that ask for it.

    Nobody but the spec asks for one without ``via``.
    """

    name: str
    version: str = ""
    wheel: int | None = None
    via: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What is in one layer: its kind and name, a label in the words of the spec, and the packages that it holds."""

    kind: Kind
    name: str
    label: str
    packages: tuple[Package, ...] = ()


def base(plan: Plan) -> Content:
    """Return what the layers of the base image are told as."""
    return Content(kind="base", name="base", label=f"base image {short_reference(plan.base.reference)}")


UNKNOWN = Content(kind="other", name="", label="a layer that the plan does not know")
"""Stands for every layer of an image that is not made as planned."""


def contents_of(plan: Plan, dockerfile: str, steps: Iterable[Step], packages: RequirementsLock) -> tuple[Content, ...]:
    """Return what is in each layer that ``dockerfile`` adds to the base image, the lowest first."""
    known = {(step.stage, step.number): step for step in steps}
    found: list[Content] = []
    for instruction in layer_instructions(dockerfile):
        step = known[instruction.stage, instruction.number]
        source = re.search(r"--from=(\S+)", instruction.text)
        found.append(_copied(source[1], plan, packages) if source else _made(step, plan))
    return tuple(found)


def _copied(stage: str, plan: Plan, packages: RequirementsLock) -> Content:
    """Return what is in the layer that is copied from a stage."""
    if stage == "layer-git":
        label = f"requirements: {', '.join(pin.name for pin in packages.vcs)} from git"
        return Content(kind="requirements", name="git", label=label, packages=_packages(packages.vcs))
    if name := next((layer.name for layer in plan.packages.layers if layer.stage == stage), ""):
        pins = next((layer.pins for layer in packages.layers if layer.name == name), ())
        label = packages_label(name, pins)
        return Content(kind="requirements", name=name, label=label, packages=_packages(pins))
    if stage == "code":
        return Content(kind="code", name="code", label="the code")
    return Content(kind="other", name=stage, label="the folders that every user may write to")


def _packages(pins: Iterable[Pin]) -> tuple[Package, ...]:
    made = (Package(name=pin.name, version=pin.version, wheel=pin.size, via=pin.via) for pin in pins)
    return tuple(sorted(made, key=lambda package: (-(package.wheel or 0), package.name)))


def _made(step: Step, plan: Plan) -> Content:
    """Return what is in the layer that an instruction makes itself."""
    content = Content(kind=step.kind, name=step.kind, label=step.label)
    if step.kind == "apt":
        return replace(content, packages=tuple(Package(name=name) for name in plan.system.apt))
    if step.keyword == "WORKDIR":
        return replace(content, name="working_dir", label="the working directory")
    return content
