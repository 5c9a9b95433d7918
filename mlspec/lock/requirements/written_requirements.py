"""Read a line that is a requirement of a package, with its hashes."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator

from mlspec.errors import Problem
from mlspec.lock.requirements import other_files, pip_options, requirement_syntax, typos
from mlspec.lock.requirements.other_files import Look
from mlspec.lock.requirements.requirement_lines import RequirementLine
from mlspec.lock.requirements.requirement_types import Requirement

# Match from the first blank only: a match from each blank of a long line of blanks would take hours.
_OPTION_START = re.compile(r"(?<!\s)\s+(?=--?[A-Za-z])")


def read_requirement(line: RequirementLine, look: Look) -> Iterator[Requirement | Problem]:
    """Yield the requirement in a line, and the problems of the line."""
    text, *rest = _OPTION_START.split(line.text, maxsplit=1)
    options = [*pip_options.hashes(rest[0], line.place)] if rest else []
    yield from (item for item in options if isinstance(item, Problem))
    if refusal := other_files.refuse_path(text, look) or requirement_syntax.refusal(text):
        yield line.place.problem(*refusal)
        return
    found = requirement_syntax.read(text)
    if isinstance(found, Requirement):
        hashes = tuple(sorted({item for item in options if isinstance(item, str)}))
        yield dataclasses.replace(found, hashes=hashes, place=line.place)
    else:
        hint = typos.suggestion(found.typed) or found.hint
        problem = line.place.problem("MLS203", found.message, hint)
        yield dataclasses.replace(problem, repairs=typos.repairs(text, line.place))
