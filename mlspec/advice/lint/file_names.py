"""A rule about names of files that no builder takes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from mlspec.advice.lint.copied import left_out
from mlspec.advice.lint.subject import Context, Subject
from mlspec.errors import Problem

# Bytes of a name that are not UTF-8 are these characters, as Python has it (PEP 383).
_BYTES = re.compile("[\udc80-\udcff]")


def has_no_utf8_name(subject: Subject, context: Context) -> Iterator[Problem]:
    """Warn of files and folders whose names are not UTF-8: BuildKit sends names as texts, and ends the build there."""
    found = sorted({_first_wrong(path) for path in context.kept if _BYTES.search(path)})
    if not found:
        return
    path, *others = found
    more = f" ({len(others)} more are so, too)" if others else ""
    message = f"the name {_format_name(path)} is not UTF-8{more}, so no builder takes it, and the build ends there"
    # A pattern cannot name such a byte: any one character stands for it.
    hint = f"rename it: {_renaming(path)}\nor {left_out(subject, _BYTES.sub('?', path))}"
    yield subject.warn(message, hint, *(("include",) if subject.settings.include is not None else ()))


def _first_wrong(path: str) -> str:
    """Return the path of the file itself, or of the highest folder above it whose name is not UTF-8."""
    parts = path.split("/")
    end = next(number for number, part in enumerate(parts, start=1) if _BYTES.search(part))
    return "/".join(parts[:end])


def _format_name(path: str) -> str:
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _renaming(path: str) -> str:
    """Return the command that gives a name the characters that its bytes have in Latin-1, the commonest of them."""
    old = _format_name(path.replace("\\", "\\\\").replace("'", "\\'"))
    folder, slash, name = path.rpartition("/")
    meant = _BYTES.sub(lambda byte: chr(ord(byte[0]) - 0xDC00), name)
    new = meant if meant.isprintable() else _BYTES.sub("_", name)
    return f"mv $'{old}' {shlex.quote(folder + slash + new)}"
