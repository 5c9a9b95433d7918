"""The type of the fixture ``golden``: a function from the path of a file to the snapshot that a text must equal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from syrupy.assertion import SnapshotAssertion

Golden = Callable[[Path], SnapshotAssertion]
