"""Generated files that somebody changed since mlspec wrote them: by hand, by a bot, or by a checkout."""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Sequence
from difflib import SequenceMatcher

from mlspec.errors import Problem, Span
from mlspec.lock.dockerfile_bases import FromLine, back_to_lock, from_lines

EDITED, LINE_ENDS = "MLS410", "MLS413"
"""The codes of a file that was edited and of one with other line ends."""


def fingerprint(text: str) -> str:
    """Return what tells a text of a generated file from any other; the line ends of a checkout do not count.

    It guards against edits that are forgotten, not against forgers, so that half a hash is enough.
    """
    return hashlib.sha256(_with_lf(text).encode()).hexdigest()[:32]


def _with_lf(text: str) -> str:
    return text.replace("\r\n", "\n")


def has_crlf(there: str, text: str) -> bool:
    """Tell whether a file says ``text``, with line ends of Windows."""
    return there != text and _with_lf(there) == text


def line_ends(places: Sequence[str], spec: str) -> Problem:
    """Return the warning that files have other line ends, as a checkout on Windows writes them."""
    first, *others = places
    names = f"{', '.join(others)} and {first}" if others else first
    message = f"{names} differ{'' if others else 's'} in line ends only, which are those of Windows"
    hint = f"echo '* text=auto eol=lf' >> .gitattributes; mlspec render {shlex.quote(spec)}"
    return Problem(code=LINE_ENDS, message=message, hint=hint, severity="warning").at(first, None)


def problem_of(place: str, there: str, text: str, recorded: str, spec: str) -> Problem | None:
    """Return the problem where the file at ``place``, out of date, was changed since mlspec wrote it.

    ``there`` is what it says, ``text`` what it should say, and ``recorded`` the fingerprint of what mlspec wrote, empty
    where that is not known: a lock of an earlier version says nothing of it, and an edit looks like an old file then.
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
    # Without a fingerprint, another image in FROM is that of the spec as it was; of two digests of one tag, a lock has
    # the one that it asked for, and somebody else wrote the other.
    pairs = zip(own, others, strict=True)
    return all(line.reference == other.reference and bool(line.digest) == bool(other.digest) for line, other in pairs)


def _holds_merge(text: str) -> bool:
    # Both sides of a conflict are lines that mlspec wrote, and the file is of no use until it writes it again.
    return all(re.search(rf"^{mark}", text, re.MULTILINE) for mark in ("<{7} ", "={7}$", ">{7} "))


def _moved_digest_problem(own: Sequence[FromLine], others: Sequence[FromLine], spec: str) -> Problem:
    pairs = zip(own, others, strict=True)
    line, locked = next((line, other) for line, other in pairs if line.image != other.image)
    if line.reference != locked.reference:
        return line.of_another_image(locked.reference, spec)
    message = "the lock has another digest: a bot or a person moved this one"
    hint = f"take it into the lock: mlspec lock --adopt {shlex.quote(spec)}\nor {back_to_lock(spec)}"
    return line.problem(message, hint)


def _edit_problem(place: str, there: str, text: str, spec: str) -> Problem:
    number, line = _edited_line(there.split("\n"), text.split("\n"))
    message = f"{place} was edited since mlspec wrote it, and is left alone"
    hint = (
        f"say it in {spec}, such as a step below run; then replace the file: mlspec render --force {shlex.quote(spec)}"
    )
    span = Span(number, 1, number, max(2, len(line) + 1))
    return Problem(code=EDITED, message=message, hint=hint).at(place, span, line)


def _edited_line(there: list[str], text: list[str]) -> tuple[int, str]:
    """Return the number and the text of the first line that mlspec would not write, or else that lacks one in front."""
    steps = [step for step in SequenceMatcher(None, text, there, autojunk=False).get_opcodes() if step[0] != "equal"]
    _, _, _, start, _ = next((step for step in steps if step[0] != "delete"), steps[0])
    place = min(start, len(there) - 1)
    return place + 1, there[place]
