"""The files of a spec: their names, for each of its images and platforms, and one of them with its text."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mlspec.spec.banner import banner


@dataclass(frozen=True, slots=True)
class Artifact:
    """One output file: its path beside the spec, its text, and whether it is run."""

    path: str
    text: str
    executable: bool = False


@dataclass(frozen=True, slots=True)
class Files:
    """The names of what stands beside a spec, for one of its images.

    ``architecture`` is that of one of its platforms, where several have locks of their own.
    """

    spec: str
    prefix: str
    project_prefix: str
    architecture: str = ""

    @property
    def banner(self) -> str:
        """The sentence that a generated file begins with; a file without it is the user's own."""
        return banner(self.spec, "mlspec render")

    @property
    def lock_banner(self) -> str:
        """The sentence that a lock begins with."""
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

    def path_of(self, name: str, *, is_shared: bool) -> str:
        """Return the path of a file called ``name`` beside ``mlspec.yaml``: of this image, or shared by all.

        A file in a folder, which other programs look for under that very name, is in a folder of its own below that.
        """
        prefix = self.project_prefix if is_shared else self.prefix
        folder, file = posixpath.split(name)
        return posixpath.join(folder, prefix.removesuffix("."), file) if folder else f"{prefix}{file}"

    @property
    def requirements_lock(self) -> str:
        """The name of the locked requirements."""
        return self._lock("requirements")

    @property
    def vcs_lock(self) -> str:
        """The name of the locked git dependencies, which no hash can pin."""
        return self._lock("requirements.vcs")

    @property
    def build_lock(self) -> str:
        """The name of the lock of what it takes to build sources."""
        return self._lock("requirements.build")

    @property
    def package_locks(self) -> tuple[str, ...]:
        """The names of all that packages are locked in."""
        return self.requirements_lock, self.vcs_lock, self.build_lock

    @property
    def lock(self) -> str:
        """The name of the spec's lock, shared by its images."""
        return f"{self.project_prefix}mlspec.lock"

    def on(self, platform: str, platforms: Sequence[str]) -> Files:
        """Return the names for one of the image's platforms: of several, each has locks of its own."""
        return replace(self, architecture=architecture(platform)) if len(platforms) > 1 else self

    def _lock(self, stem: str) -> str:
        return ".".join(filter(None, (f"{self.prefix}{stem}", self.architecture, "lock")))


def architecture(platform: str) -> str:
    """Return what BuildKit calls the machine of a platform in TARGETARCH: ``arm64`` of ``linux/arm64``."""
    return platform.split("/")[1]


def files_of(spec_file: str, key: str) -> Files:
    """Return the file names for the image ``key`` of a spec; ``mlspec.yaml`` alone puts no name in front."""
    name = posixpath.basename(spec_file)
    stem = name.removesuffix(".yaml").removesuffix(".yml")
    project_prefix = "" if stem == "mlspec" else f"{stem}."
    return Files(name, f"{project_prefix}{key}." if key else project_prefix, project_prefix)
