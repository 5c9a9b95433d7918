"""The layers of a lock that are built from source: their packages, and the languages those are written in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from mlspec.facts import compile_recipes
from mlspec.lock.pins import FROM_GIT, Pin, RequirementsLock

PURE = ("Python",)
"""The languages of a source that takes no compiler."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceLayer:
    """The sources of one layer of a lock, FROM_GIT for those from git, and the languages they are written in.

    ``first`` holds what the build of each package asks for without naming it, at the version of the image where that
    has it; ``is_locked`` tells that all that its builds take is pinned.
    """

    layer: str
    packages: tuple[str, ...]
    languages: tuple[str, ...] = ()
    first: tuple[tuple[str, tuple[str, ...]], ...] = ()
    is_locked: bool = False

    @property
    def is_compiled(self) -> bool:
        """Tell whether it takes a compiler: always, where nobody looked into it, but for what comes from git."""
        if not self.languages and self.layer == FROM_GIT:
            return False
        return self.languages != PURE or any(compile_recipes.recipe(name).apt for name in self.packages)

    @property
    def has_cuda(self) -> bool:
        """Tell whether there is code for CUDA in it."""
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


def unite_source_layers(platforms: Iterable[Iterable[SourceLayer]]) -> tuple[SourceLayer, ...]:
    """Return the layers that are built from source on any of several platforms, each once, as the first has it."""
    found: dict[str, SourceLayer] = {}
    for source in (source for sources in platforms for source in sources):
        known = found.setdefault(source.layer, source)
        found[source.layer] = replace(known, is_locked=known.is_locked or source.is_locked)
    return tuple(sorted(found.values(), key=lambda source: source.layer == FROM_GIT))


def _languages(pins: Iterable[Pin]) -> tuple[str, ...]:
    """Return the languages of sources together; none where one of them is not known."""
    pins = tuple(pins)
    if not all(pin.languages for pin in pins):
        return ()
    found = sorted({language for pin in pins for language in pin.languages})
    return tuple(language for language in found if language != PURE[0]) or PURE


def undeclared_requirements(package: str, versions: dict[str, str]) -> tuple[str, ...]:
    """Return what the build of a package asks for without naming it, at the version in ``versions`` where one is."""
    return tuple(versions.get(name, name) for name in compile_recipes.recipe(package).first)
