"""The command ``mlspec completion``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mlspec.cli.terminal import answer_file

if TYPE_CHECKING:
    from click.shell_completion import ShellComplete

_INSTALL = {
    "bash": "mlspec completion bash > ~/.mlspec.bash && echo '. ~/.mlspec.bash' >> ~/.bashrc",
    "zsh": "mlspec completion zsh > ~/.mlspec.zsh && echo '. ~/.mlspec.zsh' >> ~/.zshrc",
    "fish": "mkdir -p ~/.config/fish/completions && mlspec completion fish > ~/.config/fish/completions/mlspec.fish",
}
# click's script assumes that the shell's own completion is already started.
_BEFORE = {"zsh": "(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }\n"}


@click.command()
@click.argument("shell", type=click.Choice(list(_INSTALL)))
def completion(shell: str) -> None:
    """Print a shell completion script.

    It completes commands, options, specs and images. Its first lines say how to install it.
    """
    answer_file(_script(shell))


def _script(shell: str) -> str:
    from click.shell_completion import get_completion_class

    from mlspec.cli.app import cli

    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101 - click brings all three
    made = kind(cli, {}, "mlspec", "_MLSPEC_COMPLETE")
    return f"{_heading(shell)}{_BEFORE.get(shell, '')}{_source(made)}\n"


def _source(made: ShellComplete) -> str:
    # click's source() first asks the shell on this machine for its version; another machine may read the script.
    return (made.source_template % made.source_vars()).strip()


def _heading(shell: str) -> str:
    # zsh needs this first line in a file in a folder of its fpath.
    first = "#compdef mlspec\n" if shell == "zsh" else ""
    needs = "# It needs bash 4.4 or newer.\n" if shell == "bash" else ""
    what = f"# Completion of mlspec for {shell}. To install it, and then open a new terminal:\n"
    return f"{first}{what}#   {_INSTALL[shell]}\n{needs}"
