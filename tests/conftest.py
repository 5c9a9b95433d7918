"""What tests share: a spec from a text, and snapshots that are real files, one a value."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from mlspec.spec.document import parse
from mlspec.spec.spec import Image, Spec, validate

# A slow machine is no bug.
settings.register_profile("mlspec", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("mlspec")


class TextFile(SingleFileSnapshotExtension):
    """A snapshot as a text file that editors, linters and reviewers know by its suffix."""

    _write_mode = WriteMode.TEXT
    file_extension = "txt"

    def serialize(self, data: object, **_: object) -> str:
        """Return the text as it is."""
        assert isinstance(data, str)
        return data


@pytest.fixture(autouse=True)
def proofs_of_its_own(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what a test proves out of the cache of whoever runs it."""
    monkeypatch.setenv("MLSPEC_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture(autouse=True)
def no_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the mirrors of whoever runs a test out of it."""
    monkeypatch.setenv("MLSPEC_CONFIG", "off")


@pytest.fixture
def text_snapshot(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """Return a snapshot that is a ``.txt`` file below ``__snapshots__/NAME_OF_THE_TEST_FILE``."""
    return snapshot.use_extension(TextFile)


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
