"""Locked packages to the layers of an image: by weight, unmoved by their neighbours, and each from one index alone."""

from __future__ import annotations

import fnmatch
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from packaging.utils import canonicalize_name

from mlspec.lock.pins import FROM_GIT, Layer, Pin, RequirementsLock
from mlspec.lock.requirements.indexes import Index, labels

Wanted = Mapping[str, Sequence[str]]
"""The layers that a spec asks for: their names, and names or patterns of the packages in each."""

_MB = 1_000_000
_HEAVY = 8 * _MB
# Engines stop at 127 layers, those of the base and of the code among them; each costs a little in every build.
_MOST_ALONE = 64


@dataclass(frozen=True, slots=True)
class Band:
    """Wheels of a size, in bytes, that share layers; of several, a package's is chosen by its name alone.

    ``former`` is into how many parts older locks divide it.
    """

    name: str
    low: float
    high: float
    parts: int = 1
    former: int = 1

    def layer(self, package: str) -> str:
        """Return the name of the layer that a package of this band belongs to."""
        return self._part(package, self.parts)

    def holds(self, layer: str, package: str) -> bool:
        """Tell whether a layer is this band's, for this package, by today's parts or by those of older locks."""
        return layer in {self.name, self.layer(package), self._part(package, self.former)}

    def _part(self, package: str, parts: int) -> str:
        # An underscore, which no normalised package name can hold, so that it cannot meet a package's own layer.
        return self.name if parts == 1 else f"{self.name}_{zlib.crc32(package.encode()) % parts + 1}"


_CROWD = Band("large_wheels", _HEAVY, float("inf"), parts=8)
# A change sends its layer anew, so a layer stays small beside the stack. But each one costs every build some 50 ms in
# the engine, and code is edited far more often than a middling wheel is bumped: two layers halve what a bump sends for
# the price of one more; four would halve it again, for that of two.
_BANDS = (
    Band("medium_wheels", _MB, _HEAVY, parts=2, former=4),
    Band("small_wheels", _MB // 4, _MB),
    Band("tiny_wheels", 0, _MB // 4),
)
_SOURCES = "source_builds"
_AS_WRITTEN = "requirements"

RESERVED = frozenset({_SOURCES, FROM_GIT, _AS_WRITTEN, _CROWD.name, *(band.name for band in _BANDS)})
"""What no layer of a spec may be called, nor begin with: the names of those that are made by size."""


def grouped(
    pins: Iterable[Pin],
    previous: RequirementsLock | None,
    wanted: Wanted | None = None,
    indexes: Sequence[Index] = (),
) -> tuple[Layer, ...]:
    """Return ``pins`` in layers, heaviest first: those that are wanted, one for each wheel of 8 MB or more and one
    for each source, bands of size.

    A package stays in the layer it had in ``previous`` unless its size left it by more than half. A lock that was taken
    as written, without sizes, is one layer. What would be one layer is one for each of the ``indexes`` it comes from:
    the installer asks a single index for all of a layer, so that no other can answer for a package.
    """
    pins = sorted(pins, key=lambda pin: pin.name)
    known = {_shared(layer.name) for layer in previous.layers} - {_AS_WRITTEN} if previous else set()
    if pins and not (known or wanted) and all(pin.size is None and not pin.is_source and not pin.via for pin in pins):
        homes = dict.fromkeys((pin.name for pin in pins), _AS_WRITTEN)
    else:
        homes = _homes(pins, previous, wanted or {})
    layers: dict[str, list[Pin]] = {}
    for pin in pins:
        layers.setdefault(_from_one_index(homes[pin.name], pin, indexes), []).append(pin)
    order = [layer.name for layer in previous.layers] if previous else []
    return tuple(Layer(name, tuple(layers[name])) for name in _ordered(layers, order))


def is_as_wanted(layers: Iterable[Layer], wanted: Wanted, indexes: Sequence[Index] = ()) -> bool:
    """Tell whether every package stands where the spec wants it, beside those of its own index alone, and none in a
    layer that the spec no longer names.
    """
    places = ((layer.name, _shared(layer.name), pin) for layer in layers for pin in layer.pins)
    return all(_is_home(pin, of, wanted) and name == _from_one_index(of, pin, indexes) for name, of, pin in places)


# What no name of a package nor of a layer of the spec holds stands in front of an index's label.
_FROM = "."


def _from_one_index(layer: str, pin: Pin, indexes: Sequence[Index]) -> str:
    """Return the layer that a package has in place of one that it would share with those of other indexes."""
    label = next((label for label, index in labels(indexes) if index.serves(pin.name)), "")
    return f"{layer}{_FROM}{label}" if label and layer != pin.name else layer


def _shared(layer: str) -> str:
    return layer.partition(_FROM)[0]


def _is_home(pin: Pin, layer: str, wanted: Wanted) -> bool:
    if asked := _wanted_layer(pin, wanted):
        return layer == asked
    made = {_AS_WRITTEN, _SOURCES, pin.name}
    return layer in made or any(band.holds(layer, pin.name) for band in (_CROWD, *_BANDS))


def _wanted_layer(pin: Pin, wanted: Wanted) -> str:
    """Return the layer of the spec that names a package, the first of several; empty where none does."""
    for layer, patterns in wanted.items():
        names = (pattern if set(pattern) & set("*?[") else canonicalize_name(pattern) for pattern in patterns)
        if any(fnmatch.fnmatchcase(pin.name, name.lower()) for name in names):
            return layer
    return ""


def _homes(pins: Sequence[Pin], previous: RequirementsLock | None, wanted: Wanted) -> dict[str, str]:
    """Return the layer of every package by its name."""
    before = {pin.name: _shared(layer.name) for layer in previous.layers for pin in layer.pins} if previous else {}
    homes = {pin.name: _home(pin, before.get(pin.name, ""), wanted) for pin in pins}
    places = _MOST_ALONE - sum(home == name for name, home in homes.items())
    # A new heavy wheel takes a place that is left, and none from another.
    new = sorted((pin for pin in pins if not homes[pin.name]), key=lambda pin: (-(pin.size or 0), pin.name))
    for number, pin in enumerate(new):
        homes[pin.name] = pin.name if number < places else _CROWD.layer(pin.name)
    return homes


def _home(pin: Pin, before: str, wanted: Wanted) -> str:
    """Return the layer of a package; empty for a heavy one that had none before."""
    if asked := _wanted_layer(pin, wanted):
        return asked
    if pin.is_source:
        # Alone, so that no neighbour's update compiles it again; older locks hold them together.
        return before if before == _SOURCES else pin.name
    low, high = _bounds(before, pin.name)
    # By each wheel's own size, never its rank: or a neighbour's update would move this one too.
    if high and (pin.size is None or low / 2 <= pin.size < high * 1.5):
        return before
    size = pin.size or 0
    return next((band.layer(pin.name) for band in _BANDS if band.low <= size < band.high), "")


def _bounds(layer: str, package: str) -> tuple[float, float]:
    """Return the sizes that belong in ``layer``; nothing does where it cannot be this package's."""
    if layer == package:
        return _HEAVY, float("inf")
    return next(((band.low, band.high) for band in (_CROWD, *_BANDS) if band.holds(layer, package)), (0, 0))


def _ordered(layers: Mapping[str, Sequence[Pin]], before: Sequence[str]) -> list[str]:
    """Return the layers' names: those of packages and of the spec by weight, those known before in the order they had;
    then the bands, and what is built from source."""
    shared = (*(band.name for band in (_CROWD, *_BANDS)), _SOURCES)
    ranks = {name: rank for rank, start in enumerate(shared) for name in layers if name.startswith(start)}
    weights = {name: sum(pin.size or 0 for pin in pins) for name, pins in layers.items() if name not in ranks}
    order = [name for name in before if name in weights]
    for name in sorted(weights.keys() - set(order), key=lambda name: (-weights[name], name)):
        # A new layer stands above the first that is lighter, and moves none of the others.
        place = next((i for i, other in enumerate(order) if weights[other] < weights[name]), len(order))
        order.insert(place, name)
    return [*order, *sorted(ranks, key=lambda name: (ranks[name], name))]
