"""A directive that draws the reference of the command line from the program: ``{commands}``."""

from __future__ import annotations

from collections.abc import Iterator

import click
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from mlspec.cli.app import cli


def lines_of(name: str) -> Iterator[str]:
    """Yield the Markdown of one command: how it is called, what it does, and its options."""
    command = cli.get_command(click.Context(cli), name)
    if command is None:
        raise ValueError(f"there is no command {name}")
    context = click.Context(command, info_name=name, parent=click.Context(cli, info_name="mlspec"))
    usage = click.HelpFormatter(width=78)
    command.format_usage(context, usage)
    yield from ("```text", usage.getvalue().removeprefix("Usage: ").rstrip(), "```", "")
    yield from _text(command.help or "")
    yield from ("", "| option | |", "|---|---|")
    for parameter in command.get_params(context):
        if record := parameter.get_help_record(context):
            names, meaning = record
            if not meaning:
                continue
            yield f"| `{names.replace('|', chr(92) + '|')}` | {meaning.replace('|', chr(92) + '|')} |"


def _text(text: str) -> Iterator[str]:
    # As click does: a paragraph's lines are joined, and \b keeps the lines of one.
    for paragraph in text.split("\n\n"):
        if paragraph.startswith("\b"):
            yield from ("```text", paragraph.removeprefix("\b\n"), "```", "")
        else:
            yield from (" ".join(paragraph.split()).replace("--", "\\-\\-").replace("<", "\\<"), "")


class CommandsDirective(SphinxDirective):
    """What ``mlspec NAME --help`` says of every command, as a page says it."""

    def run(self) -> list[nodes.Node]:
        """Return the nodes of the reference, a section a command."""
        lines: list[str] = []
        for name in cli.list_commands(click.Context(cli)):
            lines += [f"## `mlspec {name}`", "", *lines_of(name), ""]
        return self.parse_text_to_nodes("\n".join(lines), allow_section_headings=True)


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx of the directive."""
    app.add_directive("commands", CommandsDirective)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
