"""The command ``mlspec lock``."""

from __future__ import annotations

from pathlib import Path

import click

from mlspec.cli.options import force_option, quiet_option, specs_argument, unpinned_option, wish_of
from mlspec.cli.specs import SpecOutcome, each, each_unproven, rendered_of, write
from mlspec.cli.terminal import say
from mlspec.host.cache.proofs import WRITE


@click.command()
@specs_argument
@click.option(
    "--upgrade",
    is_flag=True,
    help="Update every pin to the newest version that fits, and the digest of the base image.",
)
@click.option(
    "-P",
    "--upgrade-package",
    "packages",
    multiple=True,
    metavar="NAME",
    help="Update the pin of one package. Repeatable.",
)
@click.option("--adopt", is_flag=True, help="Take the base image's digest from a Dockerfile that a bot updated.")
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if the lock does not match the spec.")
@unpinned_option
@force_option
@quiet_option
def lock(
    specs: tuple[str, ...],
    upgrade: bool,
    packages: tuple[str, ...],
    adopt: bool,
    check: bool,
    unpinned: bool,
    force: bool,
) -> None:
    """Lock what changed, or update pins on request.

    Write the lock and the files that depend on it. Pins stay unless --upgrade or -P asks for newer ones.
    """
    if adopt and (upgrade or check):
        raise click.UsageError("--adopt takes a digest that is there: leave out --upgrade and --check")
    if check:
        each(specs, lambda path: _check_lock(path))
        return
    wish = wish_of(upgrade=upgrade, upgrade_packages=packages, unpinned=unpinned, adopt=adopt, mend=True)

    def act(path: Path) -> SpecOutcome:
        return write(path, wish, (), force=force)

    if upgrade or packages or adopt or unpinned or force:
        each(specs, lambda path: act(path).is_well)
    else:
        each_unproven(WRITE, specs, act)


def _check_lock(path: Path) -> bool:
    from mlspec import api

    rendered = rendered_of(path, wish_of(locked=True))
    changed = [artifact.path for artifact in api.stale(rendered) if artifact.path.endswith(".lock")]
    say(f"{path.as_posix()}: {'out of date: ' + ', '.join(changed) if changed else 'the lock is right'}")
    return not changed
