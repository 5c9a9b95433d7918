"""Generated files that a person, a bot or a checkout changed after mlspec wrote them."""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Sequence
from difflib import SequenceMatcher

from mlspec.errors import Problem, Span
from mlspec.lock.dockerfile_bases import FromLine, back_to_lock, from_lines

EDITED, LINE_ENDS = "MLS410", "MLS413"
"""The codes of an edited file and of a file with other line endings."""


def fingerprint(text: str) -> str:
    """Return the fingerprint of a generated file's text. Line endings of a checkout do not change the fingerprint.

    The fingerprint detects forgotten edits, not forgery, so half a hash is enough.
    """
    return hashlib.sha256(_with_lf(text).encode()).hexdigest()[:32]


def _with_lf(text: str) -> str:
    return text.replace("\r\n", "\n")


def has_crlf(there: str, text: str) -> bool:
    """Tell whether the content ``there`` of a file is ``text`` with Windows line endings."""
    return there != text and _with_lf(there) == text


def line_ends(places: Sequence[str], spec: str) -> Problem:
    """Return the warning that files have Windows line endings, as a checkout on Windows writes them."""
    first, *others = places
    names = f"{', '.join(others)} and {first}" if others else first
    message = f"{names} differ{'' if others else 's'} only in line endings: these are Windows line endings"
    hint = f"echo '* text=auto eol=lf' >> .gitattributes; mlspec render {shlex.quote(spec)}"
    return Problem(code=LINE_ENDS, message=message, hint=hint, severity="warning").at(first, None)


def problem_of(place: str, there: str, text: str, recorded: str, spec: str) -> Problem | None:
    """Return the problem of an outdated file at ``place`` that was changed after mlspec wrote it, or None.

    ``there`` is the content of the file, and ``text`` the content that mlspec would write now. ``recorded`` is the
    fingerprint of the content that mlspec wrote. ``recorded`` is empty if the lock of an earlier version does not have
    the fingerprint: then an edit cannot be told from an old file.
    """
    there = _with_lf(there)
    if fingerprint(there) == recorded or there == text or _holds_merge(there):
        return None
    own, others = from_lines(there, place), from_lines(text, place)
    if own and len(own) == len(others) and (recorded or _differ_in_digests(own, others)):
        lines = there.split("\n")
        for line, other in zip(own, others, strict=True):
            lines[line.number - 1] = line.with_image(other.image)
        before = "\n".join(lines)
        if before == text or fingerprint(before) == recorded:
            return _moved_digest_problem(own, others, spec)
    return _edit_problem(place, there, text, spec) if recorded else None


def _differ_in_digests(own: Sequence[FromLine], others: Sequence[FromLine]) -> bool:
    # Without a fingerprint, another image in FROM may come from an earlier spec. Another digest of the same tag cannot:
    # mlspec takes the digest from the lock, so somebody else wrote the other digest.
    pairs = zip(own, others, strict=True)
    return all(line.reference == other.reference and bool(line.digest) == bool(other.digest) for line, other in pairs)


def _holds_merge(text: str) -> bool:
    # mlspec wrote the lines on both sides of a conflict, and the file is useless until mlspec writes it again.
    return all(re.search(rf"^{mark}", text, re.MULTILINE) for mark in ("<{7} ", "={7}$", ">{7} "))


def _moved_digest_problem(own: Sequence[FromLine], others: Sequence[FromLine], spec: str) -> Problem:
    pairs = zip(own, others, strict=True)
    line, locked = next((line, other) for line, other in pairs if line.image != other.image)
    if line.reference != locked.reference:
        return line.of_another_image(locked.reference, spec)
    message = "the lock has another digest: a bot or a person changed this one"
    hint = f"adopt it: mlspec lock --adopt {shlex.quote(spec)}\nor {back_to_lock(spec)}"
    return line.problem(message, hint)


def _edit_problem(place: str, there: str, text: str, spec: str) -> Problem:
    number, line = _edited_line(there.split("\n"), text.split("\n"))
    message = f"{place} was edited after mlspec wrote it, so it is left unchanged"
    hint = (
        f"make the change in {spec}, such as a step below run; then replace the file: mlspec render --force "
        f"{shlex.quote(spec)}"
    )
    span = Span(number, 1, number, max(2, len(line) + 1))
    return Problem(code=EDITED, message=message, hint=hint).at(place, span, line)


def _edited_line(there: list[str], text: list[str]) -> tuple[int, str]:
    """Return the number and the text of the first line that mlspec would not write.

    If lines are only missing, return the line after the first missing one.
    """
    steps = [step for step in SequenceMatcher(None, text, there, autojunk=False).get_opcodes() if step[0] != "equal"]
    _, _, _, start, _ = next((step for step in steps if step[0] != "delete"), steps[0])
    place = min(start, len(there) - 1)
    return place + 1, there[place]
