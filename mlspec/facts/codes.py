"""The codes of problems, from ``data/codes.md``: the meaning of each, an example, and advice."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

from mlspec.errors import Severity

_SECTION = re.compile(r"^## (MLS\d{3}): (.+)$", re.MULTILINE)
_TO_DO = "**What to do:** "
_WARNING = "A warning:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """One code: its title, its severity, and its section in Markdown, without the heading."""

    code: str
    title: str
    severity: Severity
    text: str

    @property
    def meaning(self) -> str:
        """The first paragraph of the section: the meaning of the code."""
        return self.text.partition("\n\n")[0]

    @property
    def advice(self) -> str:
        """The last part of the section: the advice."""
        return self.text.partition(_TO_DO)[2]


@cache
def codes() -> tuple[Code, ...]:
    """Return all codes, in the order of their numbers."""
    return parse_codes(resources.files("mlspec.facts.data").joinpath("codes.md").read_text(encoding="utf-8"))


def parse_codes(text: str) -> tuple[Code, ...]:
    """Return the codes with a section in a Markdown text, in their order there."""
    _, *parts = _SECTION.split(text)
    sections = zip(parts[::3], parts[1::3], parts[2::3], strict=True)
    return tuple(_code(name, title.strip(), body.strip()) for name, title, body in sections)


def _code(name: str, title: str, text: str) -> Code:
    severity: Severity = "warning" if text.startswith(_WARNING) else "error"
    return Code(code=name, title=title, severity=severity, text=text)


def find_code(name: str) -> Code | None:
    """Return the code with this name, in upper or lower case; None if there is none."""
    return next((row for row in codes() if row.code == name.upper()), None)
