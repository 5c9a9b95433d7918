"""Cached preparations of builds: mlspec reuses a preparation if none of its inputs changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mlspec.cli.image_to_build import ImageToBuild
from mlspec.cli.quick import as_shown, using
from mlspec.cli.terminal import say, tell
from mlspec.host.cache.proofs import BUILD, COMMAND, proofs
from mlspec.host.files.find import find_specs, is_above

if TYPE_CHECKING:
    from mlspec.build.prepared import PreparedBuild
    from mlspec.errors import Problem
    from mlspec.host.cache.witness import Witness
    from mlspec.host.rendered import Rendered
    from mlspec.plan.plan import Plan
    from mlspec.targets.build_options import BuildOptions


def recall_builds(
    file: str | None, images: Sequence[str], options: BuildOptions, warn: Callable[[], object]
) -> tuple[ImageToBuild, ...]:
    """Return the images of a spec from the cache, ready to build, after showing the spec's warnings.

    If files changed that only warnings depend on, such as the code, the first image calls ``warn`` while it is built.
    Return an empty tuple without a proof that the cached images are current.
    """
    from mlspec.build.prepared import parse_builds

    try:
        specs = [as_shown(spec) for spec in find_specs([file] if file else [])]
    except (FileNotFoundError, ValueError):
        return ()
    # In a question, a space would end the names of the images.
    is_plain = len(specs) == 1 and not any(mark in image for image in images for mark in " ,")
    if not is_plain:
        return ()
    known, path = proofs(), Path(specs[0])
    if proven := known.recall(_question(BUILD, images), specs[0]):
        answer, shown = proven
        if not file and is_above(specs[0]):
            say(using(specs[0]))
        for _, text in shown:
            tell(text)
        return tuple(_ready_again(path, build, options) for build in parse_builds(answer))
    if proven := known.recall(_question(COMMAND, images), specs[0]):
        first, *others = (_ready_again(path, build, options) for build in parse_builds(proven[0]))
        return (replace(first, meanwhile=warn), *others)
    return ()


def _ready_again(path: Path, prepared: PreparedBuild, options: BuildOptions) -> ImageToBuild:
    from mlspec.host.files.checkout import examine_checkout
    from mlspec.targets.labels import list_checkout_labels

    labels = list_checkout_labels(examine_checkout(path.parent, prepared.sources))
    own = tuple((name, value) for name, value in labels if value and name not in prepared.own_labels)
    return ImageToBuild(path.parent, prepared, options, lambda: _compile(path, prepared.key), labels=own)


def _compile(path: Path, key: str) -> tuple[Rendered, Plan]:
    from mlspec import api
    from mlspec.cli.specs import today
    from mlspec.lock.state import LockOptions

    rendered = api.render(path, LockOptions(locked=True), today=today())
    return rendered, rendered.plan(key or None)


def keep_builds(
    path: Path,
    images: Sequence[str],
    rendered: Rendered,
    warnings: Sequence[Problem],
    *,
    for_files: Witness,
    for_all: Witness,
) -> None:
    """Cache the preparation of a spec's builds, if it follows only from the witnessed reads.

    It does not if the engine chooses the platform, or if this user has mirrors. ``for_files`` has the reads that the
    generated files follow from, ``for_all`` also those that ``warnings`` follow from.
    """
    from mlspec.build.prepared import dump_builds
    from mlspec.cli.specs import format_warnings
    from mlspec.host.cache.witness import witness_reads
    from mlspec.host.engine.mirrors import uses_mirrors

    with witness_reads() as configured:
        is_open = uses_mirrors()
    plans = [rendered.plan(name) for name in images] if images else list(rendered.plans)
    if is_open or any(len(plan.platforms) > 1 for plan in plans):
        return
    known, spec = proofs(), path.as_posix()
    shown = format_warnings((*rendered.warnings, *warnings))
    builds = dump_builds(tuple(_prepare(rendered, plans)))
    for kind, witness, told in ((COMMAND, for_files, ()), (BUILD, for_all, shown)):
        witness.join(configured)
        known.keep(_question(kind, images), spec, witness, told, builds)
    known.save()


def _prepare(rendered: Rendered, plans: Sequence[Plan]) -> Iterator[PreparedBuild]:
    from mlspec import api
    from mlspec.targets.build_options import BuildOptions
    from mlspec.targets.labels import Checkout, labels_of

    for plan in plans:
        # The checkout may change until the next build, which adds the labels of the checkout itself.
        labels = labels_of(rendered, plan, Checkout())
        yield api.prepare_build(rendered, plan, BuildOptions(platforms=(plan.platform,), labels=labels))


def _question(kind: str, images: Sequence[str]) -> str:
    return f"{kind}:{','.join(images)}"
