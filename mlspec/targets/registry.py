"""The artifacts of plans: one file for each row of :mod:`mlspec.spec.targets`, from a template or as dumped data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from mlspec.lock.state import LockResult
from mlspec.lock.update import record_files
from mlspec.plan.plan import Plan
from mlspec.spec.files import Artifact
from mlspec.spec.targets import ALWAYS, OPTIONAL_TARGETS, TARGETS
from mlspec.targets.edited_files import fingerprint
from mlspec.targets.filters import draw
from mlspec.targets.run_script import run_script

if TYPE_CHECKING:
    from mlspec.targets.bundle import Bundle
    from mlspec.targets.sheet import Data, Sheet

__all__ = [
    "ALWAYS",
    "OPTIONAL_TARGETS",
    "TARGETS",
    "TargetModule",
    "emit",
    "emit_all",
    "paths_of",
    "record_artifacts",
    "target_module",
    "write_target",
]


class TargetModule(Protocol):
    """A module that makes the file of some images of a spec: a comment, and data that a writer dumps below it.

    The images are all images of the spec, or the only one of the file.
    """

    def heading(self, bundle: Bundle) -> tuple[str, ...]:
        """Return the lines of the comment."""

    def part(self, plan: Plan, bundle: Bundle) -> Mapping[str, Data]:
        """Return the part of one image in the file."""

    def sheets(self, bundle: Bundle) -> tuple[Sheet, ...]:
        """Return the documents of the file, made from the parts of its images."""


def target_module(name: str) -> TargetModule:
    """Import and return the module of a target without a template.

    Only a spec that asks for the target imports the module.
    """
    return cast("TargetModule", import_module(f"mlspec.targets.{name}"))


def paths_of(plans: Sequence[Plan], targets: Iterable[str]) -> frozenset[str]:
    """Return the paths of the artifacts that :func:`emit_all` would return."""
    return frozenset(TARGETS[name].path(plan.files) for name in targets for plan in plans)


def emit_all(plans: Sequence[Plan], targets: Iterable[str]) -> tuple[Artifact, ...]:
    """Return the artifacts of all images of a spec: first the files of each image, then the shared files."""
    wanted = tuple(targets)
    shared = [name for name in wanted if TARGETS[name].is_shared]
    own = [name for name in wanted if name not in shared]
    return (*(artifact for plan in plans for artifact in emit(plan, own)), *(_draw(plans, name) for name in shared))


def emit(plan: Plan, targets: Iterable[str] = ALWAYS) -> tuple[Artifact, ...]:
    """Return the artifacts of an image, one for each of ``targets``."""
    return tuple(_draw([plan], name) for name in targets)


def _draw(plans: Sequence[Plan], name: str) -> Artifact:
    """Draw the file of a target for the images that share it, or for the only image of the file."""
    target, first = TARGETS[name], plans[0]
    if target.template:
        text = draw(target.template, **template_values(first, names_apptainer=name == "apptainer"))
    else:
        from mlspec.targets.bundle import bundle_of

        text = write_target(name, bundle_of(plans))
    return Artifact(target.path(first.files), text, target.is_executable)


def template_values(plan: Plan, *, names_apptainer: bool) -> dict[str, object]:
    """Return the variables of the templates; only one template reads the one of Apptainer."""
    values: dict[str, object] = {"plan": plan, "script": run_script(plan.run)}
    if names_apptainer:
        from mlspec.targets.apptainer_script import apptainer_script

        values["apptainer"] = apptainer_script(plan)
    return values


def write_target(name: str, bundle: Bundle) -> str:
    """Return the text that a target's module makes; the suffix of the file's name chooses the format."""
    module = target_module(name)
    if TARGETS[name].file.endswith(".json"):
        from mlspec.targets import json_writer

        return json_writer.text(module.heading(bundle), module.sheets(bundle))
    from mlspec.targets import yaml_writer

    return yaml_writer.text(module.heading(bundle), module.sheets(bundle))


def record_artifacts(
    locked: LockResult, plans: Sequence[Plan], targets: Iterable[str], drawn: Iterable[Artifact]
) -> LockResult:
    """Return the lock with the fingerprints of the artifacts drawn now, and of the artifacts drawn earlier.

    ``targets`` are the targets of the spec: the lock records no artifact of any other target.
    """
    names = paths_of(plans, (*ALWAYS, *targets))
    files = {name: digest for name, digest in (locked.lock.files if locked.lock else {}).items() if name in names}
    files |= {artifact.path: fingerprint(artifact.text) for artifact in drawn if artifact.path in names}
    return record_files(locked, plans[0].files, files)
