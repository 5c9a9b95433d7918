"""Two builds of one image as archives, compared."""

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
    """What came of two builds: the first one's digest and number of layers, and the layers that differ."""

    digest: str
    layers: int
    differences: tuple[LayerDifference, ...]


def verify(build: Build) -> Verdict:
    """Return what differs between two builds of an image.

    ``build`` writes an OCI archive to the path that it is given; both are removed at the end. Raises ToolError where
    one is no such archive.
    """
    with scratch() as folder:
        paths = [folder / f"{name}.tar" for name in ("first", "second")]
        for path in paths:
            build(str(path))
        try:
            return _compare(*paths)
        except (OSError, ValueError, KeyError, TypeError, tarfile.TarError) as error:
            hint = "use the engine's own builder: leave out --builder"
            engine.fail("MLS572", f"what was built cannot be compared: {error}", hint)


def _compare(first: Path, second: Path) -> Verdict:
    with first.open("rb") as one, second.open("rb") as other:
        found = comparison.compare_archives(one, other)
        one.seek(0)
        layers = comparison.layer_count(one)
        one.seek(0)
        return Verdict(comparison.digest(one), layers, found)
