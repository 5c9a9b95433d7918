"""The errors of the child process, with the data that the report needs."""

from __future__ import annotations

from typing import Any

from mlspec.host.resolver.child.routing import without_login


class MismatchError(Exception):
    """A failed replacement: this pair of pip and pip-tools lacks a function that mlspec must replace."""


class IndexFailureError(Exception):
    """An index without an answer. pip would skip the index in silence, and the lock would have other pins."""

    def __init__(self, kind: str, url: str, detail: str, status: int | None = None, name: str = "") -> None:
        own = without_login(url)
        self.report: dict[str, Any] = {"kind": kind, "url": own, "status": status, "name": name, "message": detail}
        super().__init__(f"{own}: {detail}")


class BuildFailureError(Exception):
    """A failed build of a source's metadata; ``place`` describes the host of the build."""

    def __init__(self, name: str, version: str, detail: str, place: str = "") -> None:
        self.name, self.version, self.detail, self.place = name, version, detail, place
        super().__init__(f"{name}: {detail}")


class WrongHashesError(Exception):
    """A release without a file that fits the target and has one of the required hashes."""

    def __init__(self, name: str, version: str) -> None:
        self.name, self.version = name, version
        super().__init__(f"{name} {version}")


class MismatchedFileError(Exception):
    """A downloaded file whose hash differs from the hash on its index."""

    def __init__(self, file: str) -> None:
        super().__init__(f"{file} is not the file that its index lists")
