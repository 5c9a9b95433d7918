"""The treemap of an image: layers and packages become tiles, and tiles become boxes of an SVG drawing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mlspec.build.report import report_lines
from mlspec.build.report.contents import Package
from mlspec.build.report.report import BuildReport
from mlspec.build.report.report_lines import Row
from mlspec.build.report.treemap import Rectangle, squarify
from mlspec.text import format_size


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """A layer or a package: its size in bytes, the kind of its layer, and its hover text."""

    label: str
    size: int
    kind: str
    hover: str
    parts: tuple[Tile, ...] = ()


@dataclass(frozen=True, slots=True)
class Label:
    """A line of text in a box; ``y`` is its distance from the upper edge of the box."""

    y: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """One rectangle of a drawing, and the labels that fit into it."""

    place: Rectangle
    kind: str
    hover: str
    labels: tuple[Label, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A treemap for one kind of screen: its width, its height and its boxes, inner boxes after their outer box."""

    screen: str
    width: int
    height: int
    boxes: tuple[Box, ...]


# Width and height of the drawings in pixels, for phones and for windows. CSS shows one of them, without a script.
_SCREENS = (("narrow", 380, 560), ("wide", 960, 520))
_LINE = 18
# An upper bound for the average width of a character in the 13 pixel font of the page.
_CHARACTER = 7.4
_MARGIN = 6
# A label with fewer characters is not readable.
_SHORTEST = 6
# The most tiles in one area, and the smallest tile in square pixels. The others are drawn as one tile, because each
# tile takes about 300 bytes of the page.
_MOST = 60
_SMALLEST = 100.0


def tiles(report: BuildReport) -> tuple[Tile, ...]:
    """Return the layers of an image as tiles with their packages, the largest layer first.

    The area of a layer is its size. Its packages share the area by the sizes of their wheels, because their sizes in
    the layer are unknown.
    """
    found = (_layer(row) for row in report_lines.rows(report.layers) if row.size)
    return tuple(sorted(found, key=lambda tile: -tile.size))


def drawings(report: BuildReport) -> tuple[Drawing, ...]:
    """Draw the treemap of an image for each kind of screen."""
    found = tiles(report)
    return tuple(
        Drawing(screen=name, width=width, height=height, boxes=tuple(_boxes(found, Rectangle(0, 0, width, height))))
        for name, width, height in _SCREENS
    )


# Tiles


def _layer(row: Row) -> Tile:
    content = row.layers[0].content
    packages = row.packages if content.kind == "requirements" else ()
    mark = ("not in the last build",) if row.is_new else ()
    only = _facts(packages[0]) if len(packages) == 1 else ()
    parts = _packages(packages, row.size) if len(packages) > 1 else ()
    hover = "\n".join((row.label, format_size(row.size), *mark, *only))
    return Tile(label=_title(row), size=row.size, kind=content.kind, hover=hover, parts=tuple(parts))


def _packages(packages: Sequence[Package], size: int) -> list[Tile]:
    found = [
        Tile(
            label=package.name,
            size=share,
            kind="requirements",
            hover="\n".join((*_facts(package), f"about {format_size(share)} of the layer")),
        )
        for package, share in zip(packages, shares(packages, size), strict=True)
    ]
    return sorted(found, key=lambda tile: -tile.size)


def _title(row: Row) -> str:
    """Return the label of a layer's tile: the only package in it, or its contents."""
    content = row.layers[0].content
    if content.kind == "requirements" and len(row.packages) == 1:
        return f"{row.packages[0].name} {row.packages[0].version}".strip()
    return content.label.removeprefix("requirements: ").removeprefix("base image ")


def shares(packages: Sequence[Package], size: int) -> list[int]:
    """Divide the bytes of a layer among its packages by the sizes of their wheels.

    An unknown size counts as the mean of the known sizes.
    """
    known = [package.wheel for package in packages if package.wheel]
    mean = sum(known) / len(known) if known else 1.0
    weights = [package.wheel or mean for package in packages]
    found = [int(size * weight / sum(weights)) for weight in weights]
    # The first package gets the rounding error, so that the sum is exact.
    return [found[0] + size - sum(found), *found[1:]]


def _facts(package: Package) -> Iterator[str]:
    yield f"{package.name} {package.version}".strip()
    if package.wheel:
        yield f"its wheel: {format_size(package.wheel)}"
    yield f"required by {required_by(package)}"


def required_by(package: Package) -> str:
    """Return the names of the packages that require a package, or "the spec"."""
    return ", ".join(package.via) or "the spec"


# Boxes


def _boxes(found: Sequence[Tile], area: Rectangle) -> Iterator[Box]:
    shown = _merge_small(found, area)
    for tile, place in zip(shown, squarify([tile.size for tile in shown], area), strict=True):
        title = f"{tile.label}  {format_size(tile.size)}"
        inner = place.inset(_LINE + 4, 3)
        if tile.parts and inner.height > _LINE and inner.width > 3 * _LINE:
            yield Box(place=place, kind=tile.kind, hover=tile.hover, labels=_labels((title,), place))
            yield from _boxes(tile.parts, inner)
        else:
            yield Box(
                place=place,
                kind=tile.kind,
                hover=tile.hover,
                labels=_labels((tile.label, format_size(tile.size)), place),
            )


def _merge_small(found: Sequence[Tile], area: Rectangle) -> list[Tile]:
    """Merge the tiles that are too small to see into one tile, and sort all tiles by size."""
    scale = area.width * area.height / max(sum(tile.size for tile in found), 1)
    large = [tile for tile in found[:_MOST] if tile.size * scale >= _SMALLEST]
    small = found[len(large) :]
    if len(small) < 2:
        return list(found)
    size = sum(tile.size for tile in small)
    hover = f"{len(small)} smaller than {format_size(max(tile.size for tile in small) + 1)}\n{format_size(size)}"
    merged = Tile(label=f"{len(small)} more", size=size, kind=small[0].kind, hover=hover)
    return sorted((*large, merged), key=lambda tile: -tile.size)


def _labels(lines: Sequence[str], place: Rectangle) -> tuple[Label, ...]:
    """Return the lines that fit into a box; a first line that is too long is cut."""
    room = int((place.width - 2 * _MARGIN) / _CHARACTER)
    is_readable = room >= min(len(lines[0]), _SHORTEST) and place.height >= _LINE + 2
    if not is_readable:
        return ()
    first = lines[0] if len(lines[0]) <= room else f"{lines[0][: room - 1].rstrip()}…"
    most = int((place.height - 4) / _LINE)
    shown = (first, *(line for line in lines[1:most] if len(line) <= room))
    return tuple(Label(number * _LINE - 2, line) for number, line in enumerate(shown, start=1))
