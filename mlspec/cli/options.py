"""Options and arguments that several commands share."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mlspec.cli import candidates
from mlspec.host.files.find import find_specs

if TYPE_CHECKING:
    from mlspec.lock.state import LockOptions


def or_list(names: Iterable[str]) -> str:
    """Join names as in a sentence: ``a, b or c``."""
    *others, last = names
    return f"{', '.join(others)} or {last}"


F = TypeVar("F", bound=Callable[..., Any])


def _quiet(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    ctx.find_root().meta["mlspec.quiet"] = value


def _options(*options: Callable[[F], F]) -> Callable[[F], F]:
    def decorate(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def _no_specs(ctx: click.Context, _: click.Parameter, value: str | tuple[str, ...] | None) -> object:
    """Raise UsageError if an argument for an image names a spec."""
    for name in (value,) if isinstance(value, str) else value or ():
        if _is_spec(name) and name not in candidates.image_keys(ctx.params.get("file")):
            words = [ctx.info_name, *filter(None, [ctx.params.get("form")])]
            hint = f"mlspec {' '.join(map(str, words))} -f {shlex.quote(name)}"
            raise click.UsageError(f'"{name}" is a spec, but this argument names an image; to name the spec: {hint}')
    return value


def _is_spec(name: str) -> bool:
    try:
        (path,) = find_specs([name])
    except FileNotFoundError:
        return False
    return path.endswith((".yaml", ".yml")) and Path(path).is_file()


quiet_option = click.option(
    "-q", "--quiet", is_flag=True, expose_value=False, callback=_quiet, help="Print problems and results only."
)
specs_argument = click.argument(
    "specs", nargs=-1, metavar="[SPEC]...", type=click.Path(), shell_complete=candidates.specs
)
image_argument = click.argument("image", required=False, shell_complete=candidates.images, callback=_no_specs)
images_argument = click.argument(
    "images", nargs=-1, metavar="[IMAGE]...", shell_complete=candidates.images, callback=_no_specs
)
file_option = click.option(
    "-f",
    "--file",
    metavar="SPEC",
    type=click.Path(),
    shell_complete=candidates.specs,
    is_eager=True,
    help="Spec. Default: mlspec.yaml.",
)
engine_option = click.option(
    "--engine",
    type=click.Choice(["docker", "podman"]),
    help="The engine. Default: that of MLSPEC_ENGINE or of your configuration, or Docker if it answers, or podman.",
)
locked_option = click.option("--locked", is_flag=True, help="Fail if the lock would change; never use the network.")
unpinned_option = click.option("--unpinned", is_flag=True, help="Accept a base image by its tag, without a digest.")
PLATFORMS = click.Choice(["linux/amd64", "linux/arm64"])
force_option = click.option(
    "--force", is_flag=True, help="Overwrite files that mlspec did not write, or that were edited after it wrote them."
)


def wish_of(**wants: Any) -> LockOptions:  # noqa: ANN401 - the fields of LockOptions
    """Return the LockOptions of a command, from keyword arguments with the names of its fields."""
    from mlspec.lock.state import LockOptions

    return LockOptions(**wants)
