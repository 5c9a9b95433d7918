"""An image that is ready for live work: its run with the project mounted, and the files to watch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from mlspec.advice.behaviour import find_written_paths
from mlspec.advice.lint.program_start import program_of
from mlspec.build.ownership import check_owner
from mlspec.errors import Problem, SpecError
from mlspec.host.cache.witness import FILE, Witness
from mlspec.host.engine import built_images, engine
from mlspec.host.engine.prepared_run import PreparedRun, prepare_run
from mlspec.host.files.folder_warnings import scan_folder
from mlspec.host.live.made_files import find_hidden_files, list_made_files, split_folders
from mlspec.host.live.watched_files import WatchedFiles
from mlspec.host.rendered import Rendered
from mlspec.plan.live import LiveFolder, hides_packages, list_live_folders, list_mount_points, plan_live_run
from mlspec.plan.plan import Plan
from mlspec.plan.run import RunPlan
from mlspec.spec.spec import Image, choose_image
from mlspec.targets import ignore_patterns
from mlspec.targets.labels import LOCK_LABEL, SPEC_LABEL, text_digest
from mlspec.targets.registry import emit
from mlspec.targets.run_caller import EngineName
from mlspec.targets.run_script import Option


@dataclass(frozen=True, kw_only=True)
class ReadyImage:
    """The run of an image with the project's folders, the places that it mounts on, and the files to watch.

    With ``mounts_files``, single files are mounted: a container does not see a file that an editor puts in their place.
    """

    prepared: PreparedRun
    points: tuple[tuple[str, bool], ...]
    files: WatchedFiles
    mounts_files: bool = False
    warnings: tuple[Problem, ...] = ()


def ready_image(rendered: Rendered, plan: Plan, witness: Witness, engine: EngineName) -> ReadyImage:
    """Return an image ready for live work with ``engine``; ``witness`` has what its files follow from.

    Raises SpecError if a mount of the project would hide the packages.
    """
    image = choose_image(rendered.spec, plan.key or None)
    folders = tuple(one for one in list_live_folders(plan) if (rendered.folder / one.path).exists())
    _require_packages(image, folders)
    made = list_made_files(plan, folders, engine)
    parts = split_folders(rendered.folder, folders, [path for path in made if plan.project and path.endswith(".so")])
    run = plan_live_run(image, plan, parts)
    points = tuple(
        (path, mount is not None and mount.type == "bind" and (rendered.folder / mount.source).is_file())
        for path, mount in list_mount_points(run, parts)
    )
    return ReadyImage(
        prepared=replace(prepare_live(rendered, plan, run), engine=engine),
        points=points,
        files=_watched_files(rendered, plan, folders, witness),
        mounts_files=any((rendered.folder / one.path).is_file() for one in parts),
        warnings=tuple(find_hidden_files(image, rendered.folder, parts, made)),
    )


def prepare_live(rendered: Rendered, plan: Plan, run: RunPlan) -> PreparedRun:
    """Return the run of an image with the mounts of ``run``."""
    prepared = prepare_run(replace(plan, run=run), rendered.folder)
    if run.as_caller and not run.read_only:
        return prepared
    # The program would try to write bytecode as a user who may not, or leave files of another user beside the code.
    option: Option = ("--env", "PYTHONDONTWRITEBYTECODE=1")
    return replace(prepared, script=replace(prepared.script, options=(*prepared.script.options, option)))


def _require_packages(image: Image, folders: tuple[LiveFolder, ...]) -> None:
    if hiding := [one for one in folders if hides_packages(one)]:
        message = f"{hiding[0].target} has the packages of the image, and a mount of the project would hide them"
        raise SpecError(image.problem("MLS583", message, "write: working_dir: /app", "working_dir"))


def _watched_files(rendered: Rendered, plan: Plan, folders: tuple[LiveFolder, ...], witness: Witness) -> WatchedFiles:
    (ignore,) = emit(plan, ["ignore"])
    project = plan.project
    files = WatchedFiles(
        folder=rendered.folder.resolve(),
        patterns=ignore_patterns.parse(ignore.text, plan.context.place),
        places=tuple(one.path for one in folders),
        inputs=list_inputs(rendered.folder, witness),
        written=_find_written(rendered, plan),
        has_project=project is not None,
        compiled=tuple(package.path for package in rendered.locked.facts[plan.key].local if package.is_compiled),
    )
    return replace(files, known=files.list_files())


def list_inputs(folder: Path, witness: Witness) -> frozenset[str]:
    """Return the files that a compilation of the spec in ``folder`` read, with absolute paths."""
    read = (key.removeprefix(FILE) for key in witness.seen if key.startswith(FILE))
    # What is absolute is the user's own configuration.
    return frozenset(str(Path(path).resolve()) for path in read if folder.is_absolute() or not Path(path).is_absolute())


def _find_written(rendered: Rendered, plan: Plan) -> tuple[str, ...]:
    """Return the paths that the program writes, as far as its code shows, from the spec's folder."""
    subject = next(subject for subject in rendered.subjects if subject.image.key == plan.key)
    found = find_written_paths(program_of(subject, scan_folder(rendered.folder, subject)))
    return tuple(dict.fromkeys(result.folder or result.path for result in found))


def find_build_reason(rendered: Rendered, plan: Plan, engine_name: EngineName) -> str:
    """Return why the image of the last build cannot run the spec as it is now; empty if it can.

    The code does not matter. Raises ToolError if no engine answers.
    """
    image = engine.find_image(plan.image, engine_name)
    if image is None:
        return f"{plan.image} is not built here"
    text = rendered.spec.document.text
    memory = built_images.recall(rendered.folder, plan.image, image.id)
    problem = check_owner(plan.image, image, memory, text, "mlspec build")
    if problem and problem.severity == "error":
        return problem.message
    wanted = {SPEC_LABEL: text_digest(text), LOCK_LABEL: text_digest(rendered.lock_text(plan))}
    own = {name for name, _ in plan.container.labels}
    if any(image.labels.get(name) != digest for name, digest in wanted.items() if name not in own):
        return f"{plan.image} was built from an older spec or lock"
    return ""
