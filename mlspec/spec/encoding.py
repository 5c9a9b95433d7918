"""Decode the bytes of a file, and find places in its text."""

from __future__ import annotations

import codecs
import re

from mlspec.errors import Problem, Span, SpecError

MAX_BYTES = 256_000
"""The size limit of a spec, in bytes; a larger file is not a spec."""

# The line breaks of YAML 1.1, as PyYAML counts them.
LINE_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")


def decode(data: bytes, file: str, limit: int = MAX_BYTES) -> str:
    """Return the text of a file's bytes: UTF-8, or UTF-16 and UTF-32 by their byte order mark, with LF line ends.

    Raises SpecError if the file is larger than ``limit`` bytes, or is not text.
    """
    if len(data) > limit:
        message = f"this file has more than {limit:,} bytes"
        problem = Problem(code="MLS001", message=message, hint="check that this is the right file")
        raise SpecError(problem.at(file, Span(1, 1, 1, 2)))
    mark, encoding = encoding_of(data)
    data = data.removeprefix(mark)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        place = end_of(data[: error.start].decode(encoding, "ignore"))
        message = f"this file is not {encoding.upper().removesuffix('-LE').removesuffix('-BE')} text"
        problem = Problem(code="MLS001", message=message, hint="save the file as UTF-8")
        raise SpecError(problem.at(file, place)) from None
    return text.replace("\r\n", "\n")


def encoding_of(data: bytes) -> tuple[bytes, str]:
    """Return the byte order mark at the beginning of a file and its encoding; without a mark, UTF-8."""
    return next(((mark, name) for mark, name in _MARKS if data.startswith(mark)), (b"", "utf-8"))


# Test UTF-32 before UTF-16: the mark of UTF-32 begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def end_of(text: str) -> Span:
    """Return the place of the next character after ``text``."""
    lines = LINE_BREAK.split(text)
    return Span(len(lines), len(lines[-1]) + 1, len(lines), len(lines[-1]) + 2)
