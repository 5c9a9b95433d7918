"""The git checkout of a folder: remote and commit, from git itself."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from mlspec.host.command_output import read_output
from mlspec.targets.labels import Checkout, source_of

# Seconds for each git command. After this time, mlspec goes on without an answer.
_PATIENCE = 5.0
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def examine_checkout(folder: Path, sources: Sequence[str] = (".",)) -> Checkout:
    """Return the remote and the commit of ``folder``; each is empty without git or without an answer in time.

    Never raises. The commit is also empty if one of ``sources``, paths from the folder, has uncommitted changes or
    untracked files.
    """
    if not _may_be_in_checkout(folder):
        return Checkout()
    remote = _ask_git(folder, "config", "--get", "remote.origin.url")
    # One command for the commit and the changes: https://git-scm.com/docs/git-status#_porcelain_format_version_2
    state = _ask_git(
        folder, "status", "--porcelain=v2", "--branch", "--no-ahead-behind", "--untracked-files=normal", "--", *sources
    )
    return Checkout(source_of(remote or ""), _commit_in(state or ""))


def _may_be_in_checkout(folder: Path) -> bool:
    """Tell whether git may find a repository, without asking it: here or in a folder above."""
    place = Path(os.path.realpath(folder))
    return "GIT_DIR" in os.environ or any(os.path.lexists(each / ".git") for each in (place, *place.parents))


def _commit_in(state: str) -> str:
    """Return the commit of a checkout without changes; empty with changes, and for anything but a commit."""
    headers = [line[2:] for line in state.splitlines() if line.startswith("# ")]
    commit = dict(header.partition(" ")[::2] for header in headers).get("branch.oid", "")
    return commit if len(headers) == len(state.splitlines()) and _COMMIT.fullmatch(commit) else ""


def _ask_git(folder: Path, *words: str) -> str | None:
    # The options keep git from taking a lock that would stop a git command of the user, and from starting a file
    # system monitor that the repository names.
    command = (
        "git",
        "-C",
        str(folder),
        "--literal-pathspecs",
        "--no-optional-locks",
        "-c",
        "core.fsmonitor=false",
        *words,
    )
    said = read_output(*command, patience=_PATIENCE)
    return None if said is None else said.strip()
