"""A parser of the sessions in a Markdown page: the commands that a reader types, and the output that the page shows.

A page is one session in its own folder. A block in a tab belongs to the session of that tab alone; a block outside of
tabs belongs to all sessions. The parser reads:

- blocks of the language ``console``: lines with ``$ `` are commands (``> `` continues them), and output follows them;
  lines with ``>>> `` are input to the running program;
- blocks with a ``:caption:``, included files with one, and blocks whose first line is ``# NAME``: files;
- comments ``<!-- session: ... -->`` in front of a block: ``files=A,B`` copies files of the repository into the folder;
  ``folder=NAME`` begins the session here, in a folder of that name; ``keeps running`` leaves the block's last command
  running, as in another terminal, after it has printed the output on the page; ``not run: WHY`` skips the block.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_FENCE = re.compile(r"(?P<indent> *)(?P<fence>`{3,}|:{3,})(?P<info>.*)")
_OPTION = re.compile(r":(?P<name>[a-z-]+):\s*(?P<value>.*)")
_COMMENT = re.compile(r"<!-- session: (.*?) -->")
_PROMPT = re.compile(r"\$ |\$$")


@dataclass(frozen=True, kw_only=True)
class Block:
    """A block of a page: its language or directive, its argument, its options, and its lines."""

    kind: str
    argument: str
    options: dict[str, str]
    lines: tuple[str, ...]
    first: int
    """The index of the first of ``lines`` in the page."""
    tab: str = ""
    comment: str = ""


@dataclass(frozen=True, kw_only=True)
class Step:
    """A command as typed, and the lines that the page shows below it: input and output."""

    command: str
    shown: tuple[str, ...]
    first: int
    """The index of the first of ``shown`` in the page."""
    keeps_running: bool = False

    @property
    def typed(self) -> tuple[str, ...]:
        """Return the input of the program, line by line."""
        return tuple(line[4:] for line in self.shown if line.startswith((">>> ", "... ")))


@dataclass(frozen=True, kw_only=True)
class File:
    """A file on the page."""

    path: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Skipped:
    """A skipped block, and the reason."""

    why: str
    line: int


@dataclass(frozen=True, kw_only=True)
class Session:
    """The commands and files of one folder, in order."""

    page: Path
    tab: str
    folder: str
    acts: tuple[Step | File, ...]
    skipped: tuple[Skipped, ...] = field(default=())

    @property
    def commands(self) -> str:
        """Return all commands of the session, one below the other."""
        return "\n".join(act.command for act in self.acts if isinstance(act, Step))


def blocks(text: str) -> Iterator[Block]:
    """Yield the blocks of a page, each with the name of its tab and with the comment in front of it."""
    lines = text.split("\n")
    tabs: list[str] = []
    comment, index = "", 0
    while index < len(lines):
        opened = _FENCE.match(lines[index])
        if found := _COMMENT.search(lines[index]):
            comment = found[1]
        index += 1
        if not opened:
            continue
        if opened["fence"].startswith(":") and not opened["info"]:
            tabs.pop()
            continue
        kind, _, argument = opened["info"].strip().partition(" ")
        if opened["fence"].startswith(":") and kind in {"{tab-set}", "{tab-item}", "{dropdown}", "{note}", "{tip}"}:
            tabs.append(argument if kind == "{tab-item}" else "")
            continue
        first = index
        while lines[index].strip() != opened["fence"]:
            index += 1
        body = [line.removeprefix(opened["indent"]) for line in lines[first:index]]
        index += 1
        options = {}
        while body and kind.startswith("{") and (option := _OPTION.fullmatch(body[0])):
            options[option["name"]] = option["value"]
            body, first = body[1:], first + 1
        tab = next((name for name in reversed(tabs) if name), "")
        yield Block(
            kind=kind, argument=argument, options=options, lines=tuple(body), first=first, tab=tab, comment=comment
        )
        comment = ""


def steps(block: Block) -> Iterator[Step]:
    """Yield the commands of a block, each with the lines below it."""
    starts = [i for i, line in enumerate(block.lines) if _PROMPT.match(line)]
    for start, end in zip(starts, [*starts[1:], len(block.lines)], strict=True):
        body = start + 1
        command = [block.lines[start][2:]]
        while body < end and (block.lines[body].startswith("> ") or block.lines[body] == ">"):
            command.append(block.lines[body][2:])
            body += 1
        yield Step(
            command="\n".join(command),
            shown=block.lines[body:end],
            first=block.first + body,
            keeps_running=block.comment == "keeps running" and end == len(block.lines),
        )


def _named_by_comment(block: Block) -> str:
    # A code host shows no captions, so its pages name a file in a comment.
    named = re.fullmatch(r"# ([\w.-]+\.(?:yaml|py|in))", block.lines[0]) if block.lines else None
    return named[1] if named and block.kind in {"yaml", "python", "text"} else ""


def _files(block: Block, page: Path) -> Iterator[File]:
    if block.kind == "{literalinclude}":
        source = page.parent / block.argument
        if "caption" in block.options:
            yield File(path=block.options["caption"], text=source.read_text(encoding="utf-8"))
    elif name := block.options.get("caption") or _named_by_comment(block):
        yield File(path=name, text="\n".join(block.lines) + "\n")


def _copies(comment: str, root: Path) -> Iterator[File]:
    for pattern in re.findall(r"files=(\S+)", comment):
        for name in pattern.split(","):
            for path in sorted(root.glob(name)):
                yield File(path=path.name, text=path.read_text(encoding="utf-8"))


def sessions(page: Path, root: Path, folder: str) -> tuple[Session, ...]:
    """Return the sessions of a page, one for each tab, each in the folder ``folder`` unless the page names another."""
    found = list(blocks(page.read_text(encoding="utf-8")))
    tabs = list(dict.fromkeys(block.tab for block in found if block.tab and block.kind == "console")) or [""]
    made = []
    for tab in tabs:
        acts: list[Step | File] = []
        skipped: list[Skipped] = []
        name = folder
        for block in (block for block in found if block.tab in {"", tab}):
            if named := re.search(r"folder=(\S+)", block.comment):
                name, acts = named[1], []
            acts.extend(_copies(block.comment, root))
            if block.comment.startswith("not run: "):
                skipped.append(Skipped(why=block.comment.removeprefix("not run: "), line=block.first))
            elif block.kind == "console":
                acts.extend(steps(block))
            else:
                acts.extend(_files(block, page))
        made.append(Session(page=page, tab=tab, folder=name, acts=tuple(acts), skipped=tuple(skipped)))
    return tuple(one for one in made if any(isinstance(act, Step) for act in one.acts))
