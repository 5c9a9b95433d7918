"""What was said once, so that a command that is run again and again does not repeat it each time."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from mlspec.host.cache.proofs import cache_folder, remember


def is_first(subject: str) -> bool:
    """Return whether this is the first time in 30 days that something is said of a subject, and remember that it is.

    Without a cache, each time is the first.
    """
    folder = cache_folder()
    if not folder:
        return True
    path = Path(folder, "notices", hashlib.blake2b(subject.encode(errors="surrogateescape")).hexdigest()[:64])
    # In the cache of another user, to whom nothing here may be told, Path.exists raises; it is no cache then.
    if os.path.exists(path):  # noqa: PTH110
        return False
    remember(str(path), "")
    return True
