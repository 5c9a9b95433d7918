"""Filters that write shell commands, and their words on continued lines."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence


def continue_lines(values: Iterable[str], margin: int, folder: str = "") -> str:
    """Return values as words of a shell, one on each line, with ``folder`` in front of each."""
    return f" \\\n{' ' * margin}".join(folder + shlex.quote(value) for value in values)


def wrap_words(values: Iterable[str], margin: int, folder: str = "") -> str:
    """Return values as words of a shell on continued lines of at most 110 columns, with ``folder`` before each."""
    return fill_lines([folder + shlex.quote(value) for value in values], margin)


def fill_lines(texts: Iterable[str], margin: int, width: int = 110) -> str:
    """Return texts on continued lines of at most ``width`` columns."""
    lines = [""]
    for text in texts:
        if lines[-1] and len(lines[-1]) + len(text) >= width - margin:
            lines.append("")
        lines[-1] += f" {text}" if lines[-1] else text
    return f" \\\n{' ' * margin}".join(lines)


def removal(paths: Sequence[str], folder: str) -> str:
    """Return the start of a command that removes files below a folder, or "" without files."""
    return f"rm -f {wrap_words(paths, 8, folder)} && " if paths else ""


def creation(path: str | None, folder: str) -> str:
    """Return the start of a command that makes a folder below ``folder``, or "" without one."""
    return f"mkdir -p {folder}{shlex.quote(path)} && " if path else ""


def account(line: str) -> str:
    """Return the command that adds ``line`` to the /etc/passwd of an image."""
    return f"install -d /srv/image/etc && {{ cat /etc/passwd && echo {shlex.quote(line)}; }} > /srv/image/etc/passwd"


def debian_sources(lines: Iterable[str]) -> str:
    """Return the command that writes ``lines`` as the only apt sources."""
    return (
        "rm -f /etc/apt/sources.list \\\n && printf '%s\\n' \\\n        "
        f"{continue_lines(lines, 8)} \\\n        > /etc/apt/sources.list.d/debian.sources"
    )


def undeclared_requirements(lines: Sequence[str]) -> str:
    """Return the step that configures uv with the build dependencies that packages need but do not declare."""
    if not lines:
        return ""
    return (
        "# Build dependencies that the packages need but do not declare.\n"
        "RUN printf '%s\\n' '[extra-build-dependencies]' \\\n"
        f"        {continue_lines(lines, 8)} \\\n"
        "        > /uv/uv.toml\n"
    )
