"""The report of ``mlspec build``: the lines at its end, and the files of ``--report``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlspec.cli.terminal import answer, say, show

if TYPE_CHECKING:
    from mlspec.build.report.built import BuiltImage
    from mlspec.build.report.report import BuildReport
    from mlspec.build.stream import BuildState
    from mlspec.cli.image_to_build import ImageToBuild
    from mlspec.errors import Problem

_STDOUT = "-"
_ENDINGS = (".html", ".json", ".txt")


def _check_report_names(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if value != _STDOUT and Path(value).suffix not in _ENDINGS:
            raise click.BadParameter(f'"{value}" does not end in {", ".join(_ENDINGS[:-1])} or {_ENDINGS[-1]}')
        if not Path(value).parent.is_dir():
            raise click.BadParameter(f'there is no folder "{Path(value).parent.as_posix()}"')
    return values


report_option = click.option(
    "--report",
    "reports",
    multiple=True,
    metavar="FILE",
    type=click.Path(),
    callback=_check_report_names,
    help="Write a report of the build, its time and its sizes: .html, a page with a treemap of the image; .json; "
    ".txt, or - for stdout. Several images get one each, with the image's name before the ending.",
)


def require_writable(reports: Sequence[str], *, unseen_by: str = "") -> None:
    """Raise UsageError for reports with a kind of progress, ``unseen_by``, that hides the steps from mlspec."""
    if reports and unseen_by:
        raise click.UsageError(f"--report needs the steps, which --progress {unseen_by} leaves to docker: leave it out")


def path_for(report: str, key: str) -> str:
    """Return the path of the report of the image ``key``; ``key`` is empty for a single image."""
    if not key or report == _STDOUT:
        return report
    path = Path(report)
    return str(path.with_name(f"{path.stem}.{key}{path.suffix}"))


def find_in_registry(image: ImageToBuild) -> BuiltImage | None:
    """Return the image that a build would replace in the registry; None if its name is not that of a registry."""
    from mlspec.facts.image_reference import names_registry

    name = image.names[0]
    if not (image.options.push or names_registry(name)):
        return None
    from mlspec.host.engine import built_images

    return built_images.in_registry(name, image.prepared.platform)


def import_report() -> None:
    """Import the modules of :func:`tell` while docker builds, so that the report does not wait for them."""
    import_module("mlspec.build.report.report_lines")
    import_module("mlspec.host.engine.built_images")


def tell(image: ImageToBuild, state: BuildState, in_registry: BuiltImage | None, reports: Iterable[str]) -> None:
    """Show the report of a finished build, write it to files, and remember the image for the next report.

    The report compares the image with that of the last build, and with the one that was ``in_registry`` before.
    """
    from mlspec.build import view
    from mlspec.build.report import report_lines
    from mlspec.build.report.report import Before, Outcome, report_build
    from mlspec.host.engine import built_images

    prepared = image.prepared
    if len(image.options.platforms) > 1:
        # The builder pushed an index; the registry has its image for this platform now.
        built = built_images.in_registry(image.names[0], prepared.platform)
    else:
        built = _read_built(image, state)
    facts = view.facts(state, prepared.steps, prepared.image)
    outcome = Outcome(facts=facts, image=built, names=image.names, is_pushed=image.options.push)
    before = Before(last=built_images.last(image.folder, prepared.image), registry=in_registry)
    made = report_build(prepared, outcome, before)
    if built is None and reports:
        from mlspec.errors import Problem

        message = "buildx does not list the layers of this image, so the report has none"
        hint = "update buildx to 0.14 or newer: docker buildx version"
        show(Problem(code="MLS581", message=message, hint=hint, severity="warning"))
    for line in report_lines.brief(made):
        say(line)
    for report in reports:
        _write(made, report)
        if warning := _warn_if_copied(image, report):
            show(warning)
    if built:
        built_images.keep(image.folder, prepared.image, built)


def _read_built(image: ImageToBuild, state: BuildState) -> BuiltImage | None:
    """Return the image that was just built, with its layers.

    If a simultaneous build did the last step, the metadata does not list all layers. Then run the same build again: it
    takes all steps from the cache, lists the layers, and does not change the image.
    """
    from mlspec.host.engine import built_images, image_build

    name, metadata_file = image.names[0], image.options.metadata_file
    if not (state.manifest and built_images.is_incomplete(metadata_file)):
        return built_images.read_built_image(state.manifest, name, metadata_file)
    from mlspec.targets.run_script import build_command

    with image_build.metadata() as metadata:
        options = replace(image.options, no_cache=False, progress="rawjson", keeps_nothing=True)
        _, plan = image.find_source()
        image_build.run_silently(build_command(plan, replace(options, metadata_file=str(metadata))), image.folder)
        # If somebody edited a file between the builds, the second image differs.
        is_same = state.manifest in image_build.read_digests(metadata)
        return built_images.read_built_image(state.manifest, name, str(metadata) if is_same else None)


def _write(report: BuildReport, path: str) -> None:
    from mlspec.host.files import writing
    from mlspec.host.known_secrets import blank_secrets
    from mlspec.spec.files import Artifact

    if path == _STDOUT:
        answer(_text(report, ".txt"), ends_line=False)
        return
    place = Path(path)
    writing.write([Artifact(place.name, blank_secrets(_text(report, place.suffix)))], place.parent)
    say(f"wrote {place.as_posix()}")


def _warn_if_copied(image: ImageToBuild, path: str) -> Problem | None:
    """Return a warning if the next build would copy the report into the image, or else None."""
    from mlspec.errors import Problem
    from mlspec.targets import ignore_patterns
    from mlspec.targets.registry import emit

    place, folder = Path(path).resolve(), image.folder.resolve()
    if path == _STDOUT or not place.is_relative_to(folder):
        return None
    name = place.relative_to(folder).as_posix()
    (ignore,) = emit(image.find_source()[1], ["ignore"])
    if ignore_patterns.parse(ignore.text).leaves_out(name):
        return None
    hint = f'write it elsewhere: --report {Path("..", place.name).as_posix()}; or leave it out: include: [., "!{name}"]'
    return Problem(
        code="MLS582", message=f"the next build will copy {name} into the image", hint=hint, severity="warning"
    )


def _text(report: BuildReport, ending: str) -> str:
    from mlspec.build.report import json_text, page, report_lines

    if ending == ".html":
        return page.html(report)
    return json_text.text(report) if ending == ".json" else report_lines.full(report)
