"""The files of a spec: their names, for each of its images and platforms, and a file with its text."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mlspec.spec.banner import banner


@dataclass(frozen=True, slots=True)
class Artifact:
    """One output file: its path beside the spec, its text, and whether it is executable."""

    path: str
    text: str
    executable: bool = False


@dataclass(frozen=True, slots=True)
class Files:
    """The names of the files beside a spec, for one of its images.

    ``architecture`` is that of one platform, if several platforms have locks of their own.
    """

    spec: str
    prefix: str
    project_prefix: str
    architecture: str = ""

    @property
    def banner(self) -> str:
        """The first sentence of a generated file; a file without it is the user's own."""
        return banner(self.spec, "mlspec render")

    @property
    def lock_banner(self) -> str:
        """The first sentence of a lock."""
        return banner(self.spec, "mlspec lock")

    @property
    def dockerfile(self) -> str:
        """The name of the Dockerfile."""
        return f"{self.prefix}Dockerfile"

    @property
    def ignore(self) -> str:
        """The name of the ignore file, which BuildKit finds by the name of the Dockerfile."""
        return f"{self.dockerfile}.dockerignore"

    @property
    def run_script(self) -> str:
        """The name of the run script."""
        return f"{self.prefix}run.sh"

    def path_of(self, name: str, *, is_shared: bool, in_one_folder: bool = False) -> str:
        """Return the path of a file with the default ``name``: of this image, or shared by all.

        Other programs look for a file in a folder under its default name. So such a file keeps its name, in a subfolder
        with the prefix, unless the programs look for files of all names ``in_one_folder``.
        """
        prefix = self.project_prefix if is_shared else self.prefix
        folder, file = posixpath.split(name)
        if in_one_folder:
            return posixpath.join(folder, f"{prefix}{file}")
        return posixpath.join(folder, prefix.removesuffix("."), file) if folder else f"{prefix}{file}"

    @property
    def requirements_lock(self) -> str:
        """The name of the lock with the pinned requirements."""
        return self._lock("requirements")

    @property
    def vcs_lock(self) -> str:
        """The name of the lock with the pinned git dependencies, which no hash can pin."""
        return self._lock("requirements.vcs")

    @property
    def build_lock(self) -> str:
        """The name of the lock with the build dependencies of sources."""
        return self._lock("requirements.build")

    @property
    def dev_lock(self) -> str:
        """The name of the lock with the packages for developers, which no image has."""
        return self._lock("requirements.dev")

    @property
    def package_locks(self) -> tuple[str, ...]:
        """The names of all locks of an image's packages."""
        return self.requirements_lock, self.vcs_lock, self.build_lock

    @property
    def lock(self) -> str:
        """The name of the spec's lock, which all images share."""
        return f"{self.project_prefix}mlspec.lock"

    def on(self, platform: str, platforms: Sequence[str]) -> Files:
        """Return the names for one of the image's platforms; each of several platforms has locks of its own."""
        return replace(self, architecture=architecture(platform)) if len(platforms) > 1 else self

    def _lock(self, stem: str) -> str:
        return ".".join(filter(None, (f"{self.prefix}{stem}", self.architecture, "lock")))


def architecture(platform: str) -> str:
    """Return the machine of a platform as in BuildKit's TARGETARCH: ``arm64`` of ``linux/arm64``."""
    return platform.split("/")[1]


def files_of(spec_file: str, key: str) -> Files:
    """Return the file names for the image ``key`` of a spec; only ``mlspec.yaml`` adds no prefix."""
    name = posixpath.basename(spec_file)
    stem = name.removesuffix(".yaml").removesuffix(".yml")
    project_prefix = "" if stem == "mlspec" else f"{stem}."
    return Files(name, f"{project_prefix}{key}." if key else project_prefix, project_prefix)
