"""Pip's options: parse the options of a line with their values, and report misplaced options."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from mlspec.errors import Problem
from mlspec.spec.place import Place

_HASH = re.compile(r"^(?:sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})$")
_FLAGS = {"--pre", "--prefer-binary", "--require-hashes", "--no-index", "--use-pep517", "--no-use-pep517", "--no-deps"}
KEPT = {"--pre", "--prefer-binary", "--no-binary", "--only-binary"}
"""The options that the resolver gets unchanged."""

_SHORT = {"-r": "--requirement", "-c": "--constraint", "-e": "--editable", "-i": "--index-url", "-f": "--find-links"}


def options(text: str, place: Place) -> Iterator[tuple[str, str] | Problem]:
    """Yield each option in ``text`` under its long name, with its value; a problem for each invalid option."""
    try:
        tokens = shlex.split(text)
    except ValueError:
        yield place.problem("MLS203", "a quote is opened and never closed", "add the missing quote")
        return
    while tokens:
        token = tokens.pop(0)
        name, _, value = token.partition("=") if token.startswith("--") else (token[:2], "", token[2:].lstrip("="))
        name = _SHORT.get(name, name)
        if name not in _FLAGS and not value:
            if not tokens:
                yield place.problem("MLS211", f"{name} has no value", f"write its value: {name} NAME")
                return
            value = tokens.pop(0)
        yield name, value


def hashes(text: str, place: Place) -> Iterator[str | Problem]:
    """Yield the hashes after a requirement; a problem for each other option."""
    for option in options(text, place):
        if isinstance(option, Problem):
            yield option
            continue
        name, value = option
        if name != "--hash":
            yield place.problem("MLS207", f"{name} is not supported after a requirement", "only --hash is")
        elif not _HASH.match(value):
            hint = "a hash is sha256: and 64 hexadecimal digits"
            yield place.problem("MLS211", f'"{value}" is not a complete hash', hint)
        else:
            yield value
