"""Tests that a run starts the image of its own folder, never another folder's image of the same name."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlspec.build.ownership import BuildMemory, LocalImage, check_owner
from mlspec.host.engine import built_images
from mlspec.targets.labels import SPEC_LABEL, text_digest

SPEC = "python: 3.12\n"
IMAGE = LocalImage(id="sha256:1", platform="linux/amd64")


def code_of(image: LocalImage, memory: BuildMemory) -> str:
    problem = check_owner("api", image, memory, SPEC, "mlspec build")
    return f"{problem.code} {problem.severity}" if problem else ""


def test_an_image_that_this_folder_built_runs() -> None:
    memory = BuildMemory(folder="/a/api", last=frozenset({"sha256:2"}), builders=("/a/api", "/b/api"))

    assert code_of(IMAGE, memory) == ""


def test_an_image_that_another_folder_built_is_refused_with_its_name() -> None:
    memory = BuildMemory(folder="/a/api", builders=("/b/api",))
    problem = check_owner("api", IMAGE, memory, SPEC, "mlspec build -f x.yaml")

    assert problem
    assert problem.message == "the image api was last built in /b/api, not in this folder"
    assert problem.hint.startswith("run: mlspec build -f x.yaml;")


def test_an_image_of_somebody_else_is_refused_where_this_folder_built_one() -> None:
    assert code_of(IMAGE, BuildMemory(folder="/a/api", last=frozenset({"sha256:2"}))) == "MLS512 error"


@pytest.mark.parametrize(
    ("labels", "code"),
    [
        ({}, ""),
        ({SPEC_LABEL: text_digest(SPEC)}, ""),
        ({SPEC_LABEL: text_digest("python: 3.11\n")}, "MLS513 warning"),
    ],
    ids=["no label", "this spec", "another spec"],
)
def test_without_a_memory_the_label_tells(labels: dict[str, str], code: str) -> None:
    image = LocalImage(id="sha256:1", platform="", labels=labels)

    assert code_of(image, BuildMemory(folder="/a/api")) == code


def test_builds_are_remembered_by_folder_and_by_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLSPEC_CACHE_DIR", str(tmp_path / "cache"))
    first, second = tmp_path / "a/api", tmp_path / "b/api"

    built_images.remember_built(first, "api", ["sha256:1"])
    built_images.remember_built(second, "api", ["sha256:2"])

    assert code_of(IMAGE, built_images.recall(first, "api", "sha256:1")) == ""
    assert (
        code_of(LocalImage(id="sha256:2", platform=""), built_images.recall(first, "api", "sha256:2")) == "MLS512 error"
    )


def test_folders_that_build_the_same_image_may_both_run_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLSPEC_CACHE_DIR", str(tmp_path / "cache"))
    for name in ("a", "b"):
        built_images.remember_built(tmp_path / name, "api", ["sha256:1"])

    memories = [built_images.recall(tmp_path / name, "api", "sha256:1") for name in ("a", "b")]

    assert [code_of(IMAGE, memory) for memory in memories] == ["", ""]


def test_without_a_cache_nothing_is_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLSPEC_CACHE_DIR", "off")
    built_images.remember_built(tmp_path, "api", ["sha256:1"])

    assert built_images.recall(tmp_path, "api", "sha256:1") == BuildMemory(folder=str(tmp_path))
