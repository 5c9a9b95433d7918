"""The type of the fixture ``golden``: from the path of a file to what a text has to equal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from syrupy.assertion import SnapshotAssertion

Golden = Callable[[Path], SnapshotAssertion]
