"""The comparison of two builds of one image, as archives."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mlspec.build import comparison
from mlspec.build.comparison import LayerDifference
from mlspec.host.engine import engine
from mlspec.host.files.scratch import scratch

Build = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of two builds: digest and number of layers of the first image, and the layers that differ."""

    digest: str
    layers: int
    differences: tuple[LayerDifference, ...]


def verify(build: Build) -> Verdict:
    """Build an image twice, and return the differences.

    ``build`` writes an OCI archive to the path in its argument. Both archives are removed at the end. Raises ToolError
    if a file is not an OCI archive.
    """
    with scratch() as folder:
        paths = [folder / f"{name}.tar" for name in ("first", "second")]
        for path in paths:
            build(str(path))
        try:
            return _compare(*paths)
        except (OSError, ValueError, KeyError, TypeError, tarfile.TarError) as error:
            hint = "use the engine's own builder: leave out --builder"
            engine.fail("MLS572", f"the built images cannot be compared: {error}", hint)


def _compare(first: Path, second: Path) -> Verdict:
    with first.open("rb") as one, second.open("rb") as other:
        found = comparison.compare_archives(one, other)
        one.seek(0)
        layers = comparison.layer_count(one)
        one.seek(0)
        return Verdict(comparison.digest(one), layers, found)
