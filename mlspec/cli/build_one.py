"""The build of one image: its progress, its result and its report."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from mlspec.cli.build_report import find_in_registry, import_report, tell
from mlspec.cli.specs import how_to
from mlspec.cli.terminal import answer, is_quiet, say, show

if TYPE_CHECKING:
    from mlspec.build.stream import BuildState
    from mlspec.cli.image_to_build import ImageToBuild
    from mlspec.host.rendered import Rendered
    from mlspec.plan.plan import Plan
    from mlspec.targets.build_options import BuildOptions

# The kinds of progress that docker itself shows in this terminal.
OF_BUILDKIT = ("tty", "rawjson")


@contextmanager
def prepare_with_mirrors(rendered: Rendered, plan: Plan, options: BuildOptions) -> Iterator[ImageToBuild]:
    """Yield an image that is ready to build with this user's mirrors and certificates."""
    from mlspec import api
    from mlspec.cli.image_to_build import ImageToBuild
    from mlspec.host.engine import mirrors

    with mirrors.apply_mirrors(plan, options, rendered.codename(plan)) as own:
        prepared = api.prepare_build(rendered, plan, own)
        yield ImageToBuild(rendered.folder, prepared, own, lambda: (rendered, plan))


def build_image(image: ImageToBuild, reports: tuple[str, ...], file: str | None) -> None:
    """Build one image, show its progress and its result, and remember it. Raises ToolError if the build fails."""
    from mlspec.host.engine import image_build

    with image_build.metadata() as metadata:
        image = replace(image, options=replace(image.options, metadata_file=str(metadata)))
        _build(image, reports)
        digests = image_build.read_digests(metadata)
        if digests and not image.options.push:
            from mlspec.host.engine import built_images

            built_images.remember_built(image.folder, image.prepared.image, digests)
        _announce(image, next(iter(digests), ""), file)


def build_silently(image: ImageToBuild) -> None:
    """Build one image without a message, and remember it. Raises ToolError if the build fails."""
    from mlspec.host.engine import built_images, image_build

    with image_build.metadata() as metadata:
        image = replace(image, options=replace(image.options, progress="quiet", metadata_file=str(metadata)))
        code, state = _follow(image, is_told=False)
        if code:
            from mlspec.cli.build_screen import fail

            fail(*image.find_source(), state, image.prepared.steps)
        _show_warnings(image, state)
        if digests := image_build.read_digests(metadata):
            built_images.remember_built(image.folder, image.prepared.image, digests)


def _announce(image: ImageToBuild, digest: str, file: str | None) -> None:
    """Announce the built image on stderr; after a push, also print each name with its digest on stdout."""
    from mlspec.facts.image_reference import names_by_digest

    names, options = image.names, image.options
    if options.push and digest:
        answer("\n".join(names_by_digest(names, digest)))
    how = "" if options.tags else f"; to run it: {how_to(f'run {image.prepared.key}'.strip(), file)}"
    say(f"pushed {', '.join(names)}" if options.push else f"built {', '.join(names)}{how}")


def _build(image: ImageToBuild, reports: tuple[str, ...]) -> None:
    """Build one image and show its progress and its report. Raises ToolError with the cause if the build fails."""
    from mlspec.host.engine import image_build

    options = image.options
    if options.progress in OF_BUILDKIT:
        image.meanwhile()
        image_build.build(image.words(options.progress), image.folder)
        return
    is_told = bool(reports) or not is_quiet()
    in_registry = find_in_registry(image) if is_told else None
    code, state = _follow(image, is_told=is_told)
    if code and state.knows_no_stream:
        plain = "quiet" if options.progress == "quiet" else "plain"
        image_build.build(image.words(plain), image.folder)
        return
    if code:
        from mlspec.cli.build_screen import fail

        fail(*image.find_source(), state, image.prepared.steps)
    _show_warnings(image, state)
    if options.progress == "quiet" and state.image_id and not options.push:
        answer(state.image_id)
    if is_told:
        tell(image, state, in_registry, reports)


def _show_warnings(image: ImageToBuild, state: BuildState) -> None:
    from mlspec.errors import Problem

    for warning in state.warnings:
        place = image.find_source()[1].files.dockerfile
        show(Problem(code="MLS539", message=warning, severity="warning").at(place, None))


def _follow(image: ImageToBuild, *, is_told: bool) -> tuple[int, BuildState]:
    """Build one image with live progress, again if the engine lost a layer; return the exit code and the last state."""
    from mlspec.host.engine import image_build

    command = image.words("rawjson")
    for attempt in range(2):
        with image_build.start_build(command, image.folder) as child:
            if not attempt:
                image.meanwhile()
            # docker takes longer to start than these imports, which it does not wait for.
            from mlspec.cli.build_screen import watching

            with watching(image.options.progress, image.prepared.steps, image.prepared.image) as watch:
                if is_told:
                    import_report()
                code, state = image_build.read_progress(child, watch)
        if not (code and state.lost_a_layer):
            break
        say("the engine lost a layer after storing it, an error of the engine; building again")
    return code, state
