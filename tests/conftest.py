"""Fixtures of all tests: specs from texts, and snapshots as files, one for each value."""

from __future__ import annotations

import gc
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

from mlspec.host.resolver import process
from mlspec.spec.document import parse
from mlspec.spec.spec import Image, Spec, validate
from tests.support import forks, resolver
from tests.support.golden import Golden
from tests.support.places import TESTS

# Programs in the tests import the same modules again and again, so let them write and reuse bytecode.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Collect garbage rarely: syntax trees and collected tests are many objects that stay, and to scan them takes a tenth of
# the time of all tests.
gc.set_threshold(100_000, 20, 50)

if forks.ARE_THERE:
    resolver.fork_resolvers()

# No deadline, because a slow machine is not a bug. Continuous integration tries more examples.
_EXAMPLES = int(os.environ.get("MLSPEC_EXAMPLES", "25"))
settings.register_profile("mlspec", deadline=None, max_examples=_EXAMPLES, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("mlspec")


class NamedFile(SingleFileSnapshotExtension):
    """A snapshot in a text file that the test names, usually beside its input."""

    _write_mode = WriteMode.TEXT
    file_extension = ""

    @classmethod
    def get_snapshot_name(cls, *, test_location: PyTestLocation, index: SnapshotIndex = 0) -> str:
        """Return the path of the file below ``tests/``, which is the name of the snapshot in reports."""
        return str(index)

    @classmethod
    def get_location(cls, *, test_location: PyTestLocation, index: SnapshotIndex) -> str:
        """Return the path of the file."""
        return str(TESTS / str(index))

    def discover_snapshots(
        self, *, test_location: PyTestLocation, ignore_extensions: list[str] | None = None
    ) -> SnapshotCollections:
        """Return none, so that syrupy deletes no files: the tests of each folder report its leftover files."""
        return SnapshotCollections()


def pytest_collection_finish() -> None:
    """Exclude the collected tests from garbage collection, because they live until the end."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def proofs_of_its_own(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the proofs of a test out of the user's cache."""
    monkeypatch.setenv("MLSPEC_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture(autouse=True)
def no_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ignore the user's configuration in the tests, such as mirrors."""
    monkeypatch.setenv("MLSPEC_CONFIG", "off")


@pytest.fixture
def resolver_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start a new Python for each resolver, as for users."""
    monkeypatch.setattr(process, "start_resolver", resolver.start_anew)


@pytest.fixture
def golden(snapshot: SnapshotAssertion) -> Golden:
    """Return a function from the path of a file to the snapshot that a text must equal.

    ``--snapshot-update`` writes the file.
    """
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
