"""What can go wrong in the child process, as plain facts that the report can carry."""

from __future__ import annotations

from mlspec.host.resolver.child.routing import without_login


class MismatchError(Exception):
    """Pip would not be the target: this pair of pip and pip-tools has moved what must be replaced."""


class IndexFailureError(Exception):
    """An index gave no answer. Pip would skip it in silence, and the lock would say something else."""

    def __init__(self, kind: str, url: str, detail: str, status: int | None = None) -> None:
        self.kind, self.url, self.detail, self.status = kind, without_login(url), detail, status
        super().__init__(f"{self.url}: {detail}")


class BuildFailureError(Exception):
    """The metadata of a source could not be made; ``place`` is where that was tried."""

    def __init__(self, name: str, version: str, detail: str, place: str = "") -> None:
        self.name, self.version, self.detail, self.place = name, version, detail, place
        super().__init__(f"{name}: {detail}")


class WrongHashesError(Exception):
    """None of the hashes that were asked for belongs to a file that fits."""

    def __init__(self, name: str, version: str) -> None:
        self.name, self.version = name, version
        super().__init__(f"{name} {version}")


class MismatchedFileError(Exception):
    """A file is not the one that its index promised."""

    def __init__(self, file: str) -> None:
        super().__init__(f"{file} is not the file that its index promised")
