"""A build report as an HTML page: a treemap of the image, and tables below it."""

from __future__ import annotations

from dataclasses import dataclass

from mlspec.build import view
from mlspec.build.report import report_lines
from mlspec.build.report.drawing import drawings, required_by
from mlspec.build.report.report import BuildReport
from mlspec.build.report.report_lines import Row
from mlspec.targets.filters import draw
from mlspec.text import format_size

TEMPLATE = "report.html.j2"
"""The template of the page."""


def rows_of(report: BuildReport) -> tuple[Row, ...]:
    """Return the rows of layers that are not empty; the layers of the base are one row."""
    return tuple(row for row in report_lines.rows(report.layers) if row.size)


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row of a table of the page: its cells, and the length of its bar in percent of the longest bar."""

    cells: tuple[str, ...]
    share: float = 0.0
    is_new: bool = False


# Each package takes about 200 bytes of the page, and the page must stay below 100 kB.
_MOST_PACKAGES = 200


def html(report: BuildReport) -> str:
    """Return the HTML page: one file that loads nothing and runs no script."""
    upload = next(report_lines.upload(report), "")
    return draw(
        TEMPLATE,
        name=report.names[0],
        facts=[fact for fact in (view.summary(report.facts), _size(report), upload) if fact],
        digest=report.digest,
        platform=report.platform,
        drawings=drawings(report) if report.layers else (),
        layers=_layers(report),
        packages=_packages(report)[:_MOST_PACKAGES],
        others=_others(len(_packages(report)) - _MOST_PACKAGES),
        steps=_steps(report),
    )


def _size(report: BuildReport) -> str:
    return report_lines.image(report) if report.layers else ""


def _layers(report: BuildReport) -> list[TableRow]:
    found = sorted(rows_of(report), key=lambda row: -row.size)
    most = max((row.size for row in found), default=1)
    return [
        TableRow(
            (row.label, format_size(row.size), report_lines.largest(row.packages)), 100 * row.size / most, row.is_new
        )
        for row in found
    ]


def _packages(report: BuildReport) -> list[TableRow]:
    found = [package for layer in report.layers for package in layer.content.packages if package.version]
    found.sort(key=lambda package: (-(package.wheel or 0), package.name))
    most = max((package.wheel or 0 for package in found), default=0) or 1
    return [
        TableRow(
            (
                package.name,
                package.version,
                format_size(package.wheel) if package.wheel else "",
                required_by(package),
            ),
            100 * (package.wheel or 0) / most,
        )
        for package in found
    ]


def _others(count: int) -> str:
    return f"and {count} smaller packages: --report FILE.json lists them all" if count > 0 else ""


def _steps(report: BuildReport) -> list[TableRow]:
    found = [step for step in report.facts.steps if not step.is_minor]
    most = max((step.seconds for step in found), default=0) or 1
    return [
        TableRow(
            (step.label, "cached" if step.cached else view.format_seconds(step.seconds)), 100 * step.seconds / most
        )
        for step in found
    ]
