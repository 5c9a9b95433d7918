"""The treemap of an image: its layers and their packages as tiles, and the tiles as boxes of an SVG drawing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mlspec.build.report import text
from mlspec.build.report.contents import Package
from mlspec.build.report.report import BuildReport
from mlspec.build.report.text import Row
from mlspec.build.report.treemap import Rectangle, squarify
from mlspec.text import format_size


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """A layer or a package: its bytes, the kind of its layer, and what is shown where a reader points at it."""

    label: str
    size: int
    kind: str
    hover: str
    parts: tuple[Tile, ...] = ()


@dataclass(frozen=True, slots=True)
class Label:
    """A line of text in a box, and how far below its upper edge it stands."""

    y: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """One rectangle of a drawing, and the labels that have room in it."""

    place: Rectangle
    kind: str
    hover: str
    labels: tuple[Label, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A treemap for screens of one kind: its width and height, and its boxes, those within others behind them."""

    screen: str
    width: int
    height: int
    boxes: tuple[Box, ...]


# Widths of the drawing in pixels: of a phone, and of a window. CSS shows the one that fits, without a script.
_SCREENS = (("narrow", 380, 560), ("wide", 960, 520))
_LINE = 18
# How wide a character is at most, on average, in the 13 pixel font of the page.
_CHARACTER = 7.4
_MARGIN = 6
# A label cut to fewer characters says nothing.
_SHORTEST = 6
# More tiles in one place, and smaller ones in square pixels, are drawn as one: each is some 300 bytes of the page.
_MOST = 60
_SMALLEST = 100.0


def tiles(report: BuildReport) -> tuple[Tile, ...]:
    """Return the layers of an image, the largest first, each with its packages.

    A layer's area is its size; its packages share it by the sizes of their wheels, as nobody counts them in the layer.
    """
    found = (_layer(row) for row in text.rows(report.layers) if row.size)
    return tuple(sorted(found, key=lambda tile: -tile.size))


def drawings(report: BuildReport) -> tuple[Drawing, ...]:
    """Return the treemap of an image for each kind of screen."""
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
    """Return the bytes of a layer for each of its packages, by their wheels; an unknown wheel counts as a mean one."""
    known = [package.wheel for package in packages if package.wheel]
    mean = sum(known) / len(known) if known else 1.0
    weights = [package.wheel or mean for package in packages]
    found = [int(size * weight / sum(weights)) for weight in weights]
    # What rounding leaves, so that the parts are the whole.
    return [found[0] + size - sum(found), *found[1:]]


def _facts(package: Package) -> Iterator[str]:
    yield f"{package.name} {package.version}".strip()
    if package.wheel:
        yield f"its wheel: {format_size(package.wheel)}"
    yield f"required by {required_by(package)}"


def required_by(package: Package) -> str:
    """Return what requires a package: other packages, or the spec."""
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
    """Return the tiles with those that would be too small to see merged into one, at the end."""
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
    """Return the lines that have room in a box, the first cut where it is too long."""
    room = int((place.width - 2 * _MARGIN) / _CHARACTER)
    is_readable = room >= min(len(lines[0]), _SHORTEST) and place.height >= _LINE + 2
    if not is_readable:
        return ()
    first = lines[0] if len(lines[0]) <= room else f"{lines[0][: room - 1].rstrip()}…"
    most = int((place.height - 4) / _LINE)
    shown = (first, *(line for line in lines[1:most] if len(line) <= room))
    return tuple(Label(number * _LINE - 2, line) for number, line in enumerate(shown, start=1))
