"""The git checkout that a folder is in, asked of git itself."""

from __future__ import annotations

import re
from pathlib import Path

from mlspec.host import machine as host
from mlspec.targets.labels import Checkout, source_of

# Seconds for each question; a checkout that takes longer has no answer, and nothing waits for it.
_PATIENCE = 5.0
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def examine_checkout(folder: Path) -> Checkout:
    """Return what git says of ``folder``; nothing where it, or an answer in time, is not there. Never raises.

    A folder with changes that are not committed, new files among them, is no commit.
    """
    remote = _ask_git(folder, "config", "--get", "remote.origin.url")
    commit = _ask_git(folder, "rev-parse", "--verify", "HEAD")
    changes = _ask_git(folder, "status", "--porcelain", "--untracked-files=normal", "--", ".")
    is_commit = changes == "" and commit is not None and _COMMIT.fullmatch(commit)
    return Checkout(source_of(remote or ""), commit if is_commit and commit else "")


def _ask_git(folder: Path, *words: str) -> str | None:
    # No lock is taken that a git command of the user would meet, and no program started that a repository names.
    command = ("git", "-C", str(folder), "--no-optional-locks", "-c", "core.fsmonitor=false", *words)
    said = host.read_output(*command, patience=_PATIENCE)
    return None if said is None else said.strip()
