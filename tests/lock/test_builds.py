"""Tests of locked build dependencies: their lock, their files beside a spec, and the pins that stay."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mlspec import api
from mlspec.errors import LockError, SpecError
from mlspec.host.rendered import Rendered
from mlspec.lock.requirements_lock import parse_requirements
from mlspec.lock.state import LockOptions
from tests.cli.test_pipeline import DIGEST, LOCK
from tests.support.index import PackageIndex, sdist, serving, wheel

# The spec has the digest, so an upgrade needs no registry.
SPEC = f"python: 3.12\nbase: python:3.12-slim-bookworm@{DIGEST}\nentrypoint: voice\n"


def source(name: str, *requires: str) -> dict[str, str]:
    asked = ", ".join(f'"{text}"' for text in requires)
    return {"pyproject.toml": f'[build-system]\nrequires = [{asked}]\nbuild-backend = "maker.api"\n', f"{name}.c": ""}


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[PackageIndex]:
    with serving(
        sdist("voice", "1", contents=source("voice", "maker>=1")),
        sdist("noise", "1", contents=source("noise", "maker<2")),
        sdist("stuck", "1", contents=source("stuck", "maker>8")),
        wheel("maker", "1", ["helper"]),
        wheel("maker", "2", ["helper"]),
        wheel("helper", "1"),
    ) as served:
        monkeypatch.setenv("MLSPEC_INDEX_URL", served.url)
        yield served


@pytest.fixture
def folder(tmp_path: Path, index: PackageIndex) -> Path:
    (tmp_path / "mlspec.lock").write_text(LOCK)
    return tmp_path


def rendered(folder: Path, requirements: str, wish: LockOptions | None = None, more: str = "") -> Rendered:
    (folder / "mlspec.yaml").write_text(f"{SPEC}requirements: [{requirements}]\n{more}")
    found = api.render(folder / "mlspec.yaml", wish)
    api.write(found)
    return found


def builds(folder: Path) -> dict[str, list[str]]:
    """Return the locked build dependencies of each layer."""
    text = (folder / "requirements.build.lock").read_text()
    return {
        layer.name: [f"{pin.name} {pin.version}" for pin in layer.pins] for layer in parse_requirements(text, "").layers
    }


def test_each_source_has_what_its_own_build_takes(folder: Path) -> None:
    rendered(folder, "voice, noise")

    assert builds(folder) == {"noise": ["helper 1", "maker 1"], "voice": ["helper 1", "maker 2"]}


def test_a_second_render_keeps_it_without_an_index(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rendered(folder, "voice")
    before = builds(folder)
    monkeypatch.setenv("MLSPEC_INDEX_URL", "http://127.0.0.1:9/simple/")

    assert api.stale(rendered(folder, "voice", LockOptions(locked=True))) == ()
    assert builds(folder) == before


def test_a_newer_tool_is_taken_by_an_upgrade_alone(folder: Path, index: PackageIndex) -> None:
    rendered(folder, "voice")
    index.add(wheel("maker", "3"))

    rendered(folder, "voice, helper")
    assert builds(folder)["voice"] == ["helper 1", "maker 2"]

    rendered(folder, "voice, helper", LockOptions(upgrade=True))
    assert builds(folder)["voice"] == ["maker 3"]


def test_an_edited_lock_of_builds_is_refused(folder: Path) -> None:
    rendered(folder, "voice")
    lock = folder / "requirements.build.lock"
    lock.write_text(lock.read_text().replace("maker==2", "maker==1"))

    with pytest.raises(SpecError) as caught:
        rendered(folder, "voice")

    assert [problem.code for problem in caught.value.problems] == ["MLS405"]


def test_one_that_is_left_over_is_told_and_does_no_harm(folder: Path) -> None:
    rendered(folder, "voice")
    found = rendered(folder, "helper")

    assert [path.name for path in api.leftovers(found)] == ["requirements.build.lock"]
    assert api.stale(rendered(folder, "helper", LockOptions(locked=True))) == ()


def test_a_build_that_cannot_be_locked_is_a_warning(folder: Path) -> None:
    found = rendered(folder, "stuck, voice")

    (told,) = (problem for problem in found.warnings if problem.code == "MLS261")
    assert told.message.endswith("are not locked: the spec asks for maker>8, which no release matches")
    assert list(builds(folder)) == ["voice"]


def test_an_index_that_fails_while_builds_are_locked_ends_the_lock(folder: Path, index: PackageIndex) -> None:
    answer = index.answer

    def broken(path: str, authorization: str) -> tuple[int, str, bytes]:
        return (500, "text/plain", b"") if "maker" in path else answer(path, authorization)

    index.answer = broken  # type: ignore[method-assign]

    with pytest.raises(LockError):
        rendered(folder, "voice")


def test_packages_that_change_their_layer_keep_what_their_builds_take(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rendered(folder, "voice")
    monkeypatch.setenv("MLSPEC_INDEX_URL", "http://127.0.0.1:9/simple/")

    rendered(folder, "voice", more="layers: {ours: [voice]}\n")

    assert builds(folder) == {"ours": ["helper 1", "maker 2"]}


def test_another_image_does_not_copy_the_lock_of_builds(folder: Path) -> None:
    images = "images: {train: {requirements: [voice]}, serve: {requirements: [helper]}}\n"
    (folder / "mlspec.yaml").write_text(f"{SPEC}{images}")

    texts = {artifact.path: artifact.text for artifact in api.render(folder / "mlspec.yaml").artifacts}

    assert "\n*.requirements.build.lock\n" in texts["serve.Dockerfile.dockerignore"]
    assert "train.requirements.build.lock" in texts
    assert "serve.requirements.build.lock" not in texts
