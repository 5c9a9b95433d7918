"""A report as JSON, for programs."""

from __future__ import annotations

import json
from typing import Any

from mlspec.build.report.contents import Package
from mlspec.build.report.report import BuildReport, LayerReport, Upload
from mlspec.build.view import StepFacts

VERSION = 1
"""The version of the JSON report. A new key does not raise the version; a new meaning of a key does."""


def text(report: BuildReport) -> str:
    """Return the report as JSON: sizes in bytes, times in seconds, null for unknown values."""
    document = {
        "version": VERSION,
        "names": list(report.names),
        "platform": report.platform,
        "digest": report.digest or None,
        "seconds": round(report.facts.seconds, 3),
        "steps": [_step(step) for step in report.facts.steps],
        "size": report.size if report.layers else None,
        "compressed": report.is_compressed if report.layers else None,
        "layers": [_layer(layer) for layer in report.layers],
        "upload": _upload(report.upload) if report.upload else None,
        "warnings": list(report.facts.warnings),
    }
    return json.dumps(document, indent=2) + "\n"


def _step(step: StepFacts) -> dict[str, Any]:
    return {
        "label": step.label,
        "path": list(step.path),
        "cached": step.cached,
        "seconds": round(step.seconds, 3),
        "transferred": step.moved,
        "minor": step.is_minor,
    }


def _layer(layer: LayerReport) -> dict[str, Any]:
    return {
        "kind": layer.content.kind,
        "name": layer.content.name,
        "label": layer.content.label,
        "digest": layer.digest,
        "size": layer.size,
        "new": layer.is_new,
        "packages": [_package(package) for package in layer.content.packages],
    }


def _package(package: Package) -> dict[str, Any]:
    return {
        "name": package.name,
        "version": package.version or None,
        "wheel_size": package.wheel,
        "via": list(package.via),
    }


def _upload(upload: Upload) -> dict[str, Any]:
    return {"beside": upload.beside, "size": upload.size, "layers": upload.layers, "pushed": upload.is_done}
