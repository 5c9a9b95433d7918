"""The import of a build step that a YAML file lists: its packages are taken over, the rest becomes a step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from mlspec.advice.imports.keyed import Keyed
from mlspec.advice.imports.script_steps import RunContext, read_script
from mlspec.advice.imports.verdicts import LineVerdict


def read_steps(
    one: Keyed, script: str, at: str = "after_install", more: Mapping[str, object] | None = None
) -> Iterator[LineVerdict]:
    """Yield the verdicts on the commands of a script."""
    if not script.strip():
        yield one.carry(why="it has no command")
        return
    context = RunContext(one.source, {}, {}, at, more=more or {})
    found = list(read_script(context, script, lambda _: one.number))
    for verdict in found:
        text = one.text if len(found) == 1 else verdict.text.removeprefix("RUN ")
        yield replace(verdict, text=text, end=one.end)
