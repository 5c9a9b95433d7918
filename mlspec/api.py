"""The pipeline, a function a step: load, lock, plan, render, compare, write."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from mlspec.errors import LockError, Problem, SpecError, merge_problems
from mlspec.host.files import generated
from mlspec.host.files import read as disk
from mlspec.host.rendered import Rendered as Rendered
from mlspec.host.world import LocalWorld
from mlspec.lock.state import LockOptions
from mlspec.lock.update import outline_lock, read_or_outline_lock, update_lock
from mlspec.plan.compiled_spec import CompiledSpec, compile_spec
from mlspec.plan.plan import Plan
from mlspec.spec import fixes as repairs
from mlspec.spec import spec
from mlspec.spec.document import Document
from mlspec.spec.files import Artifact
from mlspec.spec.fixes import Settled
from mlspec.spec.spec import Spec, find_unfit
from mlspec.targets.registry import ALWAYS, emit_all, record_artifacts

if TYPE_CHECKING:
    from mlspec.advice.explain.explanation import Explained
    from mlspec.build.failed_step import FailureContext
    from mlspec.build.report.contents import Content
    from mlspec.build.steps import Step
    from mlspec.host.demand import Demand
    from mlspec.targets.labels import Label

Say = Callable[[str], None]


def load(path: Path, document: Document | None = None) -> Spec:
    """Return the spec in a file, or in ``document`` as if it stood there; raises SpecError with every problem found."""
    return spec.validate(document or disk.read_document(path))


def render(
    path: Path,
    wish: LockOptions | None = None,
    *,
    targets: Iterable[str] = (),
    say: Say = lambda _: None,
    today: str = "",
    document: Document | None = None,
) -> Rendered:
    """Return what the spec in ``path`` compiles to; the network is used only where the lock is not current.

    ``today``, an ISO day, is what it takes to warn of what ends; the rest is the same every day. ``document`` is as for
    :func:`load`. Raises SpecError, LockError, with what the spec tells of why nothing fits, or ToolError.
    """
    loaded = load(path, document)
    wanted = tuple(targets) or (*ALWAYS, *loaded.targets)
    if problems := find_unfit(loaded, wanted):
        raise SpecError(*problems)
    try:
        locked = update_lock(loaded, LocalWorld(path.parent, say), wish or LockOptions())
    except LockError as error:
        raise LockError(*_causes(loaded, path), *error.problems) from None
    return _bundle(compile_spec(loaded, path.name, locked), path.parent, targets=wanted, today=today)


def outline(path: Path, *, today: str = "", document: Document | None = None) -> Rendered:
    """Compile the spec in ``path`` without a lock: no artifacts, only the warnings that need none.

    ``today`` and ``document`` are as for :func:`render`. Raises SpecError.
    """
    compiled = _compile_outline(load(path, document), path)
    return _bundle(compiled, path.parent, today=today, is_locked=False)


def _compile_outline(loaded: Spec, path: Path) -> CompiledSpec:
    return compile_spec(loaded, path.name, outline_lock(loaded, LocalWorld(path.parent)))


def _causes(loaded: Spec, path: Path) -> tuple[Problem, ...]:
    """Return the warnings that tell why nothing fits, in better words than a resolver's."""
    from mlspec.advice import lint

    subjects = lint.subjects_of(_compile_outline(loaded, path), "", is_locked=False)
    found = (problem for subject in subjects for problem in lint.warnings(subject, causes=True))
    return merge_problems(found)


def _bundle(
    compiled: CompiledSpec, folder: Path, *, targets: tuple[str, ...] = (), today: str, is_locked: bool = True
) -> Rendered:
    return Rendered(
        spec=compiled.spec,
        locked=compiled.locked,
        plans=compiled.plans,
        folder=folder,
        targets=targets,
        today=today,
        is_locked=is_locked,
    )


def inspect(rendered: Rendered) -> tuple[Problem, ...]:
    """Return the warnings that the folder of the images causes; the look is bounded."""
    from mlspec.advice import lint
    from mlspec.host.files.folder_warnings import find_folder_warnings

    comments, subjects = rendered.ignores, rendered.subjects
    kept, ignored = comments.split(find_folder_warnings(rendered.folder, subjects))
    unneeded = comments.find_unneeded((*rendered.ignored_warnings, *ignored), lint.checked_codes(subjects))
    return merge_problems((*kept, *unneeded))


def find_losses(rendered: Rendered, plan: Plan) -> tuple[Problem, ...]:
    """Return the warnings of results of this image that no mount keeps, but for those that comments say to ignore."""
    from mlspec.host.files.folder_warnings import find_folder_warnings

    subjects = [subject for subject in rendered.subjects if subject.image.key == plan.key]
    kept, _ = rendered.ignores.split(find_folder_warnings(rendered.folder, subjects, losses=True))
    return merge_problems(kept)


def check(path: Path, today: str = "", say: Say = lambda _: None) -> tuple[Problem, ...]:
    """Return every problem and warning of the spec in ``path``, without the network; ``today`` as for :func:`render`.

    Those with a certain repair have the edits it comes to. Without a lock, which is yet to be made, what the spec and
    the folder tell: ``say`` is told that it was no more. Raises ToolError where the disk refuses.
    """
    try:
        document = disk.read_document(path)
    except SpecError as error:
        return error.problems
    return repairs.add_edits(document, _check_document(path, document, today, say))


def _check_document(path: Path, document: Document, today: str, say: Say) -> tuple[Problem, ...]:
    try:
        rendered = render(path, LockOptions(locked=True, unpinned=True), today=today, document=document)
        changed = (*generated.find_edits(rendered.files), *generated.find_line_ends(rendered.files))
        return merge_problems((*rendered.warnings, *inspect(rendered), *changed))
    except SpecError as error:
        if problems := tuple(problem for problem in error.problems if problem.code != "MLS404"):
            return problems
        command = f"mlspec lock {shlex.quote(path.as_posix())}"
        say(f"{error.problems[0].message}, so its packages were not looked at: {command}")
    outlined = outline(path, today=today, document=document)
    return merge_problems((*outlined.warnings, *inspect(outlined)))


def repair(path: Path, today: str = "", say: Say = lambda _: None) -> Settled:
    """Return what becomes of the spec in ``path`` when all is repaired that :func:`check` finds a certain repair for.

    Nothing is written: :func:`mlspec.host.files.rewriting.rewrite` does that. Raises SpecError where it cannot be read
    as YAML, ToolError where the disk refuses.
    """
    notes: list[str] = []

    def look(document: Document) -> tuple[Problem, ...]:
        notes.clear()
        return _check_document(path, document, today, notes.append)

    settled = repairs.fix_all(disk.read_document(path), look)
    for note in notes:
        say(note)
    return settled


def source(rendered: Rendered, plan: Plan) -> FailureContext:
    """Return what a failure of this image's build is placed in."""
    from mlspec.build.failed_step import failure_context

    return failure_context(rendered.spec.document, rendered.subjects, plan)


def steps(rendered: Rendered, plan: Plan) -> tuple[Step, ...]:
    """Return the steps of this image's build, in the words of the spec."""
    from mlspec.build.steps import steps_of

    of, packages = source(rendered, plan), rendered.packages(plan)
    return steps_of(plan, of.subject.settings.run, packages.layers, packages.vcs, of.dockerfile)


def contents(rendered: Rendered, plan: Plan) -> tuple[Content, ...]:
    """Return the contents of each layer that this image adds to its base, the lowest first."""
    from mlspec.build.report.contents import contents_of

    return contents_of(plan, source(rendered, plan).dockerfile, steps(rendered, plan), rendered.packages(plan))


def labels(rendered: Rendered, plan: Plan) -> tuple[Label, ...]:
    """Return the labels that say where this image comes from: its repository and commit, spec, lock and base."""
    from mlspec.host.files.checkout import examine_checkout
    from mlspec.targets.labels import labels_of

    return labels_of(rendered, plan, examine_checkout(rendered.folder))


def bill(rendered: Rendered, plan: Plan) -> str:
    """Return the bill of materials of this image, as CycloneDX's JSON, from its lock and what is asked of Debian."""
    from importlib.metadata import version

    from mlspec.targets.sbom import bill_facts, bill_of

    return bill_of(bill_facts(rendered, plan), version("mlspec"))


def explain(path: Path, targets: Iterable[str] = ()) -> Explained:
    """Return where each line of the artifacts of the spec in ``path`` comes from; nothing is written or asked for.

    Without ``targets``, of all artifacts and the locks. Raises SpecError where the spec has problems other than a lock
    that is not current.
    """
    from mlspec.advice.explain import explanation
    from mlspec.advice.explain.origins import sources_of

    loaded = load(path)
    locked, is_locked = read_or_outline_lock(loaded, LocalWorld(path.parent))
    plans = compile_spec(loaded, path.name, locked).plans
    drawn = emit_all(plans, (*ALWAYS, *loaded.targets))
    sources = sources_of(loaded, record_artifacts(locked, plans, loaded.targets, drawn), path.parent.as_posix())
    explanations = tuple(explanation.explain(sources, targets))
    changed = generated.find_stale(map(explanation.artifact_of, explanations), Path()) if is_locked else ()
    return explanation.Explained(loaded, explanations, is_locked, tuple(artifact.path for artifact in changed))


def stale(rendered: Rendered) -> tuple[Artifact, ...]:
    """Return the artifacts whose file is missing or says something else."""
    return rendered.files.stale


def leftovers(rendered: Rendered) -> tuple[Path, ...]:
    """Return the files that were generated from this spec once, and are no longer."""
    every = emit_all(rendered.plans, (*ALWAYS, *rendered.spec.targets))
    return generated.find_leftovers((*every, *rendered.artifacts), rendered.folder, rendered.files.spec_name)


def write(rendered: Rendered, *, force: bool = False) -> tuple[Artifact, ...]:
    """Write what is stale, all or nothing, and return it; raises SpecError where a file is the user's own or edited."""
    return generated.write_stale(rendered.files, force=force)


def diff(rendered: Rendered) -> Iterator[str]:
    """Yield the lines of a unified diff from the files as they are to what they should be."""
    return generated.diff_stale(rendered.files)


def demand(path: Path) -> Demand:
    """Return what the spec in ``path`` asks of a host; a lock is taken as it is, and need not be there.

    Raises SpecError where the spec itself is not right.
    """
    from mlspec.host.demand import demand_of

    try:
        rendered = render(path, LockOptions(locked=True, unpinned=True))
    except SpecError as error:
        if any(problem.code != "MLS404" for problem in error.problems):
            raise
        rendered = outline(path)
    return demand_of(rendered, rendered.folder, rendered.subjects)
