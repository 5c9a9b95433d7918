"""The group of all commands, each in a module that is imported when it is asked for."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, NoReturn

import click

from mlspec.cli.terminal import answer, exit_interrupted, report_errors, sanitize

# In the order of a day's work; each is the function of that name in the module behind it.
_COMMANDS = {
    "init": "init",
    "render": "render",
    "lock": "lock",
    "check": "check",
    "explain": "explain",
    "build": "build",
    "run": "run",
    "shell": "run",
    "sbom": "sbom",
    "doctor": "doctor",
    "schema": "schema",
    "completion": "completion",
}


class _CommandGroup(click.Group):
    """The commands in the order of a day's work, rather than of the alphabet; one is imported when it is asked for."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            with _clean_usage_errors():
                return super().invoke(ctx)
        except KeyboardInterrupt:
            # click would say "Aborted!" and exit with 1.
            exit_interrupted()

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,  # noqa: ANN401
    ) -> click.Context:
        with _clean_usage_errors():
            return super().make_context(info_name, args, parent, **extra)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        found: click.Command = getattr(import_module(f"mlspec.cli.{_COMMANDS[cmd_name]}"), cmd_name)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a whole sentence for each command, where click would cut it at the end of the line."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.get_short_help_str(limit=200)) for name, command in commands if command])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from mlspec.text import did_you_mean

            hint = "" if args[0] == "help" else did_you_mean(args[0], self.list_commands(ctx))
            raise click.UsageError(f"{error.message.rstrip('.')}; {hint or 'see: mlspec --help'}", ctx) from None


@contextmanager
def _clean_usage_errors() -> Iterator[None]:
    """Let click print of a wrong option or argument only what may be printed: it repeats the caller's words."""
    try:
        yield
    except click.ClickException as error:
        # Final for type checkers, and nothing else takes the message of every kind of such error.
        vars(error)["message"] = sanitize(error.message)
        raise


def _version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from importlib.metadata import version

        answer(f"mlspec {version('mlspec')}")
        ctx.exit()


@click.group(cls=_CommandGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Print the version."
)
def cli() -> None:
    """Compile a short description of an ML environment, mlspec.yaml, to a Dockerfile.

    Without SPEC, a command takes the mlspec.yaml of this folder, or else every spec below specs/.
    """


def main() -> NoReturn:
    """Run the command line; exits 0 fine, 1 problems or stale files, 2 usage, 3 something outside failed."""
    with report_errors():
        cli(prog_name="mlspec", windows_expand_args=False)
    sys.exit(0)
