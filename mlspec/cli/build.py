"""The command ``mlspec build``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from mlspec.cli.build_one import OF_BUILDKIT, build_image, prepare_with_mirrors
from mlspec.cli.build_podman import build_with_podman, require_podman_options
from mlspec.cli.build_proof import keep_builds, recall_builds
from mlspec.cli.build_report import path_for, report_option, require_writable
from mlspec.cli.options import (
    PLATFORMS,
    engine_option,
    file_option,
    images_argument,
    locked_option,
    quiet_option,
    unpinned_option,
    wish_of,
)
from mlspec.cli.specs import find_folder_warnings, finish, keep_proof, one_spec, rendered_of
from mlspec.cli.terminal import is_quiet, say, show
from mlspec.host.cache.proofs import CHECK
from mlspec.host.cache.witness import witness_reads
from mlspec.targets.build_options import BuildOptions, complete_options

if TYPE_CHECKING:
    from mlspec.host.rendered import Rendered
    from mlspec.lock.state import LockOptions
    from mlspec.plan.plan import Plan
    from mlspec.targets.run_caller import EngineName


def _ready(file: str | None, images: Sequence[str], wish: LockOptions) -> Rendered:
    """Render one spec, write its outdated files, and keep the proofs of that.

    Raises SpecError if the spec lacks one of the images, before any request to a registry or an index.
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
        with witness_reads() as for_all:
            with witness_reads() as for_files:
                finish(path)
                with witness_reads() as witness:
                    rendered = rendered_of(path, wish)
                    changed = api.stale(rendered)
            warnings = find_folder_warnings(rendered)
        for warning in warnings:
            show(warning)
        if not changed:
            if not wish.unpinned:
                keep_proof(CHECK, path, witness, rendered)
                keep_builds(path, images, rendered, warnings, for_files=for_files, for_all=for_all)
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
    "-t",
    "--tag",
    "tags",
    multiple=True,
    metavar="NAME",
    help="Image name, or :TAG for a tag of the name in the spec. Default: the name in the spec.",
)
@click.option("--push", is_flag=True, help="Push the image instead of loading it into the engine.")
@click.option(
    "--compression",
    type=click.Choice(["gzip", "zstd"]),
    help="The compression of the layers, with --push. Default: that of the spec, or gzip. zstd is faster to pull; it "
    "needs Docker Engine 23.0 or containerd 1.5.",
)
@click.option(
    "--platform",
    "platforms",
    multiple=True,
    type=PLATFORMS,
    help="Build only for this platform. Default: the platform of the engine; with --push, all platforms.",
)
@engine_option
@click.option("--builder", metavar="NAME", help="The buildx builder to use.")
@click.option(
    "--cache", "cache_to", metavar="REF", help="Keep the build cache in a registry, HOST/NAME: read it, and write it."
)
@click.option("--cache-from", multiple=True, metavar="REF", help="Read a build cache in a registry, HOST/NAME.")
@click.option("--no-cache", is_flag=True, help="Do not use the build cache.")
@click.option(
    "--verify", is_flag=True, help="Build twice without the cache, keep neither image, and show the differences."
)
@click.option("--no-labels", is_flag=True, help="Omit the labels about the origin of the image.")
@click.option(
    "--progress",
    type=click.Choice(["auto", "plain", "tty", "quiet", "rawjson"]),
    default="auto",
    show_default=True,
    help="auto: a live screen, or lines if there is no terminal; plain: lines, with all output of the steps; quiet: "
    "only the digest of the image; tty, rawjson: as BuildKit prints them.",
)
@report_option
@locked_option
@unpinned_option
@quiet_option
def build(
    images: tuple[str, ...],
    file: str | None,
    engine: EngineName | None,
    platforms: tuple[str, ...],
    verify: bool,
    no_labels: bool,
    reports: tuple[str, ...],
    locked: bool,
    unpinned: bool,
    **chosen: Any,  # noqa: ANN401 - the fields of BuildOptions
) -> None:
    """Build the images of a spec, or those named.

    Files that are out of date are written first. With --push, stdout has a line NAME@DIGEST for each name.
    """
    options = BuildOptions(**chosen)
    require_writable(reports, unseen_by=options.progress if options.progress in OF_BUILDKIT else "")
    if options.progress == "auto" and is_quiet():
        options = replace(options, progress="quiet")
    _require_push(options)
    is_plain = not (platforms or verify or no_labels or reports or unpinned)
    engine = _choose_engine(engine, partial(_build_again, file, images, options) if is_plain else None)
    if not engine:
        return
    if engine == "podman":
        require_podman_options(options, verify=verify, reports=bool(reports))
    rendered = _ready(file, images, wish_of(locked=locked, unpinned=unpinned))
    plans = [rendered.plan(name) for name in images] if images else list(rendered.plans)
    _require_sense(plans, options, verify=verify)
    wanted = choose_platforms(rendered, plans, platforms, push=options.push, engine_name=engine)
    if verify:
        sys.exit(0 if _are_verified(rendered, plans, wanted, options) else 1)
    for plan, own in _complete_each(rendered, plans, wanted, options, no_labels):
        if engine == "podman":
            build_with_podman(rendered, plan, own, file)
            continue
        paths = tuple(path_for(report, plan.key if len(plans) > 1 else "") for report in reports)
        with prepare_with_mirrors(rendered, plan, own) as image:
            build_image(image, paths, file)


def _complete_each(
    rendered: Rendered,
    plans: Sequence[Plan],
    wanted: Mapping[str, tuple[str, ...]],
    options: BuildOptions,
    no_labels: bool,
) -> Iterator[tuple[Plan, BuildOptions]]:
    """Yield each plan for the first of its platforms, with the options of its build."""
    from mlspec import api

    for plan in plans:
        own = replace(plan, platform=wanted[plan.key][0])
        complete = complete_options(options, plan, wanted[plan.key])
        yield own, replace(complete, labels=() if no_labels else api.labels(rendered, own))


def _choose_engine(asked: EngineName | None, again: Callable[[], bool] | None) -> EngineName | None:
    """Return the engine to build with; None if ``again`` built by Docker what an earlier command prepared."""
    from mlspec.host.engine.engine_choice import choose_engine, configured_engine

    # What an earlier command prepared is for Docker, and proves that the configuration names no other engine.
    if again and choose_engine(asked, None) == "docker" and again():
        return None
    return choose_engine(asked, asked or configured_engine())


def _build_again(file: str | None, images: Sequence[str], options: BuildOptions) -> bool:
    """Start the build that an earlier command prepared, if nothing changed and no option asks for more.

    Return whether the images were built.
    """
    is_plain = options == BuildOptions(progress=options.progress)

    def warn() -> None:
        # Nothing may be written while docker reads the files.
        _ready(file, images, wish_of(locked=True))

    proven = recall_builds(file, images, options, warn) if is_plain else ()
    for image in proven:
        build_image(image, (), file)
    return bool(proven)


def _require_push(options: BuildOptions) -> None:
    """Raise UsageError if layers get a compression but are not pushed."""
    if options.compression and not options.push:
        raise click.UsageError(f"--compression {options.compression} is for pushed images: add --push")


def _require_sense(plans: Sequence[Plan], options: BuildOptions, *, verify: bool) -> None:
    """Raise UsageError if options contradict each other, or if one of them is for a single image only."""
    if len(plans) > 1 and not all(tag.startswith(":") for tag in options.tags):
        raise click.UsageError("--tag names one image: mlspec build IMAGE --tag NAME; for all images: --tag :TAG")
    if verify and (options.push or options.tags):
        raise click.UsageError("--verify keeps no image: leave out --push and --tag")


def choose_platforms(
    rendered: Rendered,
    plans: Sequence[Plan],
    wanted: Sequence[str],
    *,
    push: bool,
    engine_name: EngineName | None = None,
) -> dict[str, tuple[str, ...]]:
    """Return the platforms to build each image for, by its key.

    Raises SpecError if an image does not have a wanted platform, and UsageError for several platforms without --push.
    """
    from mlspec.host.engine import engine
    from mlspec.targets.run_script import platforms_to_build

    if len(set(wanted)) > 1 and not push:
        raise click.UsageError(
            "the engine cannot load an image of several platforms: add --push, or name one --platform"
        )
    for plan in plans:
        for platform in wanted:
            rendered.plan(plan.key or None, platform)
    # A request to the engine takes as long as a small build, so ask only if the answer matters.
    is_open = not (wanted or push) and any(len(plan.platforms) > 1 for plan in plans)
    own = engine.own_platform(engine_name) if is_open else ""
    return {plan.key: platforms_to_build(plan, wanted, own, push=push) for plan in plans}


def _are_verified(
    rendered: Rendered, plans: Sequence[Plan], wanted: Mapping[str, Sequence[str]], options: BuildOptions
) -> bool:
    """Build each image twice for each platform, show the differences, and return whether there are none."""
    from mlspec.cli.build_verify import verify_build

    each = [replace(plan, platform=name) for plan in plans for name in wanted[plan.key]]
    return all([verify_build(rendered, plan, options) for plan in each])
