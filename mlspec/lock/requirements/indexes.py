"""Package indexes, and the packages that come from each."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from packaging.utils import canonicalize_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """A package index and the packages (names or patterns) that come from this index alone.

    An index without packages serves every package that no other index names, instead of pip's default index. The login
    comes from the environment; mlspec writes it nowhere.
    """

    url: str
    packages: tuple[str, ...] = ()
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    def serves(self, name: str) -> bool:
        """Return whether the package ``name`` comes from this index; an index without patterns serves every package."""
        patterns = (re.sub(r"[-_.]+", "-", pattern).lower() for pattern in self.packages)
        return not self.packages or any(fnmatch.fnmatchcase(canonicalize_name(name), pattern) for pattern in patterns)


def labels(indexes: Sequence[Index]) -> tuple[tuple[str, Index], ...]:
    """Return a label for each index that serves only named packages: the end of its path, or else its host."""
    found: dict[str, Index] = {}
    for index in indexes:
        if index.packages:
            address = urlsplit(index.url)
            parts = reversed(address.path.split("/"))
            last = next((part for part in parts if part not in {"", "simple"}), address.netloc)
            label = re.sub(r"[^a-z0-9]+", "-", last.lower()).strip("-")
            used = sum(name == label or name.startswith(f"{label}_") for name in found)
            found[f"{label}_{used + 1}" if used else label] = index
    return tuple(found.items())
