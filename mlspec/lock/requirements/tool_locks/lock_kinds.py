"""The lock files of other tools: their names, their readers, and the commands that renew them."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mlspec.lock.requirements.tool_locks.lock_model import ProjectLock
from mlspec.lock.requirements.tool_locks.pdm_lock import read_pdm_lock
from mlspec.lock.requirements.tool_locks.pipfile_lock import read_pipfile_lock
from mlspec.lock.requirements.tool_locks.poetry_lock import read_poetry_lock
from mlspec.lock.requirements.tool_locks.pylock_toml import read_pylock
from mlspec.lock.requirements.tool_locks.uv_lock import read_uv_lock

Data = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class LockKind:
    """The locks of one tool: the pattern of their names, and the commands that make one fit its project again.

    ``upgrade`` is the command for all pins, and ``upgrade_one`` for the pin of a package. ``project`` is the file of
    the project beside the lock; empty if unknown.
    """

    tool: str
    pattern: str
    read: Callable[[Data], ProjectLock]
    renew: str
    upgrade: str
    upgrade_one: str
    project: str = "pyproject.toml"
    parse: Callable[[str], Data] = tomllib.loads
    has_sizes: bool = False

    @property
    def is_toml(self) -> bool:
        """Whether the text of the lock is TOML; otherwise it is JSON."""
        return self.parse is tomllib.loads


LOCK_KINDS = (
    LockKind(
        tool="uv",
        pattern=r"uv\.lock",
        read=read_uv_lock,
        renew="uv lock",
        upgrade="uv lock --upgrade",
        upgrade_one="uv lock --upgrade-package {name}",
        has_sizes=True,
    ),
    LockKind(
        tool="poetry",
        pattern=r"poetry\.lock",
        read=read_poetry_lock,
        renew="poetry lock",
        upgrade="poetry update --lock",
        upgrade_one="poetry update --lock {name}",
    ),
    LockKind(
        tool="pdm",
        pattern=r"pdm\.lock",
        read=read_pdm_lock,
        renew="pdm lock --update-reuse",
        upgrade="pdm update --no-sync",
        upgrade_one="pdm update --no-sync {name}",
    ),
    LockKind(
        tool="pipenv",
        pattern=r"Pipfile\.lock",
        read=read_pipfile_lock,
        renew="pipenv lock",
        upgrade="pipenv lock --clear",
        upgrade_one="pipenv upgrade --lock-only {name}",
        project="Pipfile",
        parse=json.loads,
    ),
    LockKind(
        tool="",
        pattern=r"pylock(?:\.[^.]+)?\.toml",
        read=read_pylock,
        renew="the tool that wrote it",
        upgrade="the tool that wrote it",
        upgrade_one="the tool that wrote it",
        project="",
        has_sizes=True,
    ),
)


def find_lock_kind(name: str) -> LockKind | None:
    """Return the kind of a lock by its file name; None if the file is no lock."""
    return next((kind for kind in LOCK_KINDS if re.fullmatch(kind.pattern, name, re.IGNORECASE)), None)
