"""Tests of a new state of the base image: the image starts from it, and packages stay installed on the old state."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mlspec import api
from mlspec.errors import ToolError
from mlspec.host.network import registry
from mlspec.lock.state import LockOptions
from mlspec.lock.world import RegistryImage
from mlspec.spec.place import Place
from tests.support.index import serving, wheel

SPEC = "python: 3.12\nbase: slim-bookworm\nrequirements: [apple]\n"
NAME = "python:3.12-slim-bookworm"


def digest(number: int) -> str:
    return f"sha256:{number:064x}"


class Registry:
    """A fake registry; ``kept`` are the states of the base that it still has."""

    def __init__(self) -> None:
        self.kept: set[str] = set()
        self.moves_to(1)

    def moves_to(self, number: int, *, python: str = "3.12.4", glibc: str = "2.36") -> None:
        self.newest, self.python, self.glibc = digest(number), python, glibc
        self.kept.add(self.newest)

    def resolve(self, reference: str, platform: str, place: Place) -> RegistryImage:
        name, _, asked = reference.partition("@")
        if asked and asked not in self.kept:
            raise ToolError(place.problem("MLS301", "gone"))
        return RegistryImage(
            reference=name,
            digest=asked or self.newest,
            platform=platform,
            python=self.python,
            codename="bookworm",
            glibc=self.glibc,
        )


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    with serving(wheel("apple", "1.0")) as index:
        monkeypatch.setenv("MLSPEC_INDEX_URL", index.url)
        made = Registry()
        monkeypatch.setattr(registry, "resolve", made.resolve)
        yield made


@pytest.fixture
def spec(tmp_path: Path, hub: Registry) -> Path:
    """A spec with files for the first state of its base."""
    path = tmp_path / "mlspec.yaml"
    path.write_text(SPEC)
    api.write(api.render(path))
    return path


def bases(spec: Path) -> dict[str, str]:
    """Upgrade, and return the digest of the image of each stage that begins with the base."""
    api.write(api.render(spec, LockOptions(upgrade=True)))
    lines = (spec.parent / "Dockerfile").read_text().splitlines()
    words = (line.split() for line in lines if line.startswith(f"FROM {NAME}"))
    return {stage: image.partition("@")[2] for _, image, _, stage in words}


def test_at_first_there_is_one_base(spec: Path) -> None:
    assert bases(spec) == {"python": digest(1)}


def test_packages_stay_installed_on_the_base_they_were(spec: Path, hub: Registry) -> None:
    hub.moves_to(2)

    assert bases(spec) == {"python": digest(2), "former": digest(1)}

    hub.moves_to(3, python="3.12.5")

    assert bases(spec) == {"python": digest(3), "former": digest(1)}
    assert "FROM former AS packages" in (spec.parent / "Dockerfile").read_text()


def test_the_lock_says_so_offline(spec: Path, hub: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.moves_to(2)
    before = bases(spec)
    monkeypatch.setattr(registry, "resolve", None)

    assert api.stale(api.render(spec, LockOptions(locked=True))) == ()
    assert before["former"] == digest(1)


def test_layers_that_the_spec_asks_for_need_no_network(spec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLSPEC_INDEX_URL", "http://127.0.0.1:9/simple/")
    spec.write_text(f"{SPEC}layers: {{ours: apple}}\n")

    api.write(api.render(spec))

    assert "# layer ours\napple==1.0" in (spec.parent / "requirements.lock").read_text()
    assert "FROM installer AS layer-ours" in (spec.parent / "Dockerfile").read_text()
    assert api.stale(api.render(spec, LockOptions(locked=True))) == ()
