"""What a lock pins, layer by layer, and the target that it is pinned for."""

from __future__ import annotations

from dataclasses import dataclass

FROM_GIT = "from_git"
"""Stands for the git dependencies among the layers whose builds are locked; no package can have this name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LockTarget:
    """What a lock is made for: a full Python version, a platform of images, and its C library's version."""

    python: str
    platform: str
    glibc: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """One package at one version.

    ``requirement`` is its line before the hashes: ``numpy==2.3.1``, ``x @ https://...``, ``x @ git+https://...`` at a
    whole commit; ``ref`` is the branch or tag that commit stood for. ``size`` counts the bytes of the file the target
    would take; ``via`` names the packages that ask for this one. Of what is built from source, ``languages`` are those
    that it is written in, and ``wheel_version`` is the newest version that has a wheel for the target; each is empty
    where it is not known. ``loads`` are the libraries of the system that its wheel was seen to load and that no wheel
    brings, each with the file of it that does.
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
    """The pins that are installed together, as one layer of the image."""

    name: str
    pins: tuple[Pin, ...]


@dataclass(frozen=True, slots=True)
class RequirementsLock:
    """Every package of an image: by layers what hashes can hold, apart what only a commit can.

    ``builds`` holds what it takes to build the sources of a layer, under its name; those from git under FROM_GIT.
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
        """All that builds take, build by build."""
        return tuple(pin for layer in self.builds for pin in layer.pins)
