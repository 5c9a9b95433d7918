"""A report as lines: a few lines after a build, and the full report on one screen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from mlspec.build import view
from mlspec.build.report.contents import Package
from mlspec.build.report.report import BuildReport, LayerReport
from mlspec.text import format_size

_MOST_LAYERS = 6
_MOST_PACKAGES = 3
_MOST_LABEL = 60


@dataclass(frozen=True, slots=True)
class Row:
    """Neighboring layers with the same contents, such as those of a base image, as one row of the report."""

    layers: tuple[LayerReport, ...]

    @property
    def size(self) -> int:
        """The total size of the layers in bytes."""
        return sum(layer.size for layer in self.layers)

    @property
    def label(self) -> str:
        """The label of the layers, with their number if there are several."""
        label, count = self.layers[0].content.label, len(self.layers)
        return f"{label}, {count} layers" if count > 1 else label

    @property
    def is_new(self) -> bool:
        """Tell whether the last build lacked any of the layers."""
        return any(layer.is_new for layer in self.layers)

    @property
    def packages(self) -> tuple[Package, ...]:
        """The packages in the layers, the largest first."""
        return self.layers[0].content.packages


def rows(layers: Iterable[LayerReport]) -> tuple[Row, ...]:
    """Group neighboring layers with the same contents into rows, the lowest layer first."""
    found: list[list[LayerReport]] = []
    for layer in layers:
        if found and found[-1][0].content == layer.content:
            found[-1].append(layer)
        else:
            found.append([layer])
    return tuple(Row(tuple(group)) for group in found)


# After a build


def brief(report: BuildReport) -> Iterator[str]:
    """Yield the short report after each build: time, new or large layers, the image's size, and the upload of a push.

    The report has at most ten lines.
    """
    yield view.summary(report.facts)
    if not report.layers:
        return
    compared = any(layer.is_new is not None for layer in report.layers)
    told = [row for row in rows(report.layers) if row.is_new or not compared]
    told.sort(key=lambda row: -row.size)
    # A line "1 more" would take the space of the layer's own line.
    most = _MOST_LAYERS if len(told) > _MOST_LAYERS + 1 else len(told)
    for row in told[:most]:
        yield f"  {format_size(row.size):>9}  {'new  ' if row.is_new else ''}{_cut(row.label)}"
    if rest := told[most:]:
        yield f"  {format_size(sum(row.size for row in rest)):>9}  in {len(rest)} more"
    yield image(report)
    yield from upload(report)


def image(report: BuildReport) -> str:
    """Return a line with the size of the image and its number of layers."""
    how = "compressed" if report.is_compressed else "on disk, uncompressed"
    same = sum(layer.is_new is False for layer in report.layers)
    kept = f", {'all' if same == len(report.layers) else f'{same} of them'} as in the last build" if same else ""
    return f"the image: {format_size(report.size)} {how}, {_layers(len(report.layers))}{kept}"


def upload(report: BuildReport) -> Iterator[str]:
    """Yield a line with the upload of a push, if there is an image to compare with."""
    if report.upload is None:
        return
    beside = report.names[0] if report.upload.beside == "registry" else "the last build"
    if not report.upload.layers:
        yield (
            f"pushed: no new layers, {beside} had all"
            if report.upload.is_done
            else (f"a push would upload no layers: {beside} has all")
        )
        return
    what = f"{format_size(report.upload.size)}{'' if report.is_compressed else ' before compression'}"
    new = f"{what} in {_layers(report.upload.layers)} that {beside} "
    yield f"pushed: {new}did not have" if report.upload.is_done else f"a push would upload {new}does not have"


def _layers(count: int) -> str:
    return f"{count} layer{'' if count == 1 else 's'}"


def _cut(label: str) -> str:
    return label if len(label) <= _MOST_LABEL else f"{label[: _MOST_LABEL - 2].rstrip(' ,')} …"


# The full report


def full(report: BuildReport) -> str:
    """Return the full report as text: each step with its time, each layer with its largest packages."""
    shown = [step for step in report.facts.steps if not step.is_minor]
    steps = [(_time(step), _cut(step.label), format_size(step.moved) if step.moved else "") for step in shown]
    layers = [
        (format_size(row.size), "new" if row.is_new else "", _cut(row.label), largest(row.packages))
        for row in rows(report.layers)
    ]
    parts = [f"{report.names[0]} for {report.platform}: {view.summary(report.facts)}\n", *_table(steps, ">< ")]
    if layers:
        parts += [f"\n{image(report)}\n", *_table(layers, "><<<"), *(f"\n{line}\n" for line in upload(report))]
    return "".join(parts)


def _time(step: view.StepFacts) -> str:
    return "cached" if step.cached else view.format_seconds(step.seconds)


def largest(packages: Sequence[Package]) -> str:
    """Return the names and versions of the first packages, and the number of the others."""
    # The label names a layer's only package too, but without its version.
    named = [f"{package.name} {package.version}".strip() for package in packages[:_MOST_PACKAGES]]
    more = len(packages) - len(named)
    return ", ".join((*named, *((f"{more} more",) if more else ())))


def _table(lines: Sequence[Sequence[str]], sides: str) -> Iterator[str]:
    """Yield the lines of a table; ``sides`` has "<" or ">" for each column, to align it left or right."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (
            cell.rjust(width) if side == ">" else cell.ljust(width)
            for cell, width, side in zip(line, widths, sides, strict=True)
        )
        yield f"  {'  '.join(cells).rstrip()}\n"
