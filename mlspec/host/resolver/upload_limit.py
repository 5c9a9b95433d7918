"""The age of releases: which uploads the resolver may take today."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from packaging.utils import canonicalize_name

from mlspec.spec.nested_build_keys import Cooldown


@dataclass(frozen=True, slots=True)
class UploadLimit:
    """The day, in UTC, before which a file must be uploaded, and the packages that need no age, by name or pattern.

    An empty day allows every file.
    """

    before: str = ""
    exclude: tuple[str, ...] = ()


ANY_AGE = UploadLimit()
"""No limit."""


def limit_uploads(cooldown: Cooldown | None) -> UploadLimit:
    """Return the limit of a cooldown for a lock that is made now."""
    if cooldown is None:
        return ANY_AGE
    day = datetime.datetime.now(datetime.UTC).date() - datetime.timedelta(days=cooldown.days)
    return UploadLimit(day.isoformat(), tuple(map(_normalize, cooldown.exclude)))


def _normalize(pattern: str) -> str:
    return pattern.lower() if "*" in pattern else canonicalize_name(pattern)
