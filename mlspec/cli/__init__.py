"""The command line: the only part that prints or exits; a module a command."""

from mlspec.cli.app import main

__all__ = ["main"]
