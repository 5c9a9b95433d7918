"""The command ``mlspec dev``."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING

import click

from mlspec.cli.options import engine_option, file_option, image_argument, quiet_option
from mlspec.cli.run import PassesOn, render_built
from mlspec.cli.specs import finish, one_spec
from mlspec.cli.terminal import answer_file
from mlspec.host.engine.engine_choice import choose_engine, configured_engine

if TYPE_CHECKING:
    from mlspec.targets.run_caller import EngineName


@click.command(cls=PassesOn, options_metavar="[OPTIONS]")
@image_argument
@file_option
@engine_option
@click.option("--no-restart", is_flag=True, help="Leave restarts after an edit of the code to the program itself.")
@click.option("--dry-run", is_flag=True, help="Print the command instead of running it; build nothing.")
@quiet_option
@click.pass_context
def dev(
    ctx: click.Context,
    image: str | None,
    file: str | None,
    engine: EngineName | None,
    no_restart: bool,
    dry_run: bool,
) -> None:
    """Run an image with the project mounted; restart it after each edit.

    An edit of the spec, of the requirements or of a lock locks and builds first. Everything else is as with
    mlspec run; Ctrl-C ends it. Arguments after -- go to the program: mlspec dev [IMAGE] -- --epochs 3.
    """
    arguments = ctx.meta.get("mlspec.passed_on", ())
    path = one_spec(file)
    engine = choose_engine(engine, engine or configured_engine())
    if dry_run:
        from mlspec.host.cache.witness import Witness
        from mlspec.host.engine import container_run
        from mlspec.host.live.ready_image import ready_image
        from mlspec.targets.run_caller import run_words

        finish(path)
        rendered, _ = render_built(path, file, image)
        prepared = ready_image(rendered, rendered.plan(image), Witness(), engine).prepared
        caller = container_run.caller(prepared, rendered.folder)
        answer_file(f"{shlex.join(run_words(prepared.script, arguments, caller))}\n")
        return
    from mlspec.cli.dev_image import DevImage
    from mlspec.cli.dev_session import DevSession

    found = DevImage(path, file, image, engine)
    sys.exit(DevSession(found, arguments, restarts=not no_restart).run())
