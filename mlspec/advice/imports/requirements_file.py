"""The requirements.in of an import, for requirements with comments: more tools and people read it than a spec."""

from __future__ import annotations

from collections.abc import Sequence

from mlspec.advice.imports.spec_lines import SpecLine, todo_comment
from mlspec.advice.imports.verdicts import LineVerdict

NAME = "requirements.in"


def has_comments(verdicts: Sequence[LineVerdict]) -> bool:
    """Return whether requirements have comments of the input: such requirements get a separate file."""
    return any(verdict.comments or verdict.remark for verdict in verdicts if verdict.key == "requirements")


def write_requirements(verdicts: Sequence[LineVerdict]) -> tuple[SpecLine, ...]:
    """Return the lines of requirements.in."""
    lines = list[SpecLine]()
    for verdict in verdicts:
        lines += [SpecLine(f"# {comment}".rstrip()) for comment in verdict.comments]
        if verdict.outcome == "unsure":
            lines.append(SpecLine(todo_comment(verdict)))
            continue
        value = str(verdict.value)
        # Within a requirement file, pip needs -r in front of the name of another file.
        is_file = value.endswith((".in", ".txt")) and not value.startswith("-")
        remark = f"  # {verdict.remark}" if verdict.remark else ""
        lines.append(SpecLine(f"{'-r ' if is_file else ''}{value}{remark}", verdict))
    return tuple(lines)
