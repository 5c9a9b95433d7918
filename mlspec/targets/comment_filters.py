"""Filters that write comments."""

from __future__ import annotations


def comment(value: str) -> str:
    """Return a value for a comment: one line of printable characters, without a backslash at the end."""
    return "".join(c if c.isprintable() else "?" for c in " ".join(value.split())).rstrip("\\ ")


def build_note(folder: str | None, dockerfile: str) -> str:
    """Return one more comment: the command that builds an image in a folder; or "" without a folder."""
    return (
        f"\n# To build, in the folder {comment(folder)}: docker build --file {comment(dockerfile)} ." if folder else ""
    )


def heading(value: object, text: str) -> str:
    """Return a blank line and a comment, or "" if ``value``, the text below the comment, is empty."""
    return f"\n# {comment(text)}\n" if value else ""


def remark(value: object, text: str) -> str:
    """Return ``text`` for a comment, or "" if ``value`` is empty."""
    return comment(text) if value else ""
