"""The commands ``mlspec run`` and ``mlspec shell``."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click

from mlspec.cli.options import engine_option, file_option, image_argument, quiet_option, wish_of
from mlspec.cli.run_proof import keep_run, losses_subject, recall_run
from mlspec.cli.specs import finish, how_to, one_spec
from mlspec.cli.terminal import answer_file, say, show
from mlspec.host.cache.witness import witness_reads

if TYPE_CHECKING:
    from pathlib import Path

    from mlspec.host.engine.prepared_run import PreparedRun
    from mlspec.host.rendered import Rendered
    from mlspec.targets.run_caller import EngineName


def _prepare(file: str | None, image: str | None) -> tuple[Rendered, PreparedRun]:
    """Return one spec and how this image of it is run; keep that, where all of its files are current."""
    from dataclasses import replace

    from mlspec.host.engine.engine_choice import configured_engine
    from mlspec.host.engine.prepared_run import prepare_run

    path = one_spec(file)
    with witness_reads() as witness:
        finish(path)
        rendered, is_current = render_built(path, file, image)
        configured = configured_engine()
    prepared = replace(prepare_run(rendered.plan(image), rendered.folder), engine=configured)
    if is_current:
        keep_run(path, image, witness, prepared)
    return rendered, prepared


def with_engine(prepared: PreparedRun, asked: EngineName | None) -> PreparedRun:
    """Return the prepared run with the engine that runs it."""
    from dataclasses import replace

    from mlspec.host.engine.engine_choice import choose_engine

    return replace(prepared, engine=choose_engine(asked, prepared.engine))


def render_built(path: Path, file: str | None, image: str | None) -> tuple[Rendered, bool]:
    """Return a spec with this image as it was built, and whether its files are current.

    Locks nothing and writes nothing.
    """
    from dataclasses import replace

    from mlspec import api
    from mlspec.errors import SpecError
    from mlspec.host.files.generated import find_edits
    from mlspec.spec.spec import choose_image

    try:
        rendered = api.render(path, wish_of(locked=True, unpinned=True))
    except SpecError as error:
        # Report an unknown image before a missing lock: no build can help with it.
        choose_image(api.load(path), image)
        # A build creates the missing files.
        hint = f"run: {how_to('build', file)}"
        raise SpecError(*(replace(p, hint=hint) if p.code == "MLS404" else p for p in error.problems)) from None
    edits = find_edits(rendered.files)
    for problem in edits:
        show(replace(problem, severity="warning"))
    changed = api.stale(rendered)
    if changed and not edits:
        names = ", ".join(artifact.path for artifact in changed)
        say(f"{path.as_posix()} changed after mlspec generated {names} from it; to build it: {how_to('build', file)}")
    return rendered, not changed


class PassesOn(click.Command):
    """A command that keeps the arguments after ``--`` for another program."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments before ``--``; those after it are in ``ctx.meta``."""
        if "--" in args:
            index = args.index("--")
            args, ctx.meta["mlspec.passed_on"] = args[:index], tuple(args[index + 1 :])
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            hint = f"arguments of the program come after --: mlspec {ctx.info_name} -- {error.option_name}"
            raise click.UsageError(f"{error.message.rstrip('.')}; {hint}", ctx) from None

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the usage with the arguments after ``--``."""
        formatter.write_usage(ctx.command_path, "[OPTIONS] [IMAGE] [-- ARGS...]")


@click.command(cls=PassesOn, options_metavar="[OPTIONS]")
@image_argument
@file_option
@engine_option
@click.option("--dry-run", is_flag=True, help="Print the command instead of running it.")
@quiet_option
@click.pass_context
def run(ctx: click.Context, image: str | None, file: str | None, engine: EngineName | None, dry_run: bool) -> None:
    """Run an image, with the mounts, ports and devices of its spec.

    Arguments after -- go to the program: mlspec run [IMAGE] -- --epochs 3. Exit with the program's exit code.
    """
    from mlspec.host.engine import container_run
    from mlspec.targets.run_caller import run_words

    arguments = ctx.meta.get("mlspec.passed_on", ())
    if recalled := recall_run(file, image, is_told=not dry_run):
        folder, prepared = recalled
    else:
        rendered, prepared = _prepare(file, image)
        folder = rendered.folder
        if not dry_run:
            _warn_of_losses(rendered, image, prepared)
    prepared = with_engine(prepared, engine)
    if dry_run:
        answer_file(f"{shlex.join(run_words(prepared.script, arguments, container_run.caller(prepared, folder)))}\n")
        return
    container_run.run(prepared, arguments, folder, show)


def _warn_of_losses(rendered: Rendered, image: str | None, prepared: PreparedRun) -> None:
    """Show the results that no mount keeps, the first time that this image is run as it is planned now."""
    from mlspec import api
    from mlspec.host.cache import notices

    if notices.is_first(losses_subject(rendered.folder, prepared)):
        for warning in api.find_losses(rendered, rendered.plan(image)):
            show(warning)


@click.command()
@image_argument
@file_option
@engine_option
@quiet_option
def shell(image: str | None, file: str | None, engine: EngineName | None) -> None:
    """Open a shell in an image.

    The shell gets the mounts, devices, environment and user of the image's program.
    """
    from mlspec.host.engine import container_run

    if recalled := recall_run(file, image, is_told=False):
        folder, prepared = recalled
    else:
        rendered, prepared = _prepare(file, image)
        folder = rendered.folder
    container_run.shell(with_engine(prepared, engine), folder, show)
