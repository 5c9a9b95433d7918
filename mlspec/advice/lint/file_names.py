"""A rule about file names that no builder accepts."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from mlspec.advice.lint.copied import left_out
from mlspec.advice.lint.subject import Context, Subject
from mlspec.errors import Problem

# Python decodes the bytes of a name that are not UTF-8 to these characters (PEP 383).
_BYTES = re.compile("[\udc80-\udcff]")


def has_no_utf8_name(subject: Subject, context: Context) -> Iterator[Problem]:
    """Warn of files and folders whose names are not UTF-8: BuildKit sends names as text, so the build fails."""
    found = sorted({_first_wrong(path) for path in context.kept if _BYTES.search(path)})
    if not found:
        return
    path, *others = found
    more = f" (as are {len(others)} more)" if others else ""
    message = f"the name {_format_name(path)} is not UTF-8{more}, so every builder refuses it, and the build fails"
    # A pattern cannot name such a byte: `?` matches any one character.
    hint = f"rename it: {_renaming(path)}\nor {left_out(subject, _BYTES.sub('?', path))}"
    yield subject.warn(message, hint, *(("include",) if subject.settings.include is not None else ()))


def _first_wrong(path: str) -> str:
    """Return the path of the highest folder above a file whose name is not UTF-8, else the path of the file."""
    parts = path.split("/")
    end = next(number for number, part in enumerate(parts, start=1) if _BYTES.search(part))
    return "/".join(parts[:end])


def _format_name(path: str) -> str:
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _renaming(path: str) -> str:
    """Return the command that renames a file, with its bytes read as Latin-1, the most common other encoding."""
    old = _format_name(path.replace("\\", "\\\\").replace("'", "\\'"))
    folder, slash, name = path.rpartition("/")
    meant = _BYTES.sub(lambda byte: chr(ord(byte[0]) - 0xDC00), name)
    new = meant if meant.isprintable() else _BYTES.sub("_", name)
    return f"mv $'{old}' {shlex.quote(folder + slash + new)}"
