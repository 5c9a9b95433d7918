"""The layout of a treemap: rectangles with areas in proportion to sizes, each as square as possible."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rectangle:
    """A rectangle, in the units of its drawing."""

    x: float
    y: float
    width: float
    height: float

    def inset(self, top: float, margin: float) -> Rectangle:
        """Return the inner rectangle, below a heading of height ``top`` and with margins at the other sides."""
        width, height = self.width - 2 * margin, self.height - top - margin
        return Rectangle(self.x + margin, self.y + top, max(width, 0.0), max(height, 0.0))


def squarify(sizes: Sequence[float], area: Rectangle) -> Iterator[Rectangle]:
    """Yield a rectangle for each size, so that the rectangles fill ``area``. The largest size must come first.

    The algorithm is "Squarified Treemaps" by Bruls, Huizing and van Wijk, 2000: a row along the shorter side takes
    sizes as long as each makes its rectangles squarer. The other sizes fill the area beside the row.
    """
    total = sum(sizes)
    if total <= 0 or area.width <= 0 or area.height <= 0:
        yield from (Rectangle(area.x, area.y, 0.0, 0.0) for _ in sizes)
        return
    scale = area.width * area.height / total
    left = [size * scale for size in sizes]
    while left:
        row = _row(left, min(area.width, area.height))
        yield from _place_row(row, area)
        area = _beside(sum(row), area)
        left = left[len(row) :]


def _row(areas: Sequence[float], side: float) -> Sequence[float]:
    """Return the first areas that make a row: one more area would make its rectangles less square."""
    count = 1
    while count < len(areas) and _worst(areas[: count + 1], side) <= _worst(areas[:count], side):
        count += 1
    return areas[:count]


def _worst(row: Sequence[float], side: float) -> float:
    """Return the largest ratio of length to width among the rectangles of a row."""
    depth = sum(row) / side if side else 0.0
    smallest, largest = min(row), max(row)
    if not depth or not smallest:
        return float("inf")
    return max(largest / depth**2, depth**2 / smallest)


def _place_row(row: Sequence[float], area: Rectangle) -> Iterator[Rectangle]:
    is_column = area.width >= area.height
    side = area.height if is_column else area.width
    depth, at = (sum(row) / side if side else 0.0), 0.0
    for value in row:
        length = value / depth if depth else 0.0
        if is_column:
            yield Rectangle(area.x, area.y + at, depth, length)
        else:
            yield Rectangle(area.x + at, area.y, length, depth)
        at += length


def _beside(taken: float, area: Rectangle) -> Rectangle:
    """Return the rest of ``area`` beside a row that takes the area ``taken``."""
    if area.width >= area.height:
        depth = taken / area.height if area.height else 0.0
        return Rectangle(area.x + depth, area.y, max(area.width - depth, 0.0), area.height)
    depth = taken / area.width if area.width else 0.0
    return Rectangle(area.x, area.y + depth, area.width, max(area.height - depth, 0.0))
