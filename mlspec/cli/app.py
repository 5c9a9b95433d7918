"""The group of all commands; mlspec imports the module of a command only to run that command."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from keyword import iskeyword
from typing import Any, NoReturn

import click

from mlspec.cli.terminal import answer, exit_interrupted, report_errors, sanitize

# The module of each command, in the order of typical use. The function has the name of the command.
_COMMANDS = {
    "init": "init",
    "import": "importing",
    "render": "render",
    "lock": "lock",
    "check": "check",
    "explain": "explain",
    "build": "build",
    "run": "run",
    "dev": "dev",
    "shell": "run",
    "export": "export",
    "sbom": "sbom",
    "doctor": "doctor",
    "schema": "schema",
    "completion": "completion",
}


class _CommandGroup(click.Group):
    """A group that lists its commands in the order of typical use and imports a command only on demand."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            with _clean_usage_errors():
                return super().invoke(ctx)
        except KeyboardInterrupt:
            # click would print "Aborted!" and exit with 1.
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
        # "import" is a keyword, so the function is import_.
        name = f"{cmd_name}_" if iskeyword(cmd_name) else cmd_name
        found: click.Command = getattr(import_module(f"mlspec.cli.{_COMMANDS[cmd_name]}"), name)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the full sentence of each command; click would cut a sentence at the end of the line."""
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
    """Sanitize the messages of click's errors, because they repeat the user's arguments."""
    try:
        yield
    except click.ClickException as error:
        # Type checkers think that message is final, and only this assignment works for all click errors.
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

    Without SPEC, a command takes the mlspec.yaml of this folder, or else every spec below specs/, or else the nearest
    mlspec.yaml in a folder above.
    """


def main() -> NoReturn:
    """Run the commands and exit: 0 success, 1 problems or outdated files, 2 wrong usage, 3 a failure outside."""
    with report_errors():
        cli(prog_name="mlspec", windows_expand_args=False)
    sys.exit(0)
