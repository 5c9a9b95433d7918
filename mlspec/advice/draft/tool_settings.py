"""The base image, the variables and the ports from other tools' files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mlspec.advice.draft.folder import Choice, Decision, DraftOptions
from mlspec.advice.draft.readers import Statement
from mlspec.facts import base_image


def keep_base(statements: Sequence[Statement], python: str, wanted: DraftOptions) -> Decision:
    """Return the Debian release of another tool's file, if the image's Python is still built on it."""
    if wanted.base:
        return Decision((Choice("base", wanted.base, "your choice"),))
    if not statements:
        return Decision()
    first, *others = statements
    left = tuple(other.leave(f"{first.place} says {first.value}", matters=False) for other in others)
    if first.value not in base_image.base_names(python):
        why = f"there are no new images of Python {python} on it: mlspec uses the newest Debian"
        return Decision(left=(first.leave(why, matters=False), *left))
    return Decision((Choice("base", str(first.value), f"{first.place} says so"),), left)


def find_environment(statements: Iterable[Statement], own: Iterable[str]) -> Decision:
    """Return the variables of other tools' files and of the entrypoint; the first value of a variable wins."""
    taken, left, files = dict[str, str](), list[Statement](), list[str]()
    for statement in statements:
        name, _, value = str(statement.value).partition("=")
        if taken.setdefault(name, value) != value:
            left.append(statement.leave(f"it is {name}={taken[name]} already"))
        files.append(statement.file)
    needed = {name: value for name, _, value in (item.partition("=") for item in own) if name not in taken}
    reasons = [f"{file} sets them" for file in dict.fromkeys(files)] + (["the program needs them"] if needed else [])
    pairs = tuple(f"{name}={value}" for name, value in (taken | needed).items())
    return Decision((Choice("environment", pairs, "; ".join(reasons)),) if pairs else (), tuple(left))


def find_ports(statements: Sequence[Statement], port: str, wanted: DraftOptions) -> Decision:
    """Return the ports: those of the caller, the port of the entrypoint, or the ports of other tools' files."""
    if wanted.ports:
        return Decision((Choice("ports", wanted.ports, "your choice"),))
    if port:
        left = tuple(s.leave(f"the program answers on {port}") for s in statements if s.value != f"{port}:{port}")
        return Decision((Choice("ports", (f"{port}:{port}",), "the program answers there"),), left)
    if not statements:
        return Decision()
    exposed = tuple(dict.fromkeys(str(statement.value) for statement in statements))
    return Decision((Choice("ports", exposed, f"{statements[0].file} exposes it"),))
