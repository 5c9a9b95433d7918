"""Two builds of one image as archives, compared."""

from __future__ import annotations

import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

from mlspec.comparison import LayerDifference, compared, layer_count
from mlspec.effects import engine

Build = Callable[[str], None]


def verify(build: Build) -> tuple[int, tuple[LayerDifference, ...]]:
    """Return how many layers the image has, and which of them two builds made differently.

    ``build`` writes an OCI archive to the path that it is given; both are removed at the end. Raises ToolError where
    one is no such archive.
    """
    with tempfile.TemporaryDirectory(prefix="mlspec-") as folder:
        paths = [Path(folder, f"{name}.tar") for name in ("first", "second")]
        for path in paths:
            build(str(path))
        try:
            with paths[0].open("rb") as one, paths[1].open("rb") as other:
                found = compared(one, other)
                one.seek(0)
                return layer_count(one), found
        except (OSError, ValueError, KeyError, TypeError, tarfile.TarError) as error:
            hint = "use the engine's own builder: leave out --builder"
            engine.fail("MLS572", f"what was built cannot be compared: {error}", hint)
