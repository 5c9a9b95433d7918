"""``mlspec run`` and ``mlspec shell``."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click

from mlspec.cli.options import file_option, image_argument, quiet_option, wish_of
from mlspec.cli.specs import how_to, one_spec
from mlspec.cli.terminal import answer_file, say, show
from mlspec.host.cache.proofs import CHECK, proofs

if TYPE_CHECKING:
    from mlspec.host.rendered import Rendered
    from mlspec.plan.plan import Plan


def _render_built(file: str | None, image: str | None) -> Rendered:
    """Return one spec with this image as it was built: nothing is locked anew and nothing is written."""
    from dataclasses import replace

    from mlspec import api
    from mlspec.errors import SpecError
    from mlspec.host.files.generated import find_edits
    from mlspec.spec.spec import choose_image

    path = one_spec(file)
    try:
        rendered = api.render(path, wish_of(locked=True, unpinned=True))
    except SpecError as error:
        # An image that the spec does not have is not built either.
        choose_image(api.load(path), image)
        # Building makes what is missing.
        hint = f"run: {how_to('build', file)}"
        raise SpecError(*(replace(p, hint=hint) if p.code == "MLS404" else p for p in error.problems)) from None
    if proofs().holds(CHECK, path.as_posix()) is not None:
        # Every file is known to be current: nothing has to be drawn to compare it.
        return rendered
    edits = find_edits(rendered.files)
    for problem in edits:
        show(replace(problem, severity="warning"))
    if changed := () if edits else api.stale(rendered):
        names = ", ".join(artifact.path for artifact in changed)
        say(f"{path.as_posix()} changed since {names} followed from it; to build it: {how_to('build', file)}")
    return rendered


class _PassesOn(click.Command):
    """A command that keeps what stands behind ``--`` for another program."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if "--" in args:
            index = args.index("--")
            args, ctx.meta["mlspec.passed_on"] = args[:index], tuple(args[index + 1 :])
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            hint = f"arguments of the program come after --: mlspec run -- {error.option_name}"
            raise click.UsageError(f"{error.message.rstrip('.')}; {hint}", ctx) from None

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_usage(ctx.command_path, "[OPTIONS] [IMAGE] [-- ARGS...]")


@click.command(cls=_PassesOn, options_metavar="[OPTIONS]")
@image_argument
@file_option
@click.option("--dry-run", is_flag=True, help="Print the command instead of running it.")
@quiet_option
@click.pass_context
def run(ctx: click.Context, image: str | None, file: str | None, dry_run: bool) -> None:
    """Run an image, with the mounts, ports and devices of its spec.

    Arguments after -- go to the program: mlspec run [IMAGE] -- --epochs 3. Exit with the program's exit code.
    """
    from mlspec.host.demand import need_at
    from mlspec.host.engine import run as running
    from mlspec.targets.run_script import run_words

    rendered = _render_built(file, image)
    plan = rendered.plan(image)
    arguments = ctx.meta.get("mlspec.passed_on", ())
    if dry_run:
        answer_file(f"{shlex.join(run_words(plan.run, arguments, running.caller(plan.run, rendered.folder)))}\n")
        return
    _warn_of_losses(rendered, plan)
    running.run(plan.run, arguments, rendered.folder, show, need_at(plan, rendered.folder))


def _warn_of_losses(rendered: Rendered, plan: Plan) -> None:
    """Show the results that no mount keeps, the first time that this image is run as it is planned now."""
    from mlspec import api
    from mlspec.host.cache import notices

    if notices.is_first(f"results\n{rendered.folder.resolve()}\n{plan}"):
        for warning in api.find_losses(rendered, plan):
            show(warning)


@click.command()
@image_argument
@file_option
@quiet_option
def shell(image: str | None, file: str | None) -> None:
    """Open a shell in an image.

    The shell gets the mounts, devices, environment and user of the image's program.
    """
    from mlspec.host.demand import need_at
    from mlspec.host.engine import run as running

    rendered = _render_built(file, image)
    plan = rendered.plan(image)
    running.shell(plan.run, rendered.folder, show, need_at(plan, rendered.folder))
