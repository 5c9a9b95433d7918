"""The quick answer of ``mlspec render`` and ``mlspec lock`` if all files are proven current; it imports only proofs."""

from __future__ import annotations

import contextlib
import os
import sys

from mlspec.host.cache.proofs import CHECK, WRITE, proofs
from mlspec.host.files.find import find_specs, is_above

TYPE_CHECKING = False  # the import of typing alone would take longer than this module
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TextIO

# Options that need only a proof: it shows that all files are current, and it has the warnings.
_QUIET = {"-q", "--quiet"}
_OPTIONS = {"render": {"--check", "--locked", "--exit-code", *_QUIET}, "lock": _QUIET}


def answer_from_proofs(words: Sequence[str]) -> bool:
    """Print the output of ``mlspec`` with these arguments if it is proven for every spec; return whether it is."""
    options = {word for word in words[1:] if word.startswith("-")}
    if not words or not options <= _OPTIONS.get(words[0], set()) or words[0] not in _OPTIONS:
        return False
    known = proofs()
    question = CHECK if "--check" in options else WRITE
    named = [word for word in words[1:] if word not in options]
    try:
        found = [as_shown(spec) for spec in find_specs(named)]
    except FileNotFoundError:
        return False
    lines = [using(found[0])] if not named and is_above(found[0]) and not options & _QUIET else []
    for spec in dict.fromkeys(found):
        if (shown := known.holds(question, spec)) is None or as_shown(os.path.normpath(spec)) != spec:
            return False
        lines += [styled if wants_color() else plain for plain, styled in shown]
        lines += [] if options & _QUIET else [up_to_date(spec)]
    # A closed terminal or a full log does not change the answer.
    with contextlib.suppress(OSError, AttributeError):
        sys.stderr.write("".join(f"{line}\n" for line in lines))
    return True


def as_shown(spec: str) -> str:
    """Return the path of a spec as messages show it."""
    return spec.replace(os.sep, "/")


def using(spec: str) -> str:
    """Return the message that names a spec from a folder above."""
    return f"using {spec}"


def up_to_date(spec: str) -> str:
    """Return the message for a spec whose files are up to date."""
    return f"{spec}: up to date"


def color() -> bool | None:
    """Return whether to color, by NO_COLOR and FORCE_COLOR; None means to color only on a terminal."""
    return False if os.environ.get("NO_COLOR") else True if os.environ.get("FORCE_COLOR") else None


def wants_color() -> bool:
    """Tell whether output on stderr is colored."""
    chosen = color()
    return is_terminal(sys.stderr) if chosen is None else chosen


def is_terminal(stream: TextIO | None) -> bool:
    """Tell whether a stream is a terminal. Python represents a stream that was closed at the start as None."""
    return stream is not None and stream.isatty()
