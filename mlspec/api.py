"""The pipeline, one function for each step: load, lock, plan, render, compare, write.

Each function imports its step when it runs: most callers need few steps, and the import of all takes half a second.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from mlspec.errors import LockError, Problem, SpecError, merge_problems

if TYPE_CHECKING:
    from mlspec.advice.explain.explanation import Explained
    from mlspec.build.failed_step import FailureContext
    from mlspec.build.prepared import PreparedBuild
    from mlspec.build.steps import Step
    from mlspec.host.demand import Demand
    from mlspec.host.exported import ExportResult
    from mlspec.host.rendered import Rendered
    from mlspec.lock.state import LockOptions
    from mlspec.plan.compiled_spec import CompiledSpec
    from mlspec.plan.plan import Plan
    from mlspec.spec.document import Document
    from mlspec.spec.files import Artifact
    from mlspec.spec.fixes import Settled
    from mlspec.spec.spec import Spec
    from mlspec.targets.build_options import BuildOptions
    from mlspec.targets.exports.export_facts import ExportForm
    from mlspec.targets.labels import Label

Say = Callable[[str], None]


def load(path: Path, document: Document | None = None) -> Spec:
    """Return the spec in a file, or in ``document`` in its place; raises SpecError with all problems."""
    from mlspec.host.files import reading
    from mlspec.spec import spec

    return spec.validate(document or reading.read_document(path))


def render(
    path: Path,
    wish: LockOptions | None = None,
    *,
    targets: Iterable[str] = (),
    say: Say = lambda _: None,
    today: str = "",
    document: Document | None = None,
) -> Rendered:
    """Compile the spec in ``path``; this uses the network only if the lock is not current.

    ``today``, an ISO day, is needed for warnings about ends of support; nothing else depends on the day. ``document``
    is as for :func:`load`. Raises SpecError, ToolError, or LockError, which also has the causes that the spec shows.
    """
    from mlspec.host.local_world import LocalWorld
    from mlspec.lock.state import LockOptions
    from mlspec.lock.update import update_lock
    from mlspec.plan.compiled_spec import compile_spec
    from mlspec.spec.spec import find_unfit
    from mlspec.spec.targets import ALWAYS, add_needed_targets

    loaded = load(path, document)
    wanted = add_needed_targets(targets) or (*ALWAYS, *loaded.targets)
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
    from mlspec.host.local_world import LocalWorld
    from mlspec.lock.update import outline_lock
    from mlspec.plan.compiled_spec import compile_spec

    return compile_spec(loaded, path.name, outline_lock(loaded, LocalWorld(path.parent)))


def _causes(loaded: Spec, path: Path) -> tuple[Problem, ...]:
    """Return the warnings that explain why no release fits, in better words than a resolver's."""
    from mlspec.advice import lint

    subjects = lint.subjects_of(_compile_outline(loaded, path), "", is_locked=False)
    found = (problem for subject in subjects for problem in lint.warnings(subject, causes=True))
    return merge_problems(found)


def _bundle(
    compiled: CompiledSpec, folder: Path, *, targets: tuple[str, ...] = (), today: str, is_locked: bool = True
) -> Rendered:
    from mlspec.host.rendered import Rendered
    from mlspec.targets.hidden_packages import check_local_packages

    check_local_packages(compiled)
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
    """Return the warnings about files in the folder of the images; the scan of the folder is bounded."""
    from mlspec.advice import lint
    from mlspec.host.files.folder_warnings import find_folder_warnings

    comments, subjects = rendered.ignores, rendered.subjects
    kept, ignored = comments.split(find_folder_warnings(rendered.folder, subjects))
    unneeded = comments.find_unneeded((*rendered.ignored_warnings, *ignored), lint.checked_codes(subjects))
    return merge_problems((*kept, *unneeded))


def find_losses(rendered: Rendered, plan: Plan) -> tuple[Problem, ...]:
    """Return the warnings about results of this image that no mount keeps, without those that comments ignore."""
    from mlspec.host.files.folder_warnings import find_folder_warnings

    subjects = [subject for subject in rendered.subjects if subject.image.key == plan.key]
    kept, _ = rendered.ignores.split(find_folder_warnings(rendered.folder, subjects, losses=True))
    return merge_problems(kept)


def check(path: Path, today: str = "", say: Say = lambda _: None) -> tuple[Problem, ...]:
    """Return all problems and warnings of the spec in ``path``, without the network.

    ``today`` is as for :func:`render`. Problems with a certain repair have its edits. Without a lock, the result has
    only the problems that spec and folder show, and ``say`` gets a message about that. Raises ToolError if the disk
    fails.
    """
    from mlspec.host.files import reading
    from mlspec.spec.fixes import add_edits

    try:
        document = reading.read_document(path)
    except SpecError as error:
        return error.problems
    return add_edits(document, _check_document(path, document, today, say))


def _check_document(path: Path, document: Document, today: str, say: Say) -> tuple[Problem, ...]:
    from mlspec.host.files import generated
    from mlspec.lock.state import LockOptions

    try:
        rendered = render(path, LockOptions(locked=True, unpinned=True), today=today, document=document)
        changed = (*generated.find_edits(rendered.files), *generated.find_line_ends(rendered.files))
        return merge_problems((*rendered.warnings, *inspect(rendered), *changed))
    except SpecError as error:
        if problems := tuple(problem for problem in error.problems if problem.code != "MLS404"):
            return problems
        command = f"mlspec lock {shlex.quote(path.as_posix())}"
        say(f"{error.problems[0].message}, so mlspec did not check its packages: {command}")
    outlined = outline(path, today=today, document=document)
    return merge_problems((*outlined.warnings, *inspect(outlined)))


def repair(path: Path, today: str = "", say: Say = lambda _: None) -> Settled:
    """Return the spec in ``path`` after all certain repairs of the problems that :func:`check` finds.

    This writes nothing: :func:`mlspec.host.files.rewriting.rewrite` does that. Raises SpecError if the spec is not
    YAML, and ToolError if the disk fails.
    """
    from mlspec.host.files import reading
    from mlspec.spec.fixes import fix_all

    notes: list[str] = []

    def look(document: Document) -> tuple[Problem, ...]:
        notes.clear()
        return _check_document(path, document, today, notes.append)

    settled = fix_all(reading.read_document(path), look)
    for note in notes:
        say(note)
    return settled


def source(rendered: Rendered, plan: Plan) -> FailureContext:
    """Return the texts that a failure of this image's build may point into."""
    from mlspec.build.failed_step import failure_context

    return failure_context(rendered.spec.document, rendered.subjects, plan)


def steps(rendered: Rendered, plan: Plan) -> tuple[Step, ...]:
    """Return the steps of this image's build, in the words of the spec."""
    from mlspec.build.steps import steps_of

    of, packages = source(rendered, plan), rendered.packages(plan)
    return steps_of(plan, of.subject.settings.run, packages.layers, packages.vcs, of.dockerfile)


def prepare_build(rendered: Rendered, plan: Plan, options: BuildOptions) -> PreparedBuild:
    """Return a prepared build of this image with ``options``; its progress mode and metadata file are still open."""
    from mlspec.build.preparation import prepare_image

    packages = rendered.packages(plan)
    return prepare_image(plan, options, source(rendered, plan).dockerfile, steps(rendered, plan), packages)


def labels(rendered: Rendered, plan: Plan) -> tuple[Label, ...]:
    """Return the labels for the origin of this image: its repository and commit, spec, lock and base."""
    from mlspec.host.files.checkout import examine_checkout
    from mlspec.targets.labels import labels_of

    return labels_of(rendered, plan, examine_checkout(rendered.folder, plan.code.sources))


def bill(rendered: Rendered, plan: Plan) -> str:
    """Return the bill of materials of this image, as CycloneDX JSON, from its lock and the spec's Debian packages."""
    from importlib.metadata import version

    from mlspec.targets.sbom import bill_facts, bill_of

    return bill_of(bill_facts(rendered, plan), version("mlspec"))


def export(rendered: Rendered, plan: Plan, form: ExportForm, say: Say = lambda _: None) -> ExportResult:
    """Return the packages of an image in the form of another tool, and the parts that the form cannot hold.

    Only ``pylock`` uses the network: a lock does not have the addresses of files. Raises SpecError if the login of an
    index is missing, ToolError if an index does not answer, LockError if it has no file with a hash of the lock.
    """
    from mlspec.host.exported import export_image

    return export_image(rendered, plan, form, say)


def explain(path: Path, targets: Iterable[str] = ()) -> Explained:
    """Return the origin of each line in the artifacts of the spec in ``path``, without the network.

    This writes nothing. Without ``targets``, the result has all artifacts and the locks. Raises SpecError if the spec
    has problems other than a lock that is not current.
    """
    from mlspec.host.explained import explain_spec

    return explain_spec(load(path), path, targets)


def stale(rendered: Rendered) -> tuple[Artifact, ...]:
    """Return the artifacts whose file is missing or has other contents."""
    return rendered.files.stale


def leftovers(rendered: Rendered) -> tuple[Path, ...]:
    """Return the files that this spec once generated, and generates no longer."""
    from mlspec.host.files import generated
    from mlspec.targets.registry import ALWAYS, emit_all

    every = emit_all(rendered.plans, (*ALWAYS, *rendered.spec.targets))
    return generated.find_leftovers((*every, *rendered.artifacts), rendered.folder, rendered.files.spec_name)


def write(rendered: Rendered, *, force: bool = False) -> tuple[Artifact, ...]:
    """Write all stale artifacts or none, and return them; raises SpecError if a file is the user's own or edited."""
    from mlspec.host.files import generated

    return generated.write_stale(rendered.files, force=force)


def diff(rendered: Rendered) -> Iterator[str]:
    """Yield the lines of a unified diff from the current files to the expected files."""
    from mlspec.host.files import generated

    return generated.diff_stale(rendered.files)


def demand(path: Path) -> Demand:
    """Return the demands of the spec in ``path`` on a host; the lock may be missing, and is not updated.

    Raises SpecError if the spec itself has problems.
    """
    from mlspec.host.demand import demand_of
    from mlspec.lock.state import LockOptions

    try:
        rendered = render(path, LockOptions(locked=True, unpinned=True))
    except SpecError as error:
        if any(problem.code != "MLS404" for problem in error.problems):
            raise
        rendered = outline(path)
    return demand_of(rendered, rendered.folder, rendered.subjects)
