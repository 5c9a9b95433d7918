"""Tests of the choice between Docker and podman, and of podman's own answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlspec.advice.doctor.observations import PodmanFacts
from mlspec.advice.doctor.podman_rules import podman_problem
from mlspec.errors import SpecError
from mlspec.host.engine.engine_choice import choose_engine, configured_engine
from mlspec.host.engine.podman import examine_podman, find_podman_image

DOCKER = '[ "$1" = version ] && echo \'{"Version": "28.5", "Components": [{"Name": "Engine"}]}\''
SHIM = '[ "$1" = version ] && echo \'{"Version": "5.8", "Components": [{"Name": "Podman Engine"}]}\''
SILENT = "exit 1"
INFO = {
    "host": {
        "os": "linux",
        "arch": "arm64",
        "security": {"rootless": True},
        "idMappings": {"uidmap": [{"container_id": 0, "host_id": 1000, "size": 1}]},
    }
}


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, the only one in PATH besides that of the shell's own commands."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "cat").symlink_to("/bin/cat")
    monkeypatch.setenv("PATH", str(folder))
    return folder


def provide(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


@pytest.mark.parametrize(
    ("docker", "podman", "found"),
    [
        (DOCKER, True, "docker"),
        (DOCKER, False, "docker"),
        (SILENT, True, "podman"),
        (SHIM, True, "podman"),
        ("", True, "podman"),
        # Without any engine, the messages are about Docker.
        ("", False, "docker"),
    ],
    ids=["both", "docker", "silent", "shim", "podman", "none"],
)
def test_docker_is_taken_if_it_answers(commands: Path, docker: str, podman: bool, found: str) -> None:
    if docker:
        provide(commands, "docker", docker)
    if podman:
        provide(commands, "podman", "true")

    assert choose_engine(None, None) == found


def test_an_option_comes_before_the_configuration(commands: Path) -> None:
    assert (choose_engine("podman", "docker"), choose_engine(None, "podman")) == ("podman", "podman")


def test_a_variable_comes_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.toml").write_text('engine = "podman"\n')
    monkeypatch.setenv("MLSPEC_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.delenv("MLSPEC_ENGINE", raising=False)
    assert configured_engine() == "podman"

    monkeypatch.setenv("MLSPEC_ENGINE", "docker")
    assert configured_engine() == "docker"

    monkeypatch.setenv("MLSPEC_ENGINE", "nerdctl")
    with pytest.raises(SpecError, match='MLS352: MLSPEC_ENGINE: "nerdctl" is not an engine'):
        configured_engine()


def test_podman_tells_of_itself(commands: Path) -> None:
    provide(commands, "podman", f"[ $1 = --version ] && echo podman version 5.8.6 || echo '{json.dumps(INFO)}'")

    found = examine_podman()
    assert (found.version, found.platform, found.is_rootless, found.has_ids) == ("5.8.6", "linux/arm64", True, False)
    assert podman_problem(found) is None


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        (PodmanFacts(), "MLS574"),
        (PodmanFacts(version="5.8.6"), "MLS574"),
        (PodmanFacts(version="4.9.3", answers=True), "MLS575"),
    ],
    ids=["missing", "broken", "old"],
)
def test_a_podman_that_cannot_build_is_told(facts: PodmanFacts, code: str) -> None:
    problem = podman_problem(facts)

    assert problem
    assert problem.code == code


def test_an_image_of_podman_has_its_labels(commands: Path) -> None:
    told = [{"Id": "ab", "Os": "linux", "Architecture": "amd64", "Config": {"User": "1:1"}, "Labels": {"a": "b"}}]
    provide(commands, "podman", f"echo warning >&2; echo '{json.dumps(told)}'")

    image = find_podman_image("x")
    assert image
    assert (image.id, image.user, image.labels) == ("sha256:ab", "1:1", {"a": "b"})
