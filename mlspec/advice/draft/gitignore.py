"""The first .gitignore of a project."""

from __future__ import annotations

import posixpath
import re

from mlspec.advice.draft.draft import Draft
from mlspec.advice.draft.folder import Folder

FILE = ".gitignore"
_ALWAYS = (".env", ".venv/", "__pycache__/", ".ipynb_checkpoints/")
# gitignore(5): these characters begin a pattern, a comment or a negation.
_SPECIAL = re.compile(r"[\\*?\[#!]")


def list_ignored(folder: Folder, draft: Draft) -> tuple[str, ...]:
    """Return the patterns of a first .gitignore: files that no repository keeps, and folders that runs fill.

    A mounted folder that already has files is left out: its files may belong to the repository.
    """
    mounts = next((choice.value for choice in draft.choices if choice.key == "mounts"), ())
    sources = (mount.split(":")[0] for mount in ((mounts,) if isinstance(mounts, str) else mounts))
    own = [posixpath.normpath(source) for source in sources if source.startswith("./")]
    return (*_ALWAYS, *(f"/{_escape(name)}/" for name in own if name != "." and not folder.has(name)))


def _escape(name: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", name)


def gitignore_text(patterns: tuple[str, ...]) -> str:
    """Return the text of a .gitignore with these patterns."""
    return "\n".join(
        ("# Files that git ignores. mlspec init wrote this file once; edit it as you like.", *patterns, "")
    )
