"""``mlspec build``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from mlspec.cli.build_report import names_of, path_for, report_option, require_writable, tell, what_was_there
from mlspec.cli.options import (
    PLATFORMS,
    file_option,
    images_argument,
    locked_option,
    quiet_option,
    unpinned_option,
    wish_of,
)
from mlspec.cli.specs import how_to, keep_proof, one_spec, rendered_of, show_folder_warnings
from mlspec.cli.terminal import answer, is_quiet, say, show
from mlspec.host.cache.proofs import CHECK, witnessed

if TYPE_CHECKING:
    from mlspec.build.steps import Step
    from mlspec.build.stream import BuildState
    from mlspec.host.rendered import Rendered
    from mlspec.lock.state import LockOptions
    from mlspec.plan.plan import Plan
    from mlspec.targets.run_script import BuildOptions

# Kinds of progress that are BuildKit's own, drawn by docker in this terminal.
_OF_BUILDKIT = ("tty", "rawjson")


def _ready(file: str | None, images: Sequence[str], wish: LockOptions) -> Rendered:
    """Return one spec, rendered, with its files written where they were out of date.

    Raises SpecError, before anything is asked of a registry or an index, where it has none of these images.
    """
    from mlspec import api
    from mlspec.errors import Problem, SpecError
    from mlspec.host.files.generated import find_edits, find_line_ends
    from mlspec.host.files.turns import alone
    from mlspec.spec.spec import choose_image

    path = one_spec(file)
    loaded = api.load(path)
    for name in images:
        choose_image(loaded, name)
    with alone(path, say):
        with witnessed() as witness:
            rendered = rendered_of(path, wish)
            changed = api.stale(rendered)
        show_folder_warnings(rendered)
        if not changed:
            if not wish.unpinned:
                keep_proof(CHECK, path, witness, rendered)
            return rendered
        names = ", ".join(artifact.path for artifact in changed)
        if wish.locked:
            problem = Problem(code="MLS407", message=f"out of date: {names}", hint="write them: mlspec render")
            raise SpecError(problem, *find_edits(rendered.files))
        for warning in find_line_ends(rendered.files):
            show(warning)
        api.write(rendered)
        say(f"wrote {names}")
    return rendered


@click.command()
@images_argument
@file_option
@click.option(
    "-t", "--tag", "tags", multiple=True, metavar="NAME", help="Name the image so, in place of the spec's name."
)
@click.option("--push", is_flag=True, help="Push the image in place of loading it into the engine.")
@click.option(
    "--platform",
    "platforms",
    multiple=True,
    type=PLATFORMS,
    help="Build for this one of the image's platforms. Default: the engine's own, and with --push all of them.",
)
@click.option("--builder", metavar="NAME", help="The buildx builder to use.")
@click.option("--no-cache", is_flag=True, help="Build every step anew.")
@click.option("--verify", is_flag=True, help="Build twice from nothing, keep neither, and show what differs.")
@click.option("--no-labels", is_flag=True, help="Leave out the labels that say where the image comes from.")
@click.option(
    "--progress",
    type=click.Choice(["auto", "plain", "tty", "quiet", "rawjson"]),
    default="auto",
    show_default=True,
    help="auto: a live screen, or lines where there is no terminal; plain: lines, with all that steps say; quiet: "
    "the image's digest only; tty, rawjson: BuildKit's own.",
)
@report_option
@locked_option
@unpinned_option
@quiet_option
def build(
    images: tuple[str, ...],
    file: str | None,
    tags: tuple[str, ...],
    push: bool,
    platforms: tuple[str, ...],
    builder: str | None,
    no_cache: bool,
    verify: bool,
    no_labels: bool,
    progress: str,
    reports: tuple[str, ...],
    locked: bool,
    unpinned: bool,
) -> None:
    """Build the images of a spec, or those named.

    Files that are out of date are written first. The building is BuildKit's, through docker buildx. With --push, the
    answer on stdout is a line NAME@DIGEST for each name.
    """
    from mlspec import api
    from mlspec.targets.run_script import BuildOptions

    require_writable(reports, unseen_by=progress if progress in _OF_BUILDKIT else "")
    rendered = _ready(file, images, wish_of(locked=locked, unpinned=unpinned))
    plans = [rendered.plan(name) for name in images] if images else list(rendered.plans)
    _require_sense(plans, tags, push=push, verify=verify)
    if progress == "auto" and is_quiet():
        progress = "quiet"
    options = BuildOptions(tags=tags, push=push, builder=builder, no_cache=no_cache, progress=progress)
    wanted = _platforms(rendered, plans, platforms, push=push)
    if verify:
        each = [replace(plan, platform=name) for plan in plans for name in wanted[plan.key]]
        sys.exit(0 if _are_verified(rendered, each, options) else 1)
    for plan in plans:
        plan = replace(plan, platform=wanted[plan.key][0])
        labels = () if no_labels else api.labels(rendered, plan)
        paths = tuple(path_for(report, plan.key if len(plans) > 1 else "") for report in reports)
        own = replace(options, platforms=wanted[plan.key], labels=labels)
        _announce(plan, own, _build_with_mirrors(rendered, plan, own, paths), file)


def _require_sense(plans: Sequence[Plan], tags: Sequence[str], *, push: bool, verify: bool) -> None:
    """Raise UsageError where options contradict each other, or one of them is for a single image."""
    if tags and len(plans) > 1:
        raise click.UsageError("--tag names one image: say which, mlspec build IMAGE --tag NAME")
    if verify and (push or tags):
        raise click.UsageError("--verify keeps no image: leave out --push and --tag")


def _platforms(
    rendered: Rendered, plans: Sequence[Plan], wanted: Sequence[str], *, push: bool
) -> dict[str, tuple[str, ...]]:
    """Return the platforms to build each image for, by its key; raises SpecError where it has not the wanted one."""
    from mlspec.host.engine import engine
    from mlspec.targets.run_script import platforms_to_build

    if len(set(wanted)) > 1 and not push:
        raise click.UsageError("several platforms at once go to a registry: add --push, or name one --platform")
    for plan in plans:
        for platform in wanted:
            rendered.plan(plan.key or None, platform)
    # Asking the engine takes as long as a small build: only where it decides something.
    is_open = not (wanted or push) and any(len(plan.platforms) > 1 for plan in plans)
    own = engine.own_platform() if is_open else ""
    return {plan.key: platforms_to_build(plan, wanted, own, push=push) for plan in plans}


def _are_verified(rendered: Rendered, plans: Sequence[Plan], options: BuildOptions) -> bool:
    """Build each image twice, show what differs, and return whether nothing does in any of them."""
    from mlspec.cli.build_verify import verify_build

    return all([verify_build(rendered, plan, options) for plan in plans])


def _build_with_mirrors(rendered: Rendered, plan: Plan, options: BuildOptions, reports: tuple[str, ...]) -> str:
    """Build one image from this user's mirrors, and return the digest of what was pushed; empty where nothing was."""
    from mlspec.host.engine import build as building
    from mlspec.host.engine import built_images, mirrors

    with building.metadata() as metadata, mirrors.apply_mirrors(plan, options, rendered.codename(plan)) as own:
        own = replace(own, metadata_file=str(metadata))
        _build(rendered, plan, own, reports)
        digests = building.read_digests(metadata)
        if digests and not own.push:
            built_images.remember_built(rendered.folder, plan.image, digests)
        return next(iter(digests), "")


def _announce(plan: Plan, options: BuildOptions, digest: str, file: str | None) -> None:
    """Say what was built; of what was pushed, print each name with its digest."""
    from mlspec.targets.run_script import names_by_digest

    names = names_of(plan, options)
    if options.push and digest:
        answer("\n".join(names_by_digest(names, digest)))
    how = "" if options.tags else f"; to run it: {how_to(f'run {plan.key}'.strip(), file)}"
    say(f"pushed {', '.join(names)}" if options.push else f"built {', '.join(names)}{how}")


def _build(rendered: Rendered, plan: Plan, options: BuildOptions, reports: tuple[str, ...]) -> None:
    """Build one image and show how it goes and what came of it; raises ToolError with the cause where it fails."""
    from mlspec import api
    from mlspec.cli.build_screen import fail
    from mlspec.errors import Problem
    from mlspec.host.engine import build as building
    from mlspec.targets.run_script import build_command

    if options.progress in _OF_BUILDKIT:
        building.build(build_command(plan, options), rendered.folder)
        return
    steps = api.steps(rendered, plan)
    is_told = bool(reports) or not is_quiet()
    before = what_was_there(rendered, plan, options) if is_told else None
    code, state = _follow(rendered, plan, options, steps)
    if code and state.knows_no_stream:
        plain = "quiet" if options.progress == "quiet" else "plain"
        building.build(build_command(plan, replace(options, progress=plain)), rendered.folder)
        return
    if code:
        fail(rendered, plan, state, steps)
    for warning in state.warnings:
        show(Problem(code="MLS539", message=warning, severity="warning").at(plan.files.dockerfile, None))
    if options.progress == "quiet" and state.image_id and not options.push:
        answer(state.image_id)
    if before:
        tell(rendered, plan, options, state, before, reports)


def _follow(rendered: Rendered, plan: Plan, options: BuildOptions, steps: Sequence[Step]) -> tuple[int, BuildState]:
    """Build one image while it is watched, once more where the engine loses a layer; return the exit code and state."""
    from mlspec.cli.build_screen import watching
    from mlspec.host.engine import build as building
    from mlspec.targets.run_script import build_command

    command = build_command(plan, replace(options, progress="rawjson"))
    for _ in range(2):
        with watching(options.progress, steps, plan.image) as watch:
            code, state = building.follow(command, rendered.folder, watch)
        if not (code and state.lost_a_layer):
            break
        say("the engine lost a layer between storing and using it, which is a fault of its own; building again")
    return code, state
