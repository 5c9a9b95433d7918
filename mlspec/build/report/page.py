"""A report as an HTML page that needs nothing else: a treemap of the image, and the tables below it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mlspec.build import view
from mlspec.build.report import text
from mlspec.build.report.contents import Package
from mlspec.build.report.report import BuildReport
from mlspec.build.report.text import Row
from mlspec.targets.filters import draw
from mlspec.text import format_size


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One rectangle of the treemap: its area in bytes, the tile that it lies in, and what is told on hovering."""

    id: str
    parent: str
    label: str
    size: int
    color: str
    hover: str


# Colors that differ for every eye, https://jfly.uni-koeln.de/color/, dark enough for white text.
_COLORS = {"base": "#5f6b7a", "requirements": "#0072b2", "apt": "#00785a", "run": "#9c4f7c", "code": "#b34700"}
_OTHER = "#6e6e6e"
_IMAGE = "image"

TEMPLATE = "report.html.j2"
"""The template that the page is drawn from."""


def tiles(report: BuildReport) -> tuple[Tile, ...]:
    """Return the tiles of the treemap: the image, its layers, and the packages in them.

    A layer's area is its size; its packages share it by the sizes of their wheels, as nobody counts them in the layer.
    """
    found = rows_of(report)
    how = "compressed" if report.is_compressed else "uncompressed"
    name = report.names[0]
    whole = Tile(
        id=_IMAGE,
        parent="",
        label=f"{name}  {format_size(report.size)}",
        size=report.size,
        color="rgba(0,0,0,0)",
        hover=f"{name}<br>{format_size(report.size)} {how}",
    )
    return (whole, *(tile for number, row in enumerate(found) for tile in _layer(row, f"layer {number}")))


def rows_of(report: BuildReport) -> tuple[Row, ...]:
    """Return the layers that weigh anything, those of the base as one."""
    return tuple(row for row in text.rows(report.layers) if row.size)


def _layer(row: Row, key: str) -> Iterator[Tile]:
    content = row.layers[0].content
    color = _COLORS.get(content.kind, _OTHER)
    mark = "<br>not in the last build" if row.is_new else ""
    hover = f"{_escaped(row.label)}<br>{format_size(row.size)}{mark}"
    packages = row.packages if content.kind == "requirements" else ()
    hover = "<br>".join((hover, *(_told(packages[0]) if len(packages) == 1 else ())))
    yield Tile(id=key, parent=_IMAGE, label=_escaped(_title(row)), size=row.size, color=color, hover=hover)
    if len(packages) > 1:
        for package, share in zip(packages, _shares(packages, row.size), strict=True):
            name, *rest = _told(package)
            hover = "<br>".join((name, f"about {format_size(share)} of the layer", *rest))
            yield Tile(id=f"{key} {package.name}", parent=key, label=package.name, size=share, color=color, hover=hover)


def _title(row: Row) -> str:
    """Return what stands on a layer's tile: the one package in it, or what it is."""
    content = row.layers[0].content
    if content.kind == "requirements" and len(row.packages) == 1:
        return f"{row.packages[0].name} {row.packages[0].version}".strip()
    return content.label.removeprefix("requirements: ").removeprefix("base image ")


def _shares(packages: Sequence[Package], size: int) -> list[int]:
    """Return the bytes of a layer for each of its packages, by their wheels; an unknown wheel counts as a mean one."""
    known = [package.wheel for package in packages if package.wheel]
    mean = sum(known) / len(known) if known else 1.0
    weights = [package.wheel or mean for package in packages]
    shares = [int(size * weight / sum(weights)) for weight in weights]
    # What rounding leaves, so that the parts are the whole.
    return [shares[0] + size - sum(shares), *shares[1:]]


def _told(package: Package) -> Iterator[str]:
    yield f"<b>{package.name}</b> {_escaped(package.version)}"
    if package.wheel:
        yield f"its wheel: {format_size(package.wheel)}"
    yield f"asked for by {_escaped(asked_by(package))}"


def asked_by(package: Package) -> str:
    """Return who asks for a package: others, or the spec."""
    return ", ".join(package.via) or "the spec"


def _escaped(value: str) -> str:
    return value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


# The page


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a table of the page: the cells, and how long its bar is, in percent of the longest."""

    cells: tuple[str, ...]
    share: float = 0.0
    is_new: bool = False


def html(report: BuildReport) -> str:
    """Return the page; raises ImportError without plotly."""
    upload = next(text.upload(report), "")
    return draw(
        TEMPLATE,
        name=report.names[0],
        facts=[fact for fact in (view.summary(report.facts), _size(report), upload) if fact],
        digest=report.digest,
        platform=report.platform,
        treemap=_treemap(tiles(report)) if report.layers else "",
        layers=_layers(report),
        packages=_packages(report),
        steps=_steps(report),
    )


def _size(report: BuildReport) -> str:
    return text.image(report) if report.layers else ""


def _layers(report: BuildReport) -> list[Line]:
    found = sorted(rows_of(report), key=lambda row: -row.size)
    most = max((row.size for row in found), default=1)
    return [
        Line((row.label, format_size(row.size), text.largest(row.packages)), 100 * row.size / most, row.is_new)
        for row in found
    ]


def _packages(report: BuildReport) -> list[Line]:
    found = [package for layer in report.layers for package in layer.content.packages if package.version]
    found.sort(key=lambda package: (-(package.wheel or 0), package.name))
    most = max((package.wheel or 0 for package in found), default=0) or 1
    return [
        Line(
            (
                package.name,
                package.version,
                format_size(package.wheel) if package.wheel else "",
                asked_by(package),
            ),
            100 * (package.wheel or 0) / most,
        )
        for package in found
    ]


def _steps(report: BuildReport) -> list[Line]:
    found = [step for step in report.facts.steps if not step.is_minor]
    most = max((step.seconds for step in found), default=0) or 1
    return [
        Line((step.label, "cached" if step.cached else view.shown_seconds(step.seconds)), 100 * step.seconds / most)
        for step in found
    ]


def _treemap(found: Sequence[Tile]) -> str:
    from plotly import graph_objects as go

    shape = go.Treemap(
        ids=[tile.id for tile in found],
        parents=[tile.parent for tile in found],
        labels=[tile.label for tile in found],
        values=[tile.size for tile in found],
        text=[format_size(tile.size) for tile in found],
        customdata=[tile.hover for tile in found],
        branchvalues="total",
        hovertemplate="%{customdata}<extra></extra>",
        texttemplate="%{label}<br>%{text}",
        marker={"colors": [tile.color for tile in found], "line": {"width": 1.5, "color": "white"}, "cornerradius": 3},
        tiling={"pad": 1},
        pathbar={"visible": True, "thickness": 22},
        root={"color": "rgba(0,0,0,0)"},
    )
    figure = go.Figure(shape)
    figure.update_layout(
        margin={"t": 24, "l": 0, "r": 0, "b": 0},
        height=560,
        paper_bgcolor="rgba(0,0,0,0)",
        font={"family": "system-ui, sans-serif", "size": 14},
    )
    # The library stands in the page itself, 5 MB of it: the page opens without a network, and in ten years.
    return str(
        figure.to_html(
            full_html=False,
            include_plotlyjs=True,
            div_id="treemap",
            config={"displaylogo": False, "displayModeBar": False, "responsive": True},
        )
    )
