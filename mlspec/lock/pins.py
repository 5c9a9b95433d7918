"""The pins of a lock, layer by layer, and the target of a lock."""

from __future__ import annotations

from dataclasses import dataclass

FROM_GIT = "from_git"
"""The name of the git dependencies among the layers with locked builds; no package can have this name."""


FROM_PROJECT = "from_project"
"""The name of the packages in folders of the project among the layers with locked builds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LockTarget:
    """The target of a lock: a full Python version, a platform of images, and the version of its C library."""

    python: str
    platform: str
    glibc: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """One package at one version.

    ``requirement`` is its line before the hashes: ``numpy==2.3.1``, ``x @ https://...``, or ``x @ git+https://...``
    with a full commit hash. ``ref`` is the branch or tag of that commit. ``size`` is the size in bytes of the file for
    the target. ``via`` names the packages that require this package. ``languages`` and ``wheel_version`` are about
    packages built from source: the languages of the source, and the newest version that has a wheel for the target;
    each is empty if unknown. ``loads`` lists the system libraries that the wheel loads and that no wheel brings, each
    with the file in the wheel that loads it.
    """

    name: str
    version: str
    requirement: str
    hashes: tuple[str, ...] = ()
    size: int | None = None
    via: tuple[str, ...] = ()
    is_source: bool = False
    marker: str = ""
    ref: str = ""
    languages: tuple[str, ...] = ()
    wheel_version: str = ""
    loads: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Layer:
    """The pins that the installer installs together, as one layer of the image."""

    name: str
    pins: tuple[Pin, ...]


@dataclass(frozen=True, slots=True)
class RequirementsLock:
    """All packages of an image: in ``layers`` those with hashes, in ``vcs`` those that only a commit pins.

    ``builds`` has the build dependencies of the sources in each layer, under the layer's name. Those of sources from
    git are under FROM_GIT.
    """

    layers: tuple[Layer, ...] = ()
    vcs: tuple[Pin, ...] = ()
    builds: tuple[Layer, ...] = ()

    @property
    def pins(self) -> tuple[Pin, ...]:
        """All pins with hashes, layer by layer."""
        return tuple(pin for layer in self.layers for pin in layer.pins)

    @property
    def build_pins(self) -> tuple[Pin, ...]:
        """All pins of build dependencies, build by build."""
        return tuple(pin for layer in self.builds for pin in layer.pins)
