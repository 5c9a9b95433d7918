"""Environment files as ``docker run --env-file`` reads them: lines NAME=VALUE, without quotes or expansion."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EnvFault:
    """A line that docker refuses or that is misleading. The value of the line is a secret, so it is not in here.

    ``start`` and ``end`` are the columns of the fault, counted from 1.
    """

    line: int
    message: str
    hint: str
    start: int
    end: int
    is_refused: bool = False


def env_file_faults(text: str) -> Iterator[EnvFault]:
    """Yield the faults in the text of an environment file, as docker's cli/opts/envfile reads it."""
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        plain = line.lstrip()
        if not plain or plain.startswith("#"):
            continue
        indent = len(line) - len(plain)
        name, equals, value = plain.partition("=")
        if refusal := _refusal(name, equals):
            yield EnvFault(number, *refusal, indent + 1, indent + len(name) + 1, is_refused=True)
        elif comment := re.search(r"\s#", value):
            message = f"the comment after {name} is part of its value"
            start = indent + len(name) + 3 + comment.start()
            yield EnvFault(number, message, "put it on its own line", start, indent + len(plain) + 1)


def _refusal(name: str, equals: str) -> tuple[str, str] | None:
    """Return the reason why docker refuses a line, and a hint; None if docker accepts the line."""
    if name.startswith(("export ", "export\t")):
        return "docker refuses a line that begins with export", "remove the word export"
    if re.search(r"[ \t]", name):
        where = "before its equals sign" if equals and not re.search(r"[ \t]", name.rstrip()) else "in the name"
        return f"docker refuses a line with a space {where}", "remove the space: NAME=VALUE"
    return None if name else ("docker refuses a line without a name", "write: NAME=VALUE")
