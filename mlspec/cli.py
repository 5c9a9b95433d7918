"""The command line: the only module that prints or exits."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

if TYPE_CHECKING:
    from mlspec.api import Rendered
    from mlspec.errors import MlspecError, Problem
    from mlspec.relock import Wish

F = TypeVar("F", bound=Callable[..., Any])

_MANY_CHANGES = 24


# Printing. Artifacts and answers go to stdout; everything else to stderr.


def _color() -> bool | None:
    """Return whether to color: by NO_COLOR, by FORCE_COLOR, or by what is listening."""
    return False if os.environ.get("NO_COLOR") else True if os.environ.get("FORCE_COLOR") else None


def _is_quiet() -> bool:
    return bool(click.get_current_context().find_root().meta.get("mlspec.quiet"))


def _say(text: str) -> None:
    if not _is_quiet():
        click.echo(text, err=True, color=_color())


def _show(problem: Problem) -> None:
    first, *rest = str(problem).splitlines()
    place, found, sentence = first.partition(f"{problem.code}: ")
    tint = "yellow" if problem.severity == "warning" else "red"
    lines = [f"{click.style(place, bold=True)}{click.style(found, fg=tint)}{sentence}", *rest]
    click.echo("\n".join(lines), err=True, color=_color())


def _fail(error: MlspecError) -> NoReturn:
    for problem in error.problems:
        _show(problem)
    sys.exit(error.exit_code)


@contextmanager
def _told() -> Iterator[None]:
    """Tell a person of an error, in place of a traceback, and exit with its code."""
    from mlspec.errors import MlspecError

    try:
        yield
    except MlspecError as error:
        _fail(error)
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        sys.exit(130)
    except Exception as error:
        if os.environ.get("MLSPEC_DEBUG"):
            raise
        # What a person sees of a defect of ours; 70 is what sysexits.h calls a software error.
        what = f"{type(error).__name__}: {error}"
        click.echo(
            f"mlspec: a defect of mlspec, not of yours: {what}\n  hint: see where with: MLSPEC_DEBUG=1", err=True
        )
        sys.exit(70)


# The group


class _Group(click.Group):
    """Commands in the order of a day's work, rather than of the alphabet."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            import difflib

            near = difflib.get_close_matches(args[0], self.list_commands(ctx), n=1)
            hint = f"did you mean {near[0]}?" if near else "see: mlspec --help"
            raise click.UsageError(f"{error.message.rstrip('.')}; {hint}", ctx) from None


def _version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"mlspec {version('mlspec')}")
        ctx.exit()


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Print the version."
)
def cli() -> None:
    """Compile a short description of an ML environment, mlspec.yaml, to a Dockerfile.

    Without SPEC, a command takes the mlspec.yaml of this folder, or else every spec below specs/.
    """


def main() -> NoReturn:
    """Run the command line; exits 0 fine, 1 problems or stale files, 2 usage, 3 something outside failed."""
    with _told():
        cli(prog_name="mlspec", windows_expand_args=False)
    sys.exit(0)


# Options that several commands share


def _quiet(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    ctx.find_root().meta["mlspec.quiet"] = value


def _options(*options: Callable[[F], F]) -> Callable[[F], F]:
    def decorate(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


_quiet_option = click.option(
    "-q", "--quiet", is_flag=True, expose_value=False, callback=_quiet, help="Print problems and results only."
)
_specs_argument = click.argument("specs", nargs=-1, metavar="[SPEC]...", type=click.Path())
_file_option = click.option("-f", "--file", metavar="SPEC", type=click.Path(), help="The spec; default: mlspec.yaml.")
_locked_option = click.option("--locked", is_flag=True, help="Fail rather than change the lock; never use the network.")
_unpinned_option = click.option("--unpinned", is_flag=True, help="Accept a base image without a digest, by its tag.")
_force_option = click.option("--force", is_flag=True, help="Overwrite files that mlspec did not write.")


def _wish(**wants: Any) -> Wish:  # noqa: ANN401 - the fields of Wish
    from mlspec.relock import Wish

    return Wish(**wants)


# init


@cli.command()
@click.argument("folder", default=".", type=click.Path(exists=True, file_okay=False))
@click.option("--python", metavar="VERSION", help="The Python of the image, such as 3.12.")
@click.option("--base", metavar="IMAGE", help="What to build on, such as slim-bookworm.")
@click.option("--requirements", multiple=True, metavar="FILE|NAME", help="A file or a package; may be repeated.")
@click.option("--entrypoint", metavar="COMMAND", help="What the image starts, such as: python train.py")
@click.option("--name", help="The name of the image.")
@_quiet_option
def init(folder: str, **wanted: Any) -> None:  # noqa: ANN401 - the fields of Wanted
    """Write a first mlspec.yaml from what is in the folder, and say what was guessed and why."""
    from mlspec import starter
    from mlspec.effects import disk

    path = Path(folder) / "mlspec.yaml"
    draft = starter.draft(disk.survey(Path(folder)), starter.Wanted(**wanted))
    disk.create(path, draft.text)
    for choice in draft.choices:
        _say(f"  {choice}")
    where = "" if folder == "." else f" {shlex.quote(path.as_posix())}"
    _say(f"wrote {path.as_posix()}; look it over, then: mlspec render{where}")


# render, lock, check


@cli.command()
@_specs_argument
@click.option("--check", is_flag=True, help="Write nothing; exit 1 and show a diff where a file is out of date.")
@click.option("--diff", is_flag=True, help="Write nothing; show what would change.")
@_locked_option
@_unpinned_option
@click.option("--target", "targets", multiple=True, metavar="NAME", help="dockerfile, ignore or run; may be repeated.")
@click.option("--stdout", is_flag=True, help="Write nothing; print the files.")
@click.option("--exit-code", is_flag=True, help="Exit 1 where something was written, as a hook should.")
@_force_option
@_quiet_option
def render(
    specs: tuple[str, ...],
    check: bool,
    diff: bool,
    locked: bool,
    unpinned: bool,
    targets: tuple[str, ...],
    stdout: bool,
    exit_code: bool,
    force: bool,
) -> None:
    """Write the Dockerfile, its ignore file and the run script.

    Where the requirements, the Python or the base changed, they are locked anew first; every other pin stays.
    """
    _check_targets(targets)
    wish = _wish(locked=locked or check, unpinned=unpinned)
    if stdout:
        _each(specs, lambda path: _print(path, wish, targets))
    elif check or diff:
        _each(specs, lambda path: _compare(path, wish, targets, fails=check))
    else:
        _each(specs, lambda path: _write(path, wish, targets, force=force, fails=exit_code))


def _check_targets(targets: Sequence[str]) -> None:
    known = ("dockerfile", "ignore", "run")
    if unknown := [name for name in targets if name not in known]:
        raise click.UsageError(f'there is no target "{unknown[0]}"; the targets are: {", ".join(known)}')


@cli.command()
@_specs_argument
@click.option("--upgrade", is_flag=True, help="Move every pin, and the base image's digest, to the newest that fits.")
@click.option("-P", "--upgrade-package", "packages", multiple=True, metavar="NAME", help="Move the pin of one package.")
@click.option("--check", is_flag=True, help="Write nothing; exit 1 where the lock is not right for the spec.")
@_unpinned_option
@_force_option
@_quiet_option
def lock(
    specs: tuple[str, ...], upgrade: bool, packages: tuple[str, ...], check: bool, unpinned: bool, force: bool
) -> None:
    """Lock anew what changed, or move pins on request.

    Writes the lock and the files that follow from it. Pins stay unless --upgrade or -P asks for newer ones.
    """
    if check:
        _each(specs, lambda path: _check_lock(path))
        return
    wish = _wish(upgrade=upgrade, upgrade_packages=packages, unpinned=unpinned, mend=True)
    _each(specs, lambda path: _write(path, wish, (), force=force))


@cli.command()
@_specs_argument
@_quiet_option
def check(specs: tuple[str, ...]) -> None:
    """Show every problem and warning of a spec.

    Reads the spec, its requirement files and its lock; writes nothing, and uses no network.
    """
    _each(specs, _check)


def _each(specs: Iterable[str], act: Callable[[Path], bool]) -> None:
    """Do ``act`` to every spec, show all their problems, and exit with the gravest code."""
    from mlspec.effects import disk
    from mlspec.errors import MlspecError

    code = 0
    for path in disk.specs(specs):
        try:
            code = max(code, 0 if act(path) else 1)
        except MlspecError as error:
            for problem in error.problems:
                _show(problem)
            code = max(code, error.exit_code)
    sys.exit(code)


def _rendered(path: Path, wish: Wish, targets: Iterable[str] = ()) -> Rendered:
    from mlspec import api

    rendered = api.render(path, wish, targets=targets, say=_say)
    for warning in rendered.warnings:
        _show(warning)
    return rendered


def _print(path: Path, wish: Wish, targets: Sequence[str]) -> bool:
    artifacts = _rendered(path, wish, targets).artifacts
    wanted = [artifact for artifact in artifacts if not targets or not artifact.path.endswith(".lock")]
    for artifact in wanted:
        # As head(1) and tail(1) mark several files.
        heading = f"==> {artifact.path} <==\n" if len(wanted) > 1 else ""
        click.echo(heading + artifact.text, nl=False)
    return True


def _compare(path: Path, wish: Wish, targets: Sequence[str], *, fails: bool) -> bool:
    from mlspec import api

    rendered = _rendered(path, wish, targets)
    changed = api.stale(rendered)
    click.echo("".join(api.diff(rendered)), nl=False)
    if not changed:
        _say(f"{path.as_posix()}: up to date")
        return True
    names = ", ".join(artifact.path for artifact in changed)
    _say(f"{path.as_posix()}: out of date: {names}; to write them: mlspec render {path.as_posix()}")
    return not fails


def _write(path: Path, wish: Wish, targets: Sequence[str], *, force: bool, fails: bool = False) -> bool:
    from mlspec import api
    from mlspec.effects import disk

    with disk.alone(path):
        rendered = _rendered(path, wish, targets)
        written = api.write(rendered, force=force)
    changes = rendered.locked.changes
    for change in changes if len(changes) <= _MANY_CHANGES else (f"{len(changes)} packages changed in the lock",):
        _say(f"  {change}")
    names = ", ".join(artifact.path for artifact in written)
    _say(f"{path.as_posix()}: {f'wrote {names}' if written else 'up to date'}")
    for leftover in api.leftovers(rendered):
        _say(f"{leftover.as_posix()} is no longer generated; to remove it: rm {leftover.as_posix()}")
    return not (fails and written)


def _check_lock(path: Path) -> bool:
    from mlspec import api

    rendered = _rendered(path, _wish(locked=True))
    changed = [artifact.path for artifact in api.stale(rendered) if artifact.path.endswith(".lock")]
    _say(f"{path.as_posix()}: {'out of date: ' + ', '.join(changed) if changed else 'the lock is right'}")
    return not changed


def _check(path: Path) -> bool:
    from mlspec.errors import SpecError

    try:
        _rendered(path, _wish(locked=True, unpinned=True))
    except SpecError as error:
        # A lock that is yet to be made is no fault of the spec.
        problems = [problem for problem in error.problems if problem.code != "MLS404"]
        for problem in problems:
            _show(problem)
        if problems:
            return False
    _say(f"{path.as_posix()}: no problems")
    return True


# build, run, shell


def _one_spec(file: str | None) -> Path:
    from mlspec.effects import disk
    from mlspec.errors import Problem, SpecError

    paths = disk.specs([file] if file else [])
    if len(paths) > 1:
        names = ", ".join(path.as_posix() for path in paths)
        raise SpecError(
            Problem(code="MLS406", message=f"there are several specs here: {names}", hint="name one: -f SPEC")
        )
    return paths[0]


def _built(file: str | None) -> Rendered:
    """Return one spec as it was built: nothing is locked anew and nothing is written."""
    from dataclasses import replace

    from mlspec import api
    from mlspec.errors import SpecError

    path = _one_spec(file)
    try:
        rendered = api.render(path, _wish(locked=True, unpinned=True))
    except SpecError as error:
        # Building makes what is missing.
        hint = f"run: {_how_to('build', file)}"
        raise SpecError(*(replace(p, hint=hint) if p.code == "MLS404" else p for p in error.problems)) from None
    if changed := api.stale(rendered):
        names = ", ".join(artifact.path for artifact in changed)
        _say(f"{path.as_posix()} changed since {names} followed from it; to build it: {_how_to('build', file)}")
    return rendered


def _how_to(command: str, file: str | None) -> str:
    return f"mlspec {command}{f' -f {file}' if file else ''}"


def _ready(file: str | None, wish: Wish) -> Rendered:
    """Return one spec, rendered, with its files written where they were out of date."""
    from mlspec import api
    from mlspec.effects import disk
    from mlspec.errors import Problem, SpecError

    path = _one_spec(file)
    with disk.alone(path):
        rendered = _rendered(path, wish)
        if wish.locked and (changed := api.stale(rendered)):
            names = ", ".join(artifact.path for artifact in changed)
            raise SpecError(Problem(code="MLS407", message=f"out of date: {names}", hint="write them: mlspec render"))
        if written := api.write(rendered):
            _say(f"wrote {', '.join(artifact.path for artifact in written)}")
    return rendered


@cli.command()
@click.argument("images", nargs=-1, metavar="[IMAGE]...")
@_file_option
@click.option(
    "-t", "--tag", "tags", multiple=True, metavar="NAME", help="Name the image so, in place of the spec's name."
)
@click.option("--push", is_flag=True, help="Push the image in place of loading it into the engine.")
@click.option("--builder", metavar="NAME", help="The buildx builder to use.")
@click.option("--no-cache", is_flag=True, help="Build every step anew.")
@click.option(
    "--progress", type=click.Choice(["auto", "plain", "tty", "quiet", "rawjson"]), default="auto", show_default=True
)
@_locked_option
@_unpinned_option
@_quiet_option
def build(
    images: tuple[str, ...],
    file: str | None,
    tags: tuple[str, ...],
    push: bool,
    builder: str | None,
    no_cache: bool,
    progress: str,
    locked: bool,
    unpinned: bool,
) -> None:
    """Build the images of a spec, or those named.

    Files that are out of date are written first. The building is BuildKit's, through docker buildx.
    """
    from mlspec.commands import BuildOptions, build_command
    from mlspec.effects import engine

    rendered = _ready(file, _wish(locked=locked, unpinned=unpinned))
    plans = [rendered.plan(name) for name in images] if images else list(rendered.plans)
    if tags and len(plans) > 1:
        raise click.UsageError("--tag names one image: say which, mlspec build IMAGE --tag NAME")
    if progress == "auto" and _is_quiet():
        progress = "quiet"
    options = BuildOptions(tags=tags, push=push, builder=builder, no_cache=no_cache, progress=progress)
    engine.connect()
    for plan in plans:
        engine.build(build_command(plan, options), rendered.folder)
        names = ", ".join(tags or (plan.image,))
        how = "" if tags else f"; to run it: {_how_to(f'run {plan.key}'.strip(), file)}"
        _say(f"pushed {names}" if push else f"built {names}{how}")


class _PassesOn(click.Command):
    """A command that keeps what stands behind ``--`` for another program."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if "--" in args:
            index = args.index("--")
            args, ctx.meta["mlspec.passed_on"] = args[:index], tuple(args[index + 1 :])
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            hint = f"arguments of the program stand behind --: mlspec run -- {error.option_name}"
            raise click.UsageError(f"{error.message.rstrip('.')}; {hint}", ctx) from None

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_usage(ctx.command_path, "[OPTIONS] [IMAGE] [-- ARGS...]")


@cli.command(cls=_PassesOn, options_metavar="[OPTIONS]")
@click.argument("image", required=False)
@_file_option
@click.option("--dry-run", is_flag=True, help="Print the command in place of running it.")
@_quiet_option
@click.pass_context
def run(ctx: click.Context, image: str | None, file: str | None, dry_run: bool) -> None:
    """Run an image, with the mounts, ports and devices of its spec.

    What stands behind -- goes to its program: mlspec run [IMAGE] -- --epochs 3. Exits with the program's exit code.
    """
    from mlspec.commands import run_words
    from mlspec.effects import engine

    rendered = _built(file)
    plan = rendered.plan(image)
    arguments = ctx.meta.get("mlspec.passed_on", ())
    if dry_run:
        click.echo(shlex.join(run_words(plan.run, arguments, engine.caller(plan.run, rendered.folder))))
        return
    engine.run(plan.run, arguments, rendered.folder, _show)


@cli.command()
@click.argument("image", required=False)
@_file_option
@_quiet_option
def shell(image: str | None, file: str | None) -> None:
    """Open a shell in an image.

    It has the mounts, the devices, the environment and the user that the image's program gets.
    """
    from mlspec.effects import engine

    rendered = _built(file)
    engine.shell(rendered.plan(image).run, rendered.folder, _show)
