"""The report behind ``mlspec build``: the lines that it ends with, and the files that ``--report`` names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlspec.cli.terminal import answer, say, show

if TYPE_CHECKING:
    from mlspec.build.report.report import Before, BuildReport
    from mlspec.build.stream import BuildState
    from mlspec.errors import Problem
    from mlspec.host.rendered import Rendered
    from mlspec.plan.plan import Plan
    from mlspec.targets.run_script import BuildOptions

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
    help="Write what was built and what it took: .html, a page with a treemap of the image; .json; .txt, or - for "
    "stdout. Of several images each gets its own, with its name before the ending.",
)


def require_writable(reports: Sequence[str], *, unseen_by: str = "") -> None:
    """Raise UsageError where the kind of progress ``unseen_by`` shows the steps of a build to nobody but docker."""
    if reports and unseen_by:
        raise click.UsageError(f"--report tells of steps that --progress {unseen_by} leaves to docker: leave it out")


def path_for(report: str, key: str) -> str:
    """Return where the report of the image called ``key`` goes, which is empty where there is but one."""
    if not key or report == _STDOUT:
        return report
    path = Path(report)
    return str(path.with_name(f"{path.stem}.{key}{path.suffix}"))


def what_was_there(rendered: Rendered, plan: Plan, options: BuildOptions) -> Before:
    """Return what a build's result is compared with: the last build's, and what the registry has under its name."""
    from mlspec.build.report.report import Before
    from mlspec.facts.image_reference import names_registry
    from mlspec.host.engine import built_images

    name = names_of(plan, options)[0]
    asks = options.push or names_registry(name)
    return Before(
        last=built_images.last(rendered.folder, plan.image),
        registry=built_images.in_registry(name, plan.platform) if asks else None,
    )


def tell(
    rendered: Rendered, plan: Plan, options: BuildOptions, state: BuildState, before: Before, reports: Iterable[str]
) -> None:
    """Show the report of a finished build, write it to files, and remember what was built for the next one."""
    from mlspec import api
    from mlspec.build import view
    from mlspec.build.report import text
    from mlspec.build.report.report import Outcome, report_build
    from mlspec.errors import Problem
    from mlspec.host.engine import built_images

    names = names_of(plan, options)
    if len(options.platforms) > 1:
        # The builder made an index; what it holds for this platform stands in the registry by now.
        built = built_images.in_registry(names[0], plan.platform)
    else:
        built = built_images.read_built_image(state.manifest, names[0], options.metadata_file)
    facts = view.facts(state, api.steps(rendered, plan), plan.image)
    contents = api.contents(rendered, plan)
    outcome = Outcome(facts=facts, image=built, names=names, is_pushed=options.push)
    made = report_build(plan, outcome, contents, before)
    if built is None and reports:
        message = "the layers of this image cannot be seen, so the report has none"
        hint = "let this buildx or a newer one tell of them: docker buildx version says 0.14 or more"
        show(Problem(code="MLS581", message=message, hint=hint, severity="warning"))
    for line in text.brief(made):
        say(line)
    for report in reports:
        _write(made, report)
        if warning := _warn_if_copied(rendered, plan, report):
            show(warning)
    if built:
        built_images.keep(rendered.folder, plan.image, built)


def names_of(plan: Plan, options: BuildOptions) -> tuple[str, ...]:
    """Return the names that a built image gets: those that are wanted, or else the spec's."""
    return options.tags or (plan.image,)


def _write(report: BuildReport, path: str) -> None:
    from mlspec.host.files import write as writing
    from mlspec.host.known_secrets import blank_secrets
    from mlspec.spec.files import Artifact

    if path == _STDOUT:
        answer(_text(report, ".txt"), ends_line=False)
        return
    place = Path(path)
    writing.write([Artifact(place.name, blank_secrets(_text(report, place.suffix)))], place.parent)
    say(f"wrote {place.as_posix()}")


def _warn_if_copied(rendered: Rendered, plan: Plan, path: str) -> Problem | None:
    """Return a warning where a report stands among the files that the next build copies into the image."""
    from mlspec.errors import Problem
    from mlspec.targets import ignore_patterns as patterns
    from mlspec.targets.registry import emit

    place, folder = Path(path).resolve(), rendered.folder.resolve()
    if path == _STDOUT or not place.is_relative_to(folder):
        return None
    name = place.relative_to(folder).as_posix()
    (ignore,) = emit(plan, ["ignore"])
    if patterns.parse(ignore.text).leaves_out(name):
        return None
    hint = f'write it elsewhere: --report {Path("..", place.name).as_posix()}; or leave it out: include: [., "!{name}"]'
    return Problem(
        code="MLS582", message=f"the next build will copy {name} into the image", hint=hint, severity="warning"
    )


def _text(report: BuildReport, ending: str) -> str:
    from mlspec.build.report import json_text as data
    from mlspec.build.report import page, text

    if ending == ".html":
        return page.html(report)
    return data.text(report) if ending == ".json" else text.full(report)
