"""A treemap as rectangles: sizes to areas, each as near to a square as can be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rectangle:
    """A rectangle, in the units of the drawing it is a part of."""

    x: float
    y: float
    width: float
    height: float

    def inset(self, top: float, margin: float) -> Rectangle:
        """Return the rectangle within, below a heading of height ``top``."""
        width, height = self.width - 2 * margin, self.height - top - margin
        return Rectangle(self.x + margin, self.y + top, max(width, 0.0), max(height, 0.0))


def squarify(sizes: Sequence[float], area: Rectangle) -> Iterator[Rectangle]:
    """Yield a rectangle for each size, the largest size first, so that they fill ``area``.

    "Squarified Treemaps" by Bruls, Huizing and van Wijk, 2000: a row along the shorter side takes as many sizes as make
    its rectangles squarer; the others go beside it.
    """
    total = sum(sizes)
    if total <= 0 or area.width <= 0 or area.height <= 0:
        yield from (Rectangle(area.x, area.y, 0.0, 0.0) for _ in sizes)
        return
    scale = area.width * area.height / total
    left = [size * scale for size in sizes]
    while left:
        row = _row(left, min(area.width, area.height))
        yield from _placed(row, area)
        area = _beside(sum(row), area)
        left = left[len(row) :]


def _row(areas: Sequence[float], side: float) -> Sequence[float]:
    """Return the first areas that make a row: one more would make its rectangles longer."""
    count = 1
    while count < len(areas) and _worst(areas[: count + 1], side) <= _worst(areas[:count], side):
        count += 1
    return areas[:count]


def _worst(row: Sequence[float], side: float) -> float:
    """Return how many times as long as wide the longest rectangle of a row is."""
    depth = sum(row) / side if side else 0.0
    smallest, largest = min(row), max(row)
    if not depth or not smallest:
        return float("inf")
    return max(largest / depth**2, depth**2 / smallest)


def _placed(row: Sequence[float], area: Rectangle) -> Iterator[Rectangle]:
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
    """Return what a row with this area leaves."""
    if area.width >= area.height:
        depth = taken / area.height if area.height else 0.0
        return Rectangle(area.x + depth, area.y, max(area.width - depth, 0.0), area.height)
    depth = taken / area.width if area.width else 0.0
    return Rectangle(area.x, area.y + depth, area.width, max(area.height - depth, 0.0))
