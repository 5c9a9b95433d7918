"""The mounts of RUN instructions: files that a build step sees beside those of its stage."""

from __future__ import annotations

from dataclasses import dataclass

from mlspec.plan.source_builds import SourceBuild


@dataclass(frozen=True, slots=True)
class BuildMount:
    """One mount of a build step, as the options of ``--mount``."""

    options: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class LockParts:
    """A lock divided into parts, one for each layer: the file of the lock, and the folder of the parts in a build."""

    file: str
    folder: str
    layers: tuple[str, ...]

    @property
    def lint_note(self) -> str:
        """The comment that stops hadolint from reporting a loop over one name."""
        return "hadolint ignore=SC2043" if len(self.layers) == 1 else ""


PIP_CACHE = BuildMount((("type", "cache"), ("target", "/root/.cache/pip")))
"""The cache of pip, which all builds share."""

_UV_CACHE = BuildMount((("type", "cache"), ("target", "/root/.cache/uv")))


def install_mounts(lock: str, build: SourceBuild | None, secret: str | None = None) -> tuple[BuildMount, ...]:
    """Return the mounts of a step that installs the part ``lock`` of the stage with the locks.

    BuildKit caches the step by the content of that one file. ``secret`` is the login of an index, as a netrc file.
    """
    mounts = [_UV_CACHE, _mount_lock(lock, "/lock")]
    if build and build.lock:
        mounts.append(_mount_lock(f"/build-lock/{build.lock}", "/build-lock"))
    if secret:
        options = (("type", "secret"), ("id", secret), ("target", "/root/.netrc"), ("required", "true"))
        mounts.append(BuildMount(options))
    return tuple(mounts)


SSH = BuildMount((("type", "ssh"), ("required", "true")))
"""The SSH agent of the user who builds."""


def _mount_lock(source: str, target: str) -> BuildMount:
    return BuildMount((("type", "bind"), ("from", "lock"), ("source", source), ("target", target)))
