"""A report as lines: the few that stand behind a build, and the whole of it on one screen."""

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
    """Neighboring layers that are told as one, as those of a base image are; ``size`` is theirs together."""

    layers: tuple[LayerReport, ...]

    @property
    def size(self) -> int:
        """The bytes of these layers."""
        return sum(layer.size for layer in self.layers)

    @property
    def label(self) -> str:
        """What these layers are, in one phrase."""
        label, count = self.layers[0].content.label, len(self.layers)
        return f"{label}, {count} layers" if count > 1 else label

    @property
    def is_new(self) -> bool:
        """Tell whether the last build had not all of these layers."""
        return any(layer.is_new for layer in self.layers)

    @property
    def packages(self) -> tuple[Package, ...]:
        """The packages in these layers, the largest first."""
        return self.layers[0].content.packages


def rows(layers: Iterable[LayerReport]) -> tuple[Row, ...]:
    """Return the layers, the lowest first, those that have one content joined."""
    found: list[list[LayerReport]] = []
    for layer in layers:
        if found and found[-1][0].content == layer.content:
            found[-1].append(layer)
        else:
            found.append([layer])
    return tuple(Row(tuple(group)) for group in found)


# Behind a build


def brief(report: BuildReport) -> Iterator[str]:
    """Yield what a person wants to know after every build: time, what is new or large, the size, and what a push takes.

    Ten lines at most.
    """
    yield view.summary(report.facts)
    if not report.layers:
        return
    compared = any(layer.is_new is not None for layer in report.layers)
    told = [row for row in rows(report.layers) if row.is_new or not compared]
    told.sort(key=lambda row: -row.size)
    # "1 more" would take the line that the one could have.
    most = _MOST_LAYERS if len(told) > _MOST_LAYERS + 1 else len(told)
    for row in told[:most]:
        yield f"  {format_size(row.size):>9}  {'new  ' if row.is_new else ''}{_cut(row.label)}"
    if rest := told[most:]:
        yield f"  {format_size(sum(row.size for row in rest)):>9}  in {len(rest)} more"
    yield image(report)
    yield from upload(report)


def image(report: BuildReport) -> str:
    """Return the size of the image, and of how many layers it is."""
    how = "compressed" if report.is_compressed else "on disk, uncompressed"
    same = sum(layer.is_new is False for layer in report.layers)
    kept = f", {'all' if same == len(report.layers) else f'{same} of them'} as in the last build" if same else ""
    return f"the image: {format_size(report.size)} {how}, {_layers(len(report.layers))}{kept}"


def upload(report: BuildReport) -> Iterator[str]:
    """Yield a line that tells what a push took or would take, where there is something to compare with."""
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


# The whole


def full(report: BuildReport) -> str:
    """Return the report as a text of its own: each step with its time, each layer with its largest packages."""
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
    """Return the names and versions of the first packages, and how many there are beyond them."""
    # One that is alone in its layer is named by the label, but for its version.
    named = [f"{package.name} {package.version}".strip() for package in packages[:_MOST_PACKAGES]]
    more = len(packages) - len(named)
    return ", ".join((*named, *((f"{more} more",) if more else ())))


def _table(lines: Sequence[Sequence[str]], sides: str) -> Iterator[str]:
    """Yield rows of text in columns as wide as their widest cell, at the right or the left."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (
            cell.rjust(width) if side == ">" else cell.ljust(width)
            for cell, width, side in zip(line, widths, sides, strict=True)
        )
        yield f"  {'  '.join(cells).rstrip()}\n"
