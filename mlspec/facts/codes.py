"""The codes of problems, from ``data/codes.md``: what each means, an example, what to do."""

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
    """One code: what it is called, how grave it is, and its section in Markdown, without the heading."""

    code: str
    title: str
    severity: Severity
    text: str

    @property
    def meaning(self) -> str:
        """The first paragraph: what the code means."""
        return self.text.partition("\n\n")[0]

    @property
    def advice(self) -> str:
        """The last part: what to do about it."""
        return self.text.partition(_TO_DO)[2]


@cache
def codes() -> tuple[Code, ...]:
    """Return every code, in the order of the numbers."""
    return parse_codes(resources.files("mlspec.facts.data").joinpath("codes.md").read_text(encoding="utf-8"))


def parse_codes(text: str) -> tuple[Code, ...]:
    """Return the codes whose sections stand in a Markdown text, in their order there."""
    _, *parts = _SECTION.split(text)
    sections = zip(parts[::3], parts[1::3], parts[2::3], strict=True)
    return tuple(_code(name, title.strip(), body.strip()) for name, title, body in sections)


def _code(name: str, title: str, text: str) -> Code:
    severity: Severity = "warning" if text.startswith(_WARNING) else "error"
    return Code(code=name, title=title, severity=severity, text=text)


def find_code(name: str) -> Code | None:
    """Return the code of that name, written in capitals or not."""
    return next((row for row in codes() if row.code == name.upper()), None)
