"""Plans to artifacts: a row for each target, with a template and perhaps a view function, or with data to dump."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlspec.plan.plan import Plan
from mlspec.spec.files import Artifact, Files
from mlspec.spec.spec import SHARED_TARGETS
from mlspec.targets.filters import draw
from mlspec.targets.run_script import run_script

if TYPE_CHECKING:
    from mlspec.targets.project import Bundle
    from mlspec.targets.yaml_writer import Data, Sheet


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A kind of output: the name of its file, its template, and what the template sees beyond the plan."""

    file: Callable[[Files], str]
    template: str
    view: Callable[[Plan], Mapping[str, object]] = lambda plan: {}
    executable: bool = False


TARGETS: Mapping[str, Target] = {
    "dockerfile": Target(file=lambda files: files.dockerfile, template="Dockerfile.j2"),
    "ignore": Target(file=lambda files: files.ignore, template="dockerignore.j2"),
    "run": Target(
        file=lambda files: files.run_script,
        template="run.sh.j2",
        view=lambda plan: {"script": run_script(plan.run)},
        executable=True,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedTarget:
    """A kind of output with one file for all images of a spec: data that is dumped behind a comment.

    ``part`` is what one image brings to it, and ``sheets`` are the documents that the parts of all make.
    """

    file: Callable[[Files], str]
    heading: Callable[[Bundle], tuple[str, ...]]
    part: Callable[[Plan, Bundle], Mapping[str, Data]]
    sheets: Callable[[Bundle], tuple[Sheet, ...]]


def shared_target(name: str) -> SharedTarget:
    """Return the target of this name, one of :data:`mlspec.spec.spec.SHARED_TARGETS`."""
    # Imported where a spec asks for them: most do not.
    from mlspec.targets import compose, kubernetes

    if name == "compose":
        return SharedTarget(
            file=lambda files: files.compose, heading=compose.heading, part=compose.part, sheets=compose.sheets
        )
    return SharedTarget(
        file=lambda files: files.kubernetes, heading=kubernetes.heading, part=kubernetes.part, sheets=kubernetes.sheets
    )


def paths_of(plans: Sequence[Plan], targets: Iterable[str]) -> frozenset[str]:
    """Return the paths of the artifacts that :func:`emit_all` would return."""
    names = tuple(targets)
    own = (TARGETS[name].file(plan.files) for name in names if name in TARGETS for plan in plans)
    shared = (shared_target(name).file(plans[0].files) for name in names if name in SHARED_TARGETS)
    return frozenset((*own, *shared))


def emit_all(plans: Sequence[Plan], targets: Iterable[str]) -> tuple[Artifact, ...]:
    """Return the artifacts of all images of a spec: of each its own, then what they share."""
    wanted = tuple(targets)
    own = [name for name in wanted if name in TARGETS]
    shared = (_shared(plans, name) for name in wanted if name in SHARED_TARGETS)
    return (*(artifact for plan in plans for artifact in emit(plan, own)), *shared)


def _shared(plans: Sequence[Plan], name: str) -> Artifact:
    from mlspec.targets import yaml_writer as dumping
    from mlspec.targets.project import bundle_of

    target, bundle = shared_target(name), bundle_of(plans)
    return Artifact(target.file(plans[0].files), dumping.text(target.heading(bundle), target.sheets(bundle)))


def emit(plan: Plan, targets: Iterable[str] = tuple(TARGETS)) -> tuple[Artifact, ...]:
    """Return the artifacts of an image, one for each of ``targets``."""
    return tuple(_artifact(plan, TARGETS[name]) for name in targets)


def _artifact(plan: Plan, target: Target) -> Artifact:
    text = draw(target.template, plan=plan, **target.view(plan))
    return Artifact(target.file(plan.files), text, target.executable)
