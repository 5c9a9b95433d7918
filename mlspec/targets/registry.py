"""Plans to artifacts: the files of the rows in :mod:`mlspec.spec.targets`, by a template or by data to dump."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from mlspec.lock.state import LockResult
from mlspec.lock.update import record_files
from mlspec.plan.plan import Plan
from mlspec.spec.files import Artifact
from mlspec.spec.targets import ALWAYS, SHARED_TARGETS, TARGETS, Target
from mlspec.targets.edited_files import fingerprint
from mlspec.targets.filters import draw
from mlspec.targets.run_script import run_script

if TYPE_CHECKING:
    from mlspec.targets.bundle import Bundle
    from mlspec.targets.yaml_writer import Data, Sheet

__all__ = [
    "ALWAYS",
    "SHARED_TARGETS",
    "TARGETS",
    "SharedTarget",
    "emit",
    "emit_all",
    "paths_of",
    "record_artifacts",
    "shared_target",
]


class SharedTarget(Protocol):
    """The module that draws one file for all images of a spec: data that is dumped behind a comment."""

    def heading(self, bundle: Bundle) -> tuple[str, ...]:
        """Return the lines of the comment."""

    def part(self, plan: Plan, bundle: Bundle) -> Mapping[str, Data]:
        """Return what one image brings to the file."""

    def sheets(self, bundle: Bundle) -> tuple[Sheet, ...]:
        """Return the documents that the parts of all images make."""


def shared_target(name: str) -> SharedTarget:
    """Return the module of a target that draws one file for all images; it is imported where a spec asks for it."""
    return cast("SharedTarget", import_module(f"mlspec.targets.{name}"))


def paths_of(plans: Sequence[Plan], targets: Iterable[str]) -> frozenset[str]:
    """Return the paths of the artifacts that :func:`emit_all` would return."""
    return frozenset(TARGETS[name].path(plan.files) for name in targets for plan in plans)


def emit_all(plans: Sequence[Plan], targets: Iterable[str]) -> tuple[Artifact, ...]:
    """Return the artifacts of all images of a spec: of each its own, then what they share."""
    wanted = tuple(targets)
    own = [name for name in wanted if name in ALWAYS]
    shared = (_draw_shared(plans, name) for name in wanted if name in SHARED_TARGETS)
    return (*(artifact for plan in plans for artifact in emit(plan, own)), *shared)


def _draw_shared(plans: Sequence[Plan], name: str) -> Artifact:
    from mlspec.targets import yaml_writer
    from mlspec.targets.bundle import bundle_of

    module, bundle = shared_target(name), bundle_of(plans)
    text = yaml_writer.text(module.heading(bundle), module.sheets(bundle))
    return Artifact(TARGETS[name].path(plans[0].files), text)


def emit(plan: Plan, targets: Iterable[str] = ALWAYS) -> tuple[Artifact, ...]:
    """Return the artifacts of an image, one for each of ``targets``."""
    return tuple(_draw(plan, TARGETS[name]) for name in targets)


def _draw(plan: Plan, target: Target) -> Artifact:
    text = draw(target.template, plan=plan, script=run_script(plan.run))
    return Artifact(target.path(plan.files), text, target.is_executable)


def record_artifacts(
    locked: LockResult, plans: Sequence[Plan], targets: Iterable[str], drawn: Iterable[Artifact]
) -> LockResult:
    """Return the lock with the fingerprints of the artifacts that were drawn, and of those that were drawn before.

    ``targets`` are those that the spec asks for: what is drawn beside them is not recorded.
    """
    names = paths_of(plans, (*ALWAYS, *targets))
    files = {name: digest for name, digest in (locked.lock.files if locked.lock else {}).items() if name in names}
    files |= {artifact.path: fingerprint(artifact.text) for artifact in drawn if artifact.path in names}
    return record_files(locked, plans[0].files, files)
