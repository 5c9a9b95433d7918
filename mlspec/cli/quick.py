"""The answer to ``mlspec render`` and ``mlspec lock`` where all was proven before: only the proofs are imported."""

from __future__ import annotations

import contextlib
import os
import sys

from mlspec.host.cache.proofs import CHECK, WRITE, proofs
from mlspec.host.files.find import find_specs

TYPE_CHECKING = False  # typing alone would take longer than all of this
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TextIO

# Options that ask for no more than what a proof says: all files are current, and these were the warnings.
_QUIET = {"-q", "--quiet"}
_OPTIONS = {"render": {"--check", "--locked", "--exit-code", *_QUIET}, "lock": _QUIET}


def answer_from_proofs(words: Sequence[str]) -> bool:
    """Print what ``mlspec`` with these words prints, if it is proven for every spec; return whether it was."""
    options = {word for word in words[1:] if word.startswith("-")}
    if not words or not options <= _OPTIONS.get(words[0], set()) or words[0] not in _OPTIONS:
        return False
    known = proofs()
    question = CHECK if "--check" in options else WRITE
    lines = []
    try:
        found = [as_shown(spec) for spec in find_specs(word for word in words[1:] if word not in options)]
    except FileNotFoundError:
        return False
    for spec in dict.fromkeys(found):
        if (shown := known.holds(question, spec)) is None or as_shown(os.path.normpath(spec)) != spec:
            return False
        lines += [styled if wants_color() else plain for plain, styled in shown]
        lines += [] if options & _QUIET else [up_to_date(spec)]
    # A terminal or a log that takes no more changes nothing about the answer.
    with contextlib.suppress(OSError, AttributeError):
        sys.stderr.write("".join(f"{line}\n" for line in lines))
    return True


def as_shown(spec: str) -> str:
    """Return the path of a spec as messages show it."""
    return spec.replace(os.sep, "/")


def up_to_date(spec: str) -> str:
    """Return the message for a spec whose files are up to date."""
    return f"{spec}: up to date"


def color() -> bool | None:
    """Return whether to color: by NO_COLOR, by FORCE_COLOR, or by what is listening."""
    return False if os.environ.get("NO_COLOR") else True if os.environ.get("FORCE_COLOR") else None


def wants_color() -> bool:
    """Tell whether what goes to stderr is colored."""
    chosen = color()
    return is_terminal(sys.stderr) if chosen is None else chosen


def is_terminal(stream: TextIO | None) -> bool:
    """Tell whether a person reads a stream; of one that was closed from the start, Python makes None."""
    return stream is not None and stream.isatty()
