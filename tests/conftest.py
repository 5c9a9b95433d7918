"""What tests share: a spec from a text, and snapshots that are real files, one a value."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings
from syrupy.assertion import SnapshotAssertion
from syrupy.data import SnapshotCollections
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode
from syrupy.location import PyTestLocation
from syrupy.types import SnapshotIndex

from mlspec.spec.document import parse
from mlspec.spec.spec import Image, Spec, validate
from tests.support.golden import Golden
from tests.support.places import TESTS

# Programs that tests start import the same modules again and again, and compile them once.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# A slow machine is no bug.
settings.register_profile("mlspec", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("mlspec")


class NamedFile(SingleFileSnapshotExtension):
    """A snapshot in the text file that the test names, as a rule beside its input."""

    _write_mode = WriteMode.TEXT
    file_extension = ""

    @classmethod
    def get_snapshot_name(cls, *, test_location: PyTestLocation, index: SnapshotIndex = 0) -> str:
        """Return the path of the file below ``tests/``, by which reports name it."""
        return str(index)

    @classmethod
    def get_location(cls, *, test_location: PyTestLocation, index: SnapshotIndex) -> str:
        """Return the path of the file."""
        return str(TESTS / str(index))

    def discover_snapshots(
        self, *, test_location: PyTestLocation, ignore_extensions: list[str] | None = None
    ) -> SnapshotCollections:
        """Return none: whether a file is left over is told by the tests of its folder, and never deleted unasked."""
        return SnapshotCollections()


@pytest.fixture(autouse=True)
def proofs_of_its_own(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what a test proves out of the cache of whoever runs it."""
    monkeypatch.setenv("MLSPEC_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture(autouse=True)
def no_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the mirrors of whoever runs a test out of it."""
    monkeypatch.setenv("MLSPEC_CONFIG", "off")


@pytest.fixture
def golden(snapshot: SnapshotAssertion) -> Golden:
    """Return a function from the path of a file to what a text has to equal; ``--snapshot-update`` writes the file."""
    files = snapshot.use_extension(NamedFile)
    return lambda path: files(name=path.relative_to(TESTS).as_posix())


@pytest.fixture
def spec_of() -> Callable[[str], Spec]:
    """Return a function from the text of a spec to the Spec."""
    return lambda text: validate(parse(text, "mlspec.yaml"))


@pytest.fixture
def image_of(spec_of: Callable[[str], Spec]) -> Callable[[str], Image]:
    """Return a function from the text of a spec to its only image."""

    def image(text: str) -> Image:
        (only,) = spec_of(text).images
        return only

    return image
