"""The packages in folders of the project: their installation, and what their builds read."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass

from mlspec.lock.image_facts import ImageFacts
from mlspec.lock.pins import FROM_PROJECT
from mlspec.plan.build_mounts import PIP_CACHE, BuildMount
from mlspec.plan.installation import choose_target_stage
from mlspec.plan.packages import PackagesPlan
from mlspec.spec.spec import Image

_STAGE = "project"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectPlan:
    """The installation of the packages in folders of the project; their code stays where the image has the project.

    ``folders`` are the folders of the packages in the image. ``files`` are the files that their builds read, below the
    root of the image; of all other files the builds read only the names. ``mounts`` bring the locked requirements of
    the builds, which come from ``index_urls`` beside the default index. ``compiled`` are the folders of packages
    with modules in C or C++, whose sources the builds read too.
    """

    from_stage: str
    mounts: tuple[BuildMount, ...]
    index_urls: tuple[str, ...]
    folders: tuple[str, ...]
    files: tuple[str, ...]
    compiled: tuple[str, ...]

    @property
    def stage(self) -> str:
        """The stage that installs the packages."""
        return _STAGE

    @property
    def sources(self) -> tuple[str, ...]:
        """The folders of the packages, relative to the root of the image, without those in others of them."""
        return _list_outer(self.folders)

    @property
    def compiled_sources(self) -> tuple[str, ...]:
        """The folders of the packages that are compiled, relative to the root of the image."""
        return _list_outer(self.compiled)


def plan_project(image: Image, lock: str, facts: ImageFacts, packages: PackagesPlan) -> ProjectPlan | None:
    """Plan the installation of the packages in folders of the project; None if the spec requires no such package.

    ``lock`` is the path in the build context of the locked requirements of the builds.
    """
    if not facts.local:
        return None
    place = image.settings.working_dir
    compiled = tuple(sorted(_join(place, package.path) for package in facts.local if package.is_compiled))
    read = {f".{_join(place, package.path_of(name))}" for package in facts.local for name in package.files}
    own = (("source", lock),)
    part = (("from", "lock"), ("source", f"/build-lock/{FROM_PROJECT}"))
    mount = (("type", "bind"), *(own if packages.is_light else part), ("target", "/requirements.lock"))
    return ProjectPlan(
        from_stage="compiler" if compiled and packages.compiler else choose_target_stage(image.settings, facts),
        mounts=(PIP_CACHE, BuildMount(mount)),
        index_urls=facts.project_indexes,
        folders=tuple(sorted(_join(place, package.path) for package in facts.local)),
        files=tuple(sorted(read)),
        compiled=compiled,
    )


def _list_outer(folders: tuple[str, ...]) -> tuple[str, ...]:
    outer = (one for one in folders if not any(one.startswith(f"{other}/") for other in folders))
    return tuple(f".{folder}" for folder in outer)


def _join(place: str, path: str) -> str:
    return posixpath.normpath(posixpath.join(place, path))
