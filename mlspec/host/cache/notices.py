"""Notices that commands print only once in 30 days."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from mlspec.host.cache.proofs import cache_folder, remember


def is_first(subject: str) -> bool:
    """Return whether a notice about a subject is the first in 30 days, and remember the notice.

    Without a cache, each notice is the first.
    """
    if is_known(subject):
        return False
    if place := _place(subject):
        remember(place, "")
    return True


def is_known(subject: str) -> bool:
    """Return whether the cache has a notice about a subject from the last 30 days."""
    # Path.exists raises in the cache folder of another user; os.path.exists returns False, as without a cache.
    return os.path.exists(_place(subject))


def _place(subject: str) -> str:
    """Return the file for a subject; empty without a cache."""
    name = hashlib.blake2b(subject.encode(errors="surrogateescape")).hexdigest()[:64]
    folder = cache_folder()
    return str(Path(folder, "notices", name)) if folder else ""
