"""The layers of a lock that are built from source: their packages, and the languages of their sources."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from mlspec.facts import compile_recipes
from mlspec.lock.pins import FROM_GIT, FROM_PROJECT, Pin, RequirementsLock
from mlspec.lock.requirements.local_packages.local_package import LocalPackage

PURE = ("Python",)
"""The languages of a source that needs no compiler."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceLayer:
    """The sources of one layer of a lock, and their languages; ``layer`` is FROM_GIT for the sources from git.

    ``first`` has the undeclared build dependencies of each package, at the version in the image if the image has them.
    ``is_locked`` is True if all build dependencies of the layer are pinned.
    """

    layer: str
    packages: tuple[str, ...]
    languages: tuple[str, ...] = ()
    first: tuple[tuple[str, tuple[str, ...]], ...] = ()
    is_locked: bool = False

    @property
    def is_compiled(self) -> bool:
        """Return whether the layer needs a compiler; True if its languages are unknown, unless it is from git."""
        if not self.languages and self.layer == FROM_GIT:
            return False
        return self.languages != PURE or any(compile_recipes.recipe(name).apt for name in self.packages)

    @property
    def has_cuda(self) -> bool:
        """Return whether the layer has code for CUDA."""
        return "CUDA" in self.languages or any(compile_recipes.recipe(name).cuda for name in self.packages)


def source_layers(lock: RequirementsLock) -> tuple[SourceLayer, ...]:
    """Return the layers of a lock that are built from source; git dependencies are the last of them."""
    versions = {pin.name: pin.requirement for pin in lock.pins if " @ " not in pin.requirement}
    locked = {layer.name for layer in lock.builds}
    groups = ((layer.name, tuple(pin for pin in layer.pins if pin.is_source)) for layer in lock.layers)
    return tuple(
        SourceLayer(
            layer=name,
            packages=tuple(pin.name for pin in pins),
            languages=_languages(pins),
            first=tuple((pin.name, first) for pin in pins if (first := undeclared_requirements(pin.name, versions))),
            is_locked=name in locked,
        )
        for name, pins in (*groups, (FROM_GIT, lock.vcs))
        if pins
    )


def local_source_layers(packages: Iterable[LocalPackage]) -> tuple[SourceLayer, ...]:
    """Return the compiled packages in folders of the project, as a layer that is built from source."""
    names = tuple(package.name for package in packages if package.is_compiled)
    return (SourceLayer(layer=FROM_PROJECT, packages=names, languages=("C", "C++"), is_locked=True),) if names else ()


def unite_source_layers(platforms: Iterable[Iterable[SourceLayer]]) -> tuple[SourceLayer, ...]:
    """Return the layers that are built from source on any platform, each once, as its first platform has it."""
    found: dict[str, SourceLayer] = {}
    for source in (source for sources in platforms for source in sources):
        known = found.setdefault(source.layer, source)
        found[source.layer] = replace(known, is_locked=known.is_locked or source.is_locked)
    return tuple(sorted(found.values(), key=lambda source: source.layer == FROM_GIT))


def _languages(pins: Iterable[Pin]) -> tuple[str, ...]:
    """Return the languages of all sources together; empty if the languages of one are unknown."""
    pins = tuple(pins)
    if not all(pin.languages for pin in pins):
        return ()
    found = sorted({language for pin in pins for language in pin.languages})
    return tuple(language for language in found if language != PURE[0]) or PURE


def undeclared_requirements(package: str, versions: dict[str, str]) -> tuple[str, ...]:
    """Return the undeclared build dependencies of a package, pinned if ``versions`` has them."""
    return tuple(versions.get(name, name) for name in compile_recipes.recipe(package).first)
