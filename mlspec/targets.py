"""Plans to artifacts: one row, one template and perhaps one view function for each target."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from mlspec.commands import run_script
from mlspec.plan import Files, Plan
from mlspec.templating import draw


@dataclass(frozen=True, slots=True)
class Artifact:
    """One output file: its path beside the spec, its text, and whether it is run."""

    path: str
    text: str
    executable: bool = False


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


def emit(plan: Plan, targets: Iterable[str] = tuple(TARGETS)) -> tuple[Artifact, ...]:
    """Return the artifacts of an image, one for each of ``targets``."""
    return tuple(_artifact(plan, TARGETS[name]) for name in targets)


def _artifact(plan: Plan, target: Target) -> Artifact:
    text = draw(target.template, plan=plan, **target.view(plan))
    return Artifact(target.file(plan.files), text, target.executable)
