"""The command that a run script ends in, as words for one caller."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mlspec.targets.filters import HOME_MARK

if TYPE_CHECKING:
    from mlspec.targets.run_script import RunScript

EngineName = Literal["docker", "podman"]
"""The engine that builds and runs: its name is also that of its command."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The facts about the calling user and terminal that a run depends on.

    ``user`` is ``UID:GID``, or none on a system without such ids; ``existing`` are the run script's paths of the
    optional environment files that exist. If the caller is_root, the containers of podman are not rootless.
    """

    home: str
    user: str | None = None
    reads_terminal: bool = False
    writes_terminal: bool = False
    groups: tuple[str, ...] = ()
    existing: frozenset[str] = frozenset()
    engine: EngineName = "docker"
    is_root: bool = False


def run_words(
    script: RunScript, arguments: Sequence[str], caller: Caller, *, entrypoint: str | None = None
) -> tuple[str, ...]:
    """Return the words of the command that a run script ends in, for this caller, to be run in the spec's folder."""
    words = [word for option in script.options for word in option]
    if script.as_caller and caller.user:
        words += ["--user", caller.user]
    words += [*_terminal(caller), *_engine_options(script, caller)]
    for file in script.env_files:
        if not file.is_optional or file.path in caller.existing:
            words += ["--env-file", file.path]
    if entrypoint:
        words += ["--entrypoint", entrypoint]
    return (caller.engine, "run", *(word.replace(HOME_MARK, caller.home) for word in words), script.image, *arguments)


def _engine_options(script: RunScript, caller: Caller) -> Iterator[str]:
    if caller.engine == "docker":
        yield from (word for option in script.docker_options for word in option)
        yield from (word for group in caller.groups for word in ("--group-add", group))
        return
    if not caller.is_root:
        yield from (word for option in script.rootless_options for word in option)
    yield from (word for option in script.podman_options for word in option)


def _terminal(caller: Caller) -> tuple[str, ...]:
    if caller.reads_terminal:
        # The shell would stop a program in the background that reads from the terminal.
        return ("--interactive", "--tty") if caller.writes_terminal else ()
    return ("--interactive",)
