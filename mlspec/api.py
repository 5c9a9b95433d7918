"""The pipeline, a function a step: load, lock, plan, render, compare, write."""

from __future__ import annotations

import itertools
import os
import shlex
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mlspec.advice import lint as rules
from mlspec.advice.lint import Subject
from mlspec.advice.lint import unknown_names as existence
from mlspec.errors import LockError, Problem, Repair, Span, SpecError
from mlspec.host.files import generated
from mlspec.host.files import read as disk
from mlspec.host.files.generated import GeneratedFiles
from mlspec.host.world import LocalWorld
from mlspec.lock import platforms
from mlspec.lock.image_requirements import indexes_of
from mlspec.lock.requirements.values import Requirements
from mlspec.lock.state import NOT_CURRENT, LockOptions, LockResult
from mlspec.lock.update import outline_lock, record_files, update_lock
from mlspec.plan.plan import Plan, resolve
from mlspec.spec import fixes as repairs
from mlspec.spec import spec
from mlspec.spec.document import Document
from mlspec.spec.files import Artifact, files_of
from mlspec.spec.fixes import Settled
from mlspec.spec.spec import Image, Spec
from mlspec.spec.suppressions import Ignores, joined
from mlspec.targets import changes
from mlspec.targets import ignore_patterns as patterns
from mlspec.targets.registry import ALWAYS, emit, emit_all, paths_of
from mlspec.text import did_you_mean

if TYPE_CHECKING:
    from mlspec.advice.doctor.facts import Need
    from mlspec.advice.explain.explanation import Explanation
    from mlspec.advice.explain.origins import Sources
    from mlspec.build.failures import Source
    from mlspec.build.report.contents import Content
    from mlspec.build.steps import Step
    from mlspec.targets.labels import Label

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a spec compiles to: the folder it all belongs in, the lock, a plan for each image, and every artifact."""

    folder: Path
    spec: Spec
    locked: LockResult
    plans: tuple[Plan, ...]
    artifacts: tuple[Artifact, ...]
    warnings: tuple[Problem, ...] = ()
    subjects: tuple[Subject, ...] = ()
    ignores: Ignores = field(default_factory=Ignores)
    ignored: tuple[Problem, ...] = ()

    @property
    def files(self) -> GeneratedFiles:
        """The generated files, beside what stands in their places."""
        return GeneratedFiles(self.folder, self.spec.document.file, self.artifacts, self.locked.recorded)

    def plan(self, image: str | None, platform: str | None = None) -> Plan:
        """Return the plan of the image with this key, or of the only one; on its first platform, or on this one.

        Raises SpecError where the image is a question, or has not this platform.
        """
        found = image_of(self.spec, image)
        plan = self.plans[self.spec.images.index(found)]
        if platform in {None, *plan.platforms}:
            return replace(plan, platform=platform or plan.platform)
        message = f"{plan.image} is not for {platform}"
        hint = f"add it to platforms; or name {' or '.join(plan.platforms)}"
        problem = Problem(code="MLS239", message=message, hint=hint, path=found.origin("platforms"))
        raise SpecError(self.spec.document.placed(problem))


def image_of(loaded: Spec, key: str | None) -> Image:
    """Return the image with this key, or the only one; raises SpecError where that is a question."""
    keys = [image.key for image in loaded.images]
    if key is None and len(keys) == 1:
        return loaded.images[0]
    if key in keys and key is not None:
        return loaded.image(key)
    names = ", ".join(known for known in keys if known)
    message = f'there is no image "{key}"' if key else f"{loaded.document.file} has several images"
    hint = f"name one of: {names}" if names else "this spec has one image without a name: leave it out"
    near = did_you_mean(key or "", filter(None, keys))
    raise SpecError(Problem(code="MLS406", message=message, hint=near or hint))


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
    if problems := _unfit(loaded, wanted):
        raise SpecError(*problems)
    try:
        locked = update_lock(loaded, LocalWorld(path.parent, say), wish or LockOptions())
    except LockError as error:
        raise LockError(*_causes(loaded, path), *error.problems) from None
    plans = tuple(resolve(path.name, image, locked.facts[image.key]) for image in loaded.images)
    drawn = emit_all(plans, wanted)
    locked = _recorded(loaded, locked, plans, drawn)
    subjects = tuple(_subjects(loaded, locked, plans, today, is_locked=True))
    return _rendered(path.parent, loaded, locked, plans, subjects, (*drawn, *locked.artifacts))


def _recorded(loaded: Spec, locked: LockResult, plans: tuple[Plan, ...], drawn: Iterable[Artifact]) -> LockResult:
    """Return the lock with the fingerprints of the files that were drawn, and of those of the spec that were not."""
    names = paths_of(plans, (*ALWAYS, *loaded.targets))
    files = {name: digest for name, digest in (locked.lock.files if locked.lock else {}).items() if name in names}
    files |= {artifact.path: changes.fingerprint(artifact.text) for artifact in drawn if artifact.path in names}
    return record_files(locked, plans[0].files, files)


def _unfit(loaded: Spec, targets: Iterable[str]) -> tuple[Problem, ...]:
    """Return what has no meaning in a target that is asked for here, and not by the spec."""
    others = [name for name in targets if name not in loaded.targets]
    found = (problem for image in loaded.images for problem in spec.unfit(image, others))
    return _in_order(map(loaded.document.placed, found))


def _causes(loaded: Spec, path: Path) -> tuple[Problem, ...]:
    """Return the warnings that tell why nothing fits, in better words than a resolver's."""
    _, _, subjects = _outlined(loaded, path, "")
    said = (problem for subject in subjects for problem in rules.warnings(subject, causes=True))
    return _in_order(map(loaded.document.placed, said))


def _outlined(loaded: Spec, path: Path, today: str) -> tuple[LockResult, tuple[Plan, ...], tuple[Subject, ...]]:
    locked = outline_lock(loaded, LocalWorld(path.parent))
    plans = tuple(resolve(path.name, image, locked.facts[image.key]) for image in loaded.images)
    return locked, plans, tuple(_subjects(loaded, locked, plans, today, is_locked=False))


def outline(path: Path, *, today: str = "", document: Document | None = None) -> Rendered:
    """Return what can be told of the spec in ``path`` before it is locked: no artifacts, and what there is to warn of.

    ``today`` and ``document`` are as for :func:`render`. Raises SpecError.
    """
    loaded = load(path, document)
    locked, plans, subjects = _outlined(loaded, path, today)
    return _rendered(path.parent, loaded, locked, plans, subjects, ())


def _rendered(
    folder: Path,
    loaded: Spec,
    locked: LockResult,
    plans: tuple[Plan, ...],
    subjects: tuple[Subject, ...],
    artifacts: tuple[Artifact, ...],
) -> Rendered:
    """Return all of it together, with what there is to warn of, but for what comments say to ignore."""
    said = _in_order(map(loaded.document.placed, _said(subjects)))
    comments = joined((loaded.ignores, *(contents.requirements.ignores for contents in locked.contents.values())))
    warnings, ignored = comments.split((*locked.warnings, *_spec_warnings(loaded, folder), *said))
    warnings = (*_warnings(comments), *warnings)
    return Rendered(folder, loaded, locked, plans, artifacts, warnings, subjects, comments, ignored)


def _subjects(
    loaded: Spec, locked: LockResult, plans: Iterable[Plan], today: str, *, is_locked: bool
) -> Iterator[Subject]:
    for image, plan in zip(loaded.images, plans, strict=True):
        found = locked.contents[image.key]
        for platform, packages in found.packages.items():
            yield Subject(
                image=image,
                plan=replace(plan, platform=platform),
                base=found.base,
                requirements=found.requirements,
                pins=(*packages.pins, *packages.vcs),
                programs=found.programs,
                is_locked=is_locked,
                today=today,
            )


def _said(subjects: Iterable[Subject]) -> Iterator[Problem]:
    """Yield what there is to warn of, once for all platforms of an image."""
    for _, own in itertools.groupby(subjects, key=lambda subject: subject.image.key):
        said = {subject.plan.platform: rules.warnings(subject) for subject in own}
        yield from platforms.told(said, platforms.on)


def inspect(rendered: Rendered) -> tuple[Problem, ...]:
    """Return what is worth a warning in the folder that the images are made from; the look is bounded."""
    said = [problem for subject in rendered.subjects for problem in _look_at_folder(rendered, subject)]
    kept, ignored = rendered.ignores.split(said)
    unneeded = rendered.ignores.unneeded((*rendered.ignored, *ignored), _looked_for(rendered))
    return _in_order((*kept, *unneeded))


def find_losses(rendered: Rendered, plan: Plan) -> tuple[Problem, ...]:
    """Return the warnings of results of this image that no mount keeps, but for those that comments say to ignore."""
    subjects = (subject for subject in rendered.subjects if subject.image.key == plan.key)
    said = [problem for subject in subjects for problem in _look_at_folder(rendered, subject, losses=True)]
    kept, _ = rendered.ignores.split(said)
    return _in_order(kept)


def _look_at_folder(rendered: Rendered, subject: Subject, *, losses: bool = False) -> Iterator[Problem]:
    """Yield the warnings that the folder causes for one image, or only its ``losses``; once for all its platforms."""
    from mlspec.host.files import scan as context

    if subject.plan.platform != subject.plan.platforms[0]:
        return
    (ignore,) = emit(subject.plan, ["ignore"])
    private = _private(rendered.folder, subject)
    found = context.survey(rendered.folder, patterns.parse(ignore.text), rules.asked(subject), private)
    yield from map(rendered.spec.document.placed, rules.folder_warnings(subject, found, losses=losses))


def _private(folder: Path, subject: Subject) -> dict[str, Path]:
    """Return where the environment files and the secrets of an image are, by what the spec calls them."""
    from mlspec.plan.ignore_file import private_files
    from mlspec.targets.filters import HOME_MARK
    from mlspec.targets.run_script import host_path

    home = os.path.expanduser("~")  # noqa: PTH111 - pathlib raises where nobody says who the user is
    return {path: folder / host_path(path).replace(HOME_MARK, home) for path in private_files(subject.settings)}


def _looked_for(rendered: Rendered) -> frozenset[str]:
    """Return the codes of all that was looked for: what ends takes a day, packages take a lock."""
    if not all(subject.today and subject.is_locked for subject in rendered.subjects):
        return frozenset()
    return frozenset((*existence.CODES, *(rule.code for rule in (*rules.RULES, *rules.FOLDER_RULES))))


def _warnings(comments: Ignores) -> tuple[Problem, ...]:
    return tuple(problem for problem in comments.problems if problem.severity == "warning")


def _in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    # Images that inherit one line each find what is wrong with it, and each may have its own way to repair it.
    found: dict[Problem, list[Repair]] = {}
    for problem in problems:
        found.setdefault(problem, []).extend(problem.repairs)
    whole = (replace(problem, repairs=tuple(dict.fromkeys(repairs))) for problem, repairs in found.items())
    return tuple(sorted(whole, key=lambda problem: (problem.file, problem.span or Span(0, 0, 0, 0))))


def check(path: Path, today: str = "", say: Say = lambda _: None) -> tuple[Problem, ...]:
    """Return every problem and warning of the spec in ``path``, without the network; ``today`` as for :func:`render`.

    Those with a certain repair have the edits it comes to. Without a lock, which is yet to be made, what the spec and
    the folder tell: ``say`` is told that it was no more. Raises ToolError where the disk refuses.
    """
    try:
        document = disk.read_document(path)
    except SpecError as error:
        return error.problems
    return repairs.mended(document, _checked(path, document, today, say))


def _checked(path: Path, document: Document, today: str, say: Say) -> tuple[Problem, ...]:
    try:
        rendered = render(path, LockOptions(locked=True, unpinned=True), today=today, document=document)
        return _in_order((*rendered.warnings, *inspect(rendered), *edits(rendered), *line_ends(rendered)))
    except SpecError as error:
        problems = tuple(problem for problem in error.problems if problem.code != "MLS404")
        if problems:
            return problems
        command = f"mlspec lock {shlex.quote(path.as_posix())}"
        say(f"{error.problems[0].message}, so its packages were not looked at: {command}")
    outlined = outline(path, today=today, document=document)
    return _in_order((*outlined.warnings, *inspect(outlined)))


def repair(path: Path, today: str = "", say: Say = lambda _: None) -> Settled:
    """Return what becomes of the spec in ``path`` when all is repaired that :func:`check` finds a certain repair for.

    Nothing is written: :func:`mlspec.host.files.rewriting.rewrite` does that. Raises SpecError where it cannot be read
    as YAML, ToolError where the disk refuses.
    """
    notes: list[str] = []

    def look(document: Document) -> tuple[Problem, ...]:
        notes.clear()
        return _checked(path, document, today, notes.append)

    settled = repairs.settled(disk.read_document(path), look)
    for note in notes:
        say(note)
    return settled


def _spec_warnings(loaded: Spec, folder: Path) -> tuple[Problem, ...]:
    files = files_of(loaded.document.file, loaded.images[0].key)
    unknown = (problem for image in loaded.images for problem in existence.unknown_names(image))
    return (*disk.replaced_ignore_file(folder, files.ignore), *_in_order(map(loaded.document.placed, unknown)))


def source(rendered: Rendered, plan: Plan) -> Source:
    """Return what a failure of this image's build is placed in."""
    from mlspec.build.failures import Source

    subject = next(s for s in rendered.subjects if (s.plan.key, s.plan.platform) == (plan.key, plan.platform))
    (dockerfile,) = emit(plan, ["dockerfile"])
    return Source(document=rendered.spec.document, subject=subject, dockerfile=dockerfile.text)


def steps(rendered: Rendered, plan: Plan) -> tuple[Step, ...]:
    """Return the steps of this image's build, in the words of the spec."""
    from mlspec.build.steps import steps_of

    of = source(rendered, plan)
    packages = rendered.locked.contents[plan.key].packages[plan.platform]
    return steps_of(plan, of.subject.settings.run, packages.layers, packages.vcs, of.dockerfile)


def codename(rendered: Rendered, plan: Plan) -> str:
    """Return the codename of the Debian that this image is built on; empty where it is not known."""
    return rendered.locked.contents[plan.key].base.codename


def labels(rendered: Rendered, plan: Plan) -> tuple[Label, ...]:
    """Return the labels that say where this image comes from: its repository and commit, spec, lock and base."""
    from importlib.metadata import version

    from mlspec.host.files import checkout
    from mlspec.targets import labels as provenance

    origin = provenance.Origin(
        spec=rendered.spec.document.text,
        lock=_lock_text(rendered, plan),
        version=version("mlspec"),
        checkout=checkout.examined(rendered.folder),
    )
    return provenance.labels(plan, origin)


def bill(rendered: Rendered, plan: Plan) -> str:
    """Return the bill of materials of this image, as CycloneDX's JSON, from its lock and what is asked of Debian."""
    from importlib.metadata import version

    from mlspec.targets.sbom import System, bill_of

    settings = rendered.spec.image(plan.key).settings
    system = System(plan.system.apt, settings.apt_snapshot or "")
    contents = rendered.locked.contents[plan.key]
    required = tuple(requirement.name for requirement in contents.requirements.requirements)
    lock = _lock_text(rendered, plan)
    return bill_of(
        plan.image,
        contents.base,
        contents.packages[plan.platform],
        system,
        required=required,
        lock=lock,
        version=version("mlspec"),
    )


def _lock_text(rendered: Rendered, plan: Plan) -> str:
    return next((a.text for a in rendered.locked.artifacts if a.path == plan.files.lock), "")


@dataclass(frozen=True, slots=True)
class Explained:
    """Why the artifacts of a spec are as they are; without a current lock (``is_locked``), as far as the spec tells."""

    spec: Spec
    explanations: tuple[Explanation, ...]
    is_locked: bool
    stale: tuple[str, ...] = ()


def explain(path: Path, targets: Iterable[str] = ()) -> Explained:
    """Return where each line of the artifacts of the spec in ``path`` comes from; nothing is written or asked for.

    Without ``targets``, of all artifacts and the locks. Raises SpecError where the spec has problems other than a lock
    that is not current.
    """
    from mlspec.advice.explain import explanation

    loaded = load(path)
    try:
        locked, is_locked = update_lock(loaded, LocalWorld(path.parent), LockOptions(locked=True, unpinned=True)), True
    except SpecError as error:
        if any(problem.code not in NOT_CURRENT for problem in error.problems):
            raise
        locked, is_locked = outline_lock(loaded, LocalWorld(path.parent)), False
    plans = tuple(resolve(path.name, image, locked.facts[image.key]) for image in loaded.images)
    locked = _recorded(loaded, locked, plans, emit_all(plans, (*ALWAYS, *loaded.targets)))
    explanations = tuple(explanation.explain(_sources(loaded, path.parent, locked), targets))
    artifacts = (Artifact(e.path, "".join(f"{line.text}\n" for line in e.lines)) for e in explanations)
    changed = tuple(artifact.path for artifact in generated.find_stale(artifacts, Path())) if is_locked else ()
    return Explained(loaded, explanations, is_locked, changed)


def _sources(loaded: Spec, folder: Path, locked: LockResult) -> tuple[Sources, ...]:
    from mlspec.advice.explain.origins import Sources

    return tuple(
        Sources(
            spec=loaded,
            image=image,
            resolved=locked.facts[image.key],
            requirements=locked.contents[image.key].requirements,
            locks=locked.contents[image.key].packages,
            lock_texts={artifact.path: artifact.text for artifact in locked.artifacts},
            folder="" if folder == Path() else f"{folder.as_posix()}/",
        )
        for image in loaded.images
    )


def contents(rendered: Rendered, plan: Plan) -> tuple[Content, ...]:
    """Return what is in each layer that this image adds to its base, the lowest first."""
    from mlspec.build.report.contents import contents_of

    packages = rendered.locked.contents[plan.key].packages[plan.platform]
    return contents_of(plan, source(rendered, plan).dockerfile, steps(rendered, plan), packages)


def stale(rendered: Rendered) -> tuple[Artifact, ...]:
    """Return the artifacts whose file is missing or says something else."""
    return rendered.files.stale


def leftovers(rendered: Rendered) -> tuple[Path, ...]:
    """Return the files that were generated from this spec once, and are no longer."""
    every = emit_all(rendered.plans, (*ALWAYS, *rendered.spec.targets))
    return generated.find_leftovers((*every, *rendered.artifacts), rendered.folder, rendered.files.spec_name)


def edits(rendered: Rendered) -> tuple[Problem, ...]:
    """Return a problem for each generated file, out of date, that was changed since mlspec wrote it."""
    return generated.find_edits(rendered.files)


def line_ends(rendered: Rendered) -> tuple[Problem, ...]:
    """Return a warning where files say what they should, but for their line ends."""
    return generated.find_line_ends(rendered.files)


def write(rendered: Rendered, *, force: bool = False) -> tuple[Artifact, ...]:
    """Write what is stale, all or nothing, and return it; raises SpecError where a file is the user's own or edited."""
    return generated.write_stale(rendered.files, force=force)


def diff(rendered: Rendered) -> Iterator[str]:
    """Yield the lines of a unified diff from the files as they are to what they should be."""
    return generated.diff_stale(rendered.files)


@dataclass(frozen=True, slots=True)
class Demand:
    """What a spec asks of the host it is built and run on: the needs of its images, the bases that they start from, and
    the addresses of the indexes that packages come from besides the default one.
    """

    folder: Path
    needs: tuple[Need, ...]
    bases: tuple[str, ...]
    indexes: tuple[str, ...] = ()


def need(rendered: Rendered, plan: Plan) -> Need:
    """Return what this image needs of the host that it runs on."""
    from mlspec.advice.doctor.needs import need_of
    from mlspec.host.home import known_home

    folder = rendered.folder.resolve().as_posix()
    return need_of(plan, wheels=0, folder=folder, home=known_home())


def demand(path: Path) -> Demand:
    """Return what the spec in ``path`` asks of a host; a lock is taken as it is, and need not be there.

    Raises SpecError where the spec itself is not right.
    """
    from mlspec.advice.doctor.needs import need_of
    from mlspec.facts import base_image
    from mlspec.host import checkup
    from mlspec.host.home import known_home

    loaded = load(path)
    plans, subjects = _outlines(loaded, path)
    folder, home = path.parent.resolve().as_posix(), known_home()
    needs, indexes = [], list[str]()
    for image, plan in zip(loaded.images, plans, strict=True):
        own = [subject for subject in subjects if subject.image.key == image.key]
        size = sum(pin.size or 0 for pin in own[-1].pins) if own else 0
        need = need_of(plan, wheels=size, folder=folder, home=home)
        needs.append(checkup.with_scripts(need, path.parent, (plan.files.run_script,)))
        names = {pin.name for subject in own for pin in subject.pins}
        names |= {requirement.name for subject in own for requirement in subject.requirements.requirements}
        required = own[-1].requirements if own else Requirements()
        indexes += (index.url for index in indexes_of(image, required) if any(map(index.serves, names)))
    choices = (base_image.base_reference(image.settings.python, image.settings.base) for image in loaded.images)
    bases = (choice.reference for choice in choices if isinstance(choice, base_image.BaseChoice))
    return Demand(path.parent, tuple(needs), tuple(dict.fromkeys(bases)), tuple(dict.fromkeys(indexes)))


def _outlines(loaded: Spec, path: Path) -> tuple[tuple[Plan, ...], tuple[Subject, ...]]:
    """Return the plans of a spec and its subjects; without a lock, what the spec alone tells."""
    try:
        rendered = render(path, LockOptions(locked=True, unpinned=True))
    except SpecError as error:
        if any(problem.code != "MLS404" for problem in error.problems):
            raise
        _, plans, subjects = _outlined(loaded, path, "")
        return plans, subjects
    return rendered.plans, rendered.subjects
