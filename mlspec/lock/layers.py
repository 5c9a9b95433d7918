"""Group locked packages into image layers: by size, independent of their neighbours, each layer from one index."""

from __future__ import annotations

import fnmatch
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from packaging.utils import canonicalize_name

from mlspec.lock.pins import FROM_GIT, Layer, Pin, RequirementsLock
from mlspec.lock.requirements.indexes import Index, labels

Wanted = Mapping[str, Sequence[str]]
"""The layers that a spec asks for: layer names, each with the names or patterns of its packages."""

_MB = 1_000_000
_HEAVY = 8 * _MB
# Engines allow 127 layers, and the base and the code need some of them. Each layer also costs some time in every build.
_MOST_ALONE = 64


@dataclass(frozen=True, slots=True)
class Band:
    """Wheels of a range of sizes, in bytes, that share layers.

    A band may have several layers; the name of a package alone decides on its layer. ``former`` is the number of layers
    that older locks have for the band.
    """

    name: str
    low: float
    high: float
    parts: int = 1
    former: int = 1

    def layer(self, package: str) -> str:
        """Return the name of the layer of a package of this band."""
        return self._part(package, self.parts)

    def holds(self, layer: str, package: str) -> bool:
        """Return whether ``layer`` is this band's layer for a package, with today's parts or those of older locks."""
        return layer in {self.name, self.layer(package), self._part(package, self.former)}

    def _part(self, package: str, parts: int) -> str:
        # No normalised package name contains an underscore, so this name differs from every layer of a single package.
        return self.name if parts == 1 else f"{self.name}_{zlib.crc32(package.encode()) % parts + 1}"


_CROWD = Band("large_wheels", _HEAVY, float("inf"), parts=8)
# A change sends its whole layer again, so layers are small compared to the whole stack. But each layer costs every
# build some 50 ms in the engine, and users edit code far more often than they upgrade a wheel of 1 to 8 MB. Two layers
# halve the bytes that an upgrade sends, for the price of one more layer; four would halve them again, for that of two.
_BANDS = (
    Band("medium_wheels", _MB, _HEAVY, parts=2, former=4),
    Band("small_wheels", _MB // 4, _MB),
    Band("tiny_wheels", 0, _MB // 4),
)
_SOURCES = "source_builds"
_AS_WRITTEN = "requirements"

ALL_WHEELS = "all_wheels"
"""The only layer of a light lock: a new installation of all its wheels takes seconds, less than layers would cost."""

# The build makes a whole layer again when one package changes: pip takes about 4 s of CPU for the 14 wheels (4 MB) of
# specs/serving, and 6 s for the 21 (39 MB) of specs/fine-tuning, whose bytecode takes 16 s more.
_LIGHT = 20 * _MB

RESERVED = frozenset({_SOURCES, FROM_GIT, _AS_WRITTEN, ALL_WHEELS, _CROWD.name, *(band.name for band in _BANDS)})
"""Names that no layer of a spec may have or begin with, because layers by size have them."""


def group_pins(
    pins: Iterable[Pin],
    previous: RequirementsLock | None,
    wanted: Wanted | None = None,
    indexes: Sequence[Index] = (),
    *,
    may_be_light: bool = True,
) -> tuple[Layer, ...]:
    """Return ``pins`` in layers, heaviest first.

    The layers are those in ``wanted``, one for each wheel of 8 MB or more, one for each source, and bands of smaller
    wheels. If all wheels together are smaller than 20 MB, they are one layer, unless ``wanted`` has layers.
    ``may_be_light`` is False if another image or platform could share the layers: then there is no such single layer.

    A package stays in its layer of ``previous`` unless its size is more than half outside the range of that layer. A
    lock of written pins without sizes is one layer. A layer with packages of several ``indexes`` becomes one layer for
    each index: the installer asks a single index for a whole layer, so that no other index can serve its packages.
    """
    pins = sorted(pins, key=lambda pin: pin.name)
    known = {_drop_index(layer.name) for layer in previous.layers} - {_AS_WRITTEN} if previous else set()
    if may_be_light and not wanted and _is_light(pins, is_now=ALL_WHEELS in known):
        homes = dict.fromkeys((pin.name for pin in pins), ALL_WHEELS)
    elif pins and not (known or wanted) and all(pin.size is None and not pin.is_source and not pin.via for pin in pins):
        homes = dict.fromkeys((pin.name for pin in pins), _AS_WRITTEN)
    else:
        homes = _homes(pins, previous, wanted or {})
    layers: dict[str, list[Pin]] = {}
    for pin in pins:
        layers.setdefault(_from_one_index(homes[pin.name], pin, indexes), []).append(pin)
    order = [layer.name for layer in previous.layers] if previous else []
    return tuple(Layer(name, tuple(layers[name])) for name in _order_layers(layers, order))


def _is_light(pins: Sequence[Pin], *, is_now: bool) -> bool:
    """Return whether all packages are wheels of known sizes, and light together; a light lock may grow by half."""
    sizes = [pin.size for pin in pins if pin.size is not None and not pin.is_source]
    return len(sizes) == len(pins) > 0 and sum(sizes) < _LIGHT * (1.5 if is_now else 1)


def is_as_wanted(layers: Iterable[Layer], wanted: Wanted, indexes: Sequence[Index] = ()) -> bool:
    """Return whether the packages are in the layers that the spec asks for.

    This is False if a layer mixes indexes, and if a package is in a layer that the spec no longer names.
    """
    places = ((layer.name, _drop_index(layer.name), pin) for layer in layers for pin in layer.pins)
    return all(_is_home(pin, of, wanted) and name == _from_one_index(of, pin, indexes) for name, of, pin in places)


# Separates the layer from the label of its index. No package name and no layer of a spec contains it.
_FROM = "."


def _from_one_index(layer: str, pin: Pin, indexes: Sequence[Index]) -> str:
    """Return the layer of a package: ``layer`` itself, or the part of a shared ``layer`` for the package's index."""
    label = next((label for label, index in labels(indexes) if index.serves(pin.name)), "")
    return f"{layer}{_FROM}{label}" if label and layer != pin.name else layer


def _drop_index(layer: str) -> str:
    return layer.partition(_FROM)[0]


def _is_home(pin: Pin, layer: str, wanted: Wanted) -> bool:
    if asked := _wanted_layer(pin, wanted):
        return layer == asked
    made = {_AS_WRITTEN, ALL_WHEELS, _SOURCES, pin.name}
    return layer in made or any(band.holds(layer, pin.name) for band in (_CROWD, *_BANDS))


def _wanted_layer(pin: Pin, wanted: Wanted) -> str:
    """Return the first layer of the spec that names a package; empty if none does."""
    for layer, patterns in wanted.items():
        names = (pattern if set(pattern) & set("*?[") else canonicalize_name(pattern) for pattern in patterns)
        if any(fnmatch.fnmatchcase(pin.name, name.lower()) for name in names):
            return layer
    return ""


def _homes(pins: Sequence[Pin], previous: RequirementsLock | None, wanted: Wanted) -> dict[str, str]:
    """Return the layer of each package, by package name."""
    before = {pin.name: _drop_index(layer.name) for layer in previous.layers for pin in layer.pins} if previous else {}
    homes = {pin.name: _home(pin, before.get(pin.name, ""), wanted) for pin in pins}
    places = _MOST_ALONE - sum(home == name for name, home in homes.items())
    # A new heavy wheel takes a free place, and never the place of another package.
    new = sorted((pin for pin in pins if not homes[pin.name]), key=lambda pin: (-(pin.size or 0), pin.name))
    for number, pin in enumerate(new):
        homes[pin.name] = pin.name if number < places else _CROWD.layer(pin.name)
    return homes


def _home(pin: Pin, before: str, wanted: Wanted) -> str:
    """Return the layer of a package; empty for a heavy package without a former layer."""
    if asked := _wanted_layer(pin, wanted):
        return asked
    if pin.is_source:
        # A source has a layer of its own, so that no neighbour's update compiles it again. Older locks have one layer
        # for all sources.
        return before if before == _SOURCES else pin.name
    low, high = _bounds(before, pin.name)
    # Decide by the size of each wheel, never by its rank: otherwise a neighbour's update would move this wheel too.
    if high and (pin.size is None or low / 2 <= pin.size < high * 1.5):
        return before
    size = pin.size or 0
    return next((band.layer(pin.name) for band in _BANDS if band.low <= size < band.high), "")


def _bounds(layer: str, package: str) -> tuple[float, float]:
    """Return the range of sizes that belong in ``layer``; an empty range if it cannot be the layer of this package."""
    if layer == package:
        return _HEAVY, float("inf")
    return next(((band.low, band.high) for band in (_CROWD, *_BANDS) if band.holds(layer, package)), (0, 0))


def _order_layers(layers: Mapping[str, Sequence[Pin]], before: Sequence[str]) -> list[str]:
    """Return the names of the layers in their order.

    Layers of packages and of the spec come first, by weight; those of the former lock keep their order. The bands and
    the layers of sources follow.
    """
    shared = (*(band.name for band in (_CROWD, *_BANDS)), _SOURCES)
    ranks = {name: rank for rank, start in enumerate(shared) for name in layers if name.startswith(start)}
    weights = {name: sum(pin.size or 0 for pin in pins) for name, pins in layers.items() if name not in ranks}
    order = [name for name in before if name in weights]
    for name in sorted(weights.keys() - set(order), key=lambda name: (-weights[name], name)):
        # Insert a new layer before the first lighter layer, and move no other layer.
        place = next((i for i, other in enumerate(order) if weights[other] < weights[name]), len(order))
        order.insert(place, name)
    return [*order, *sorted(ranks, key=lambda name: (ranks[name], name))]
