"""The comments of generated files: which comment explains which line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

# Comments for programs: hadolint's, BuildKit's, and the shell that runs a script.
_DIRECTIVE = re.compile(r"#\s*(?:hadolint\s|syntax=|check=|escape=)|#!")
_STAGE = re.compile(r"FROM\s")
_HEREDOC = re.compile(r"<<-?['\"]?(\w+)")


@dataclass(frozen=True, slots=True)
class Comments:
    """The comments that explain one line of a file; a missing comment is empty.

    ``own`` is the comment above the line, ``instruction`` the comment above the instruction that the line continues,
    ``stage`` the comment above the stage of the Dockerfile, and ``file`` the comment at the beginning of the file.
    """

    own: str
    instruction: str
    stage: str
    file: str


@dataclass(slots=True)
class _Reader:
    """The comments that apply to the current line, while a file is read from top to bottom."""

    is_dockerfile: bool
    file: str
    block: list[str] = field(default_factory=list)
    stage: str = ""
    instruction: str = ""
    inner: str = ""
    end: str = ""
    is_continued: bool = False

    @property
    def is_inside(self) -> bool:
        """Whether the next line continues an instruction or is in its here-document."""
        return self.is_continued or bool(self.end)

    def read(self, line: str) -> Comments:
        """Return the comments of the next line, which is neither blank nor a comment."""
        above, self.block = " ".join(self.block), []
        if self.is_inside:
            self.inner = above or self.inner
            own = self.inner
        else:
            self._begin(line, above)
            own = self.instruction
        self._continue(line)
        return Comments(own, self.instruction, self.stage, self.file)

    def leave_paragraph(self) -> None:
        """Forget the comment at a blank line: in a script or a list, a comment applies up to the next blank line."""
        if not self.is_inside:
            self.block, self.instruction = [], ""

    def _begin(self, line: str, above: str) -> None:
        self.inner = ""
        if self.is_dockerfile and _STAGE.match(line):
            self.stage = above
        self.instruction = above if self.is_dockerfile else above or self.instruction

    def _continue(self, line: str) -> None:
        self.is_continued = line.endswith("\\")
        if self.end:
            self.end = "" if line.strip() == self.end else self.end
            # In a here-document, a comment applies only to the command below it.
            self.inner = self.inner if self.is_continued else ""
        elif self.is_dockerfile and (heredoc := _HEREDOC.search(line)):
            self.end = heredoc[1]


def comments_in_heading(lines: Sequence[str], heading: Sequence[str]) -> Iterator[Comments]:
    """Yield the comments of each line of a file that has only a heading: the banner applies to all lines.

    In YAML, a line of the heading follows a ``#``; in JSON, it is an entry of a list.
    """
    written = {form: text for text in heading if text for form in (f"# {text}", json.dumps(text, ensure_ascii=False))}
    for line in lines:
        own = line if line in written else line.strip(" ,[]").rpartition(": [")[2]
        yield Comments(written.get(own, ""), "", "", heading[0])


def comments_of(lines: Sequence[str], *, is_dockerfile: bool) -> Iterator[Comments]:
    """Yield the comments of each line; a comment and a blank line get the comments of the line below."""
    reader = _Reader(is_dockerfile, _heading(lines))
    waiting = 0
    last = Comments("", "", "", reader.file)
    for line in lines:
        waiting += 1
        if line.startswith(" ") and line.lstrip().startswith("#") and not reader.is_inside:
            # A note on the line above, such as the size of a package in a lock.
            yield from [last] * waiting
            waiting = 0
        elif line.lstrip().startswith("#"):
            reader.block += _texts([line])
        elif not line.strip():
            if reader.block and not reader.is_inside:
                # A separate comment, with a blank line below it.
                yield from [Comments(" ".join(reader.block), "", "", reader.file)] * (waiting - 1)
                waiting = 1
            reader.leave_paragraph()
        else:
            last = reader.read(line)
            yield from [last] * waiting
            waiting = 0
    yield from [last] * waiting


def _heading(lines: Sequence[str]) -> str:
    """Return the comment at the beginning of a file, without its first line, the banner; alone, the banner counts."""
    banner, *others = _texts(list(takewhile(lambda line: line.startswith("#"), lines))) or [""]
    return " ".join(others) or banner


def _texts(comment: Sequence[str]) -> list[str]:
    """Return the text lines of a comment, without directives for programs."""
    said = [line.strip().removeprefix("#").strip() for line in comment if not _DIRECTIVE.match(line.strip())]
    return list(filter(None, said))
