"""The age of files on an index: those that are younger than a cooldown allows are no candidates."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from typing import Any

from mlspec.host.resolver.child.child_errors import IndexFailureError
from mlspec.host.resolver.child.index_files import IndexFile


@dataclass(frozen=True)
class UploadTimes:
    """The day, in UTC, before which a file must be uploaded, and the packages that need no age, by name or pattern."""

    before: str
    exclude: tuple[str, ...]

    @classmethod
    def of(cls, job: dict[str, Any]) -> UploadTimes:
        """Return the limit of a job."""
        return cls(job["uploads"]["before"], tuple(job["uploads"]["exclude"]))

    def limits(self, name: str) -> bool:
        """Return whether the files of a package need an age."""
        return bool(self.before) and not any(fnmatch.fnmatchcase(name, pattern) for pattern in self.exclude)

    def is_young(self, name: str, file: IndexFile) -> bool:
        """Return whether a file is too young; raises IndexFailureError if its index does not say its upload time."""
        # Local files were not uploaded. pip evaluates the address of the page as a file, too.
        if not self.limits(name) or file.url.startswith("file:") or file.version is None:
            return False
        if not file.upload_time:
            raise IndexFailureError("times", file.page_url or file.url, "no upload-time (PEP 700)", name=name)
        return file.upload_time[:10] >= self.before
