"""The facts of a lock about one image that its plan needs."""

from __future__ import annotations

from dataclasses import dataclass

from mlspec.lock.requirements.local_packages.local_package import LocalPackage
from mlspec.lock.requirements.local_packages.local_wheel import LocalWheel
from mlspec.lock.source_layers import SourceLayer


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFacts:
    """The facts of a lock about one image: its name, its base with the digest, and the layers of its packages.

    For an image with several platforms, the facts are the union over its platforms. ``architectures`` are those for
    which any image of the spec has a lock of its own.
    ``project_indexes`` are the indexes of the requirements that build the packages in folders of the project, other
    than the default index. ``dev`` are the names of the packages for developers, which the image does not have, and
    ``dev_indexes`` their indexes. ``has_dev_locks`` tells whether any image of the spec has such packages.
    """

    project: str
    base: str
    is_official: bool
    install_base: str | None = None
    codename: str = ""
    glibc: str = ""
    layers: tuple[str, ...] = ()
    layer_indexes: tuple[tuple[str, str], ...] = ()
    architectures: tuple[str, ...] = ()
    index_urls: tuple[str, ...] = ()
    project_indexes: tuple[str, ...] = ()
    has_vcs: bool = False
    uses_ssh: bool = False
    sources: tuple[SourceLayer, ...] = ()
    local: tuple[LocalPackage, ...] = ()
    wheels: tuple[LocalWheel, ...] = ()
    has_build_locks: bool = False
    dev: tuple[str, ...] = ()
    dev_indexes: tuple[str, ...] = ()
    has_dev_locks: bool = False
    cuda: str = ""
    torch: str = ""
