"""The explanation of a spec's artifacts, together with the artifacts whose files have changed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from mlspec.advice.explain import explanation
from mlspec.advice.explain.origins import sources_of
from mlspec.host.files import generated
from mlspec.host.local_world import LocalWorld
from mlspec.lock.update import read_or_outline_lock
from mlspec.plan.compiled_spec import compile_spec
from mlspec.spec.spec import Spec
from mlspec.targets.registry import ALWAYS, emit_all, record_artifacts


def explain_spec(loaded: Spec, path: Path, targets: Iterable[str] = ()) -> explanation.Explained:
    """Return the origin of each line in the artifacts of the spec in ``path``; without ``targets``, of all artifacts.

    Raises SpecError.
    """
    locked, is_locked = read_or_outline_lock(loaded, LocalWorld(path.parent))
    plans = compile_spec(loaded, path.name, locked).plans
    drawn = emit_all(plans, (*ALWAYS, *loaded.targets))
    sources = sources_of(loaded, record_artifacts(locked, plans, loaded.targets, drawn), path.parent.as_posix())
    explanations = tuple(explanation.explain(sources, targets))
    changed = generated.find_stale(map(explanation.artifact_of, explanations), Path()) if is_locked else ()
    return explanation.Explained(loaded, explanations, is_locked, tuple(artifact.path for artifact in changed))
