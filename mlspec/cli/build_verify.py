"""The option ``mlspec build --verify``: build an image twice and compare the results."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mlspec.cli.terminal import answer, say, show

if TYPE_CHECKING:
    from mlspec.build.comparison import LayerDifference
    from mlspec.host.rendered import Rendered
    from mlspec.plan.plan import Plan
    from mlspec.targets.build_options import BuildOptions

_MOST_FILES = 20


def verify_build(rendered: Rendered, plan: Plan, options: BuildOptions) -> bool:
    """Build an image twice without caches, show the differences, and return whether there are none."""
    from mlspec import api
    from mlspec.cli.build_screen import fail, watching
    from mlspec.host.engine import image_build, mirrors, verification
    from mlspec.targets.run_script import build_command

    steps = api.steps(rendered, plan)
    wanted = replace(options, no_cache=True, progress="rawjson")
    shown = options.progress if options.progress in {"plain", "quiet"} else "auto"

    turns = iter(("first", "second"))

    def build(archive: str) -> None:
        say(f"{plan.image}: the {next(turns)} of two builds, without caches")
        with (
            mirrors.apply_mirrors(plan, replace(wanted, archive=archive), rendered.codename(plan)) as own,
            watching(shown, steps, plan.image) as watch,
        ):
            code, state = image_build.follow(build_command(plan, own), rendered.folder, watch)
        if code:
            fail(rendered, plan, state, steps)

    verdict = verification.verify(build)
    for difference in verdict.differences:
        _show(rendered, plan, verdict.layers, difference)
    same = f"two builds are the same {verdict.layers} layers, {verdict.digest}"
    say(f"{plan.image}: {'two builds differ' if verdict.differences else same}")
    return not verdict.differences


def _show(rendered: Rendered, plan: Plan, count: int, found: LayerDifference) -> None:
    """Show one differing layer: its place in the spec on stderr, its differing files on stdout."""
    from mlspec import api
    from mlspec.build.failed_step import place_of
    from mlspec.build.layer_steps import layers_of
    from mlspec.errors import Problem

    source = api.source(rendered, plan)
    if found.index < 0:
        hint = "check whether something edited the files between the builds"
        show(Problem(code="MLS571", message="two builds differ only in their configuration", hint=hint))
        return
    layers = layers_of(source.dockerfile, api.steps(rendered, plan))
    index = found.index - (count - len(layers))
    if 0 <= index < len(layers):
        step = layers[index]
        place, hint = place_of(step, source, line=step.line), _HINTS.get(step.kind, "")
        show(place.problem("MLS570", f"two builds differ in: {step.label}", hint))
    else:
        show(Problem(code="MLS570", message=f"two builds differ in layer {found.index + 1}"))
    if not found.files:
        answer("the same files, in another order or compressed in another way")
    for file in found.files[:_MOST_FILES]:
        answer(f"/{file.path}: {', '.join(file.aspects)}")
    if (more := len(found.files) - _MOST_FILES) > 0:
        answer(f"... and {more} more")


_HINTS = {
    "run": "make the step repeatable: no times, no random numbers, no logs",
    "apt": "for the Debian packages of a fixed day, write one such as: apt_snapshot: 2026-11-01",
}
