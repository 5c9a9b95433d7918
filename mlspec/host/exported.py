"""The packages of an image, exported for another tool."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mlspec.errors import Problem
from mlspec.host.local_world import LocalWorld
from mlspec.host.rendered import Rendered
from mlspec.lock.image_requirements import add_logins
from mlspec.plan.plan import Plan
from mlspec.targets.exports.conda_export import export_conda
from mlspec.targets.exports.export_facts import ExportFacts, ExportForm, export_facts
from mlspec.targets.exports.export_losses import find_export_losses, list_container_keys
from mlspec.targets.exports.pip_export import export_requirements


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportResult:
    """The text of an export, and what it lacks: ``losses`` of the environment, and ``keys`` about containers."""

    text: str
    losses: tuple[Problem, ...]
    keys: tuple[str, ...]


def export_image(rendered: Rendered, plan: Plan, form: ExportForm, say: Callable[[str], None]) -> ExportResult:
    """Return the packages of an image in a form; raises as :func:`mlspec.api.export` does."""
    facts, image = export_facts(rendered, plan), rendered.spec.image(plan.key)
    return ExportResult(
        text=_write_form(rendered, facts, plan, form, say),
        losses=find_export_losses(facts, image, form),
        keys=list_container_keys(image),
    )


def _write_form(
    rendered: Rendered, facts: ExportFacts, plan: Plan, form: ExportForm, say: Callable[[str], None]
) -> str:
    if form == "requirements":
        return export_requirements(facts)
    if form == "conda":
        return export_conda(facts)
    from mlspec.host.network.package_files import find_package_files
    from mlspec.targets.exports.pylock_export import export_pylock

    image = rendered.spec.image(plan.key)
    indexes = add_logins(LocalWorld(rendered.folder, say), image, facts.used_indexes)
    return export_pylock(facts, find_package_files(facts, indexes))
