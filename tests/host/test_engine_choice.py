"""Tests of the choice between Docker and podman, and of podman's own answers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from mlspec.advice.doctor.observations import Need, PodmanFacts
from mlspec.advice.doctor.podman_rules import findings, gpu_warning, podman_problem
from mlspec.cli.app import cli
from mlspec.errors import SpecError, ToolError
from mlspec.host.engine.engine_choice import choose_engine, configured_engine
from mlspec.host.engine.image_build import capture_build
from mlspec.host.engine.podman import examine_podman, find_podman_image
from mlspec.host.engine.prepared_run import prepare_run
from mlspec.host.live.live_container import live_words
from tests.targets.test_commands import planned

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
        (DOCKER, "5.8.6", "docker"),
        (DOCKER, "", "docker"),
        (SILENT, "5.8.6", "podman"),
        (SILENT, "4.9.3", "docker"),
        (SHIM, "5.6.0", "podman"),
        ("", "5.8.6", "podman"),
        # Without any engine, the messages are about Docker.
        ("", "", "docker"),
    ],
    ids=["both", "docker", "silent", "old", "shim", "podman", "none"],
)
def test_docker_is_taken_if_it_answers(commands: Path, docker: str, podman: str, found: str) -> None:
    if docker:
        provide(commands, "docker", docker)
    if podman:
        provide(commands, "podman", f"echo podman version {podman}")

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


def test_the_doctor_looks_at_podman_alone(commands: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    provide(commands, "podman", f"[ $1 = --version ] && echo podman version 5.8.6 || echo '{json.dumps(INFO)}'")

    done = CliRunner().invoke(cli, ["doctor", "--engine", "podman", "--offline"])

    assert done.exit_code == 3
    assert done.stdout.startswith("ok       podman: 5.8.6, without root\nerror    podman: this user has a single ID")
    assert "docker" not in done.stdout


def test_an_image_for_gpus_needs_their_names(commands: Path) -> None:
    facts = PodmanFacts(version="5.8.6", answers=True)

    codes = [finding.problem and finding.problem.code for finding in findings(facts, (Need(image="x", gpus=True),))]
    assert codes == [None, "MLS576"]
    assert gpu_warning(replace(facts, has_gpus=True), (Need(image="x", gpus=True),)) is None


def test_live_work_starts_the_program_of_podmans_image(commands: Path, tmp_path: Path) -> None:
    told = [{"Id": "ab", "Config": {"Entrypoint": ["python", "a.py"], "StopSignal": "SIGINT"}}]
    provide(commands, "podman", f"echo '{json.dumps(told)}'")
    prepared = replace(prepare_run(planned({"mounts": ["./a:/a"]}), tmp_path), engine="podman")

    words = live_words(prepared, ["--x"], tmp_path, tells=False)

    assert words[:2] == ("podman", "run")
    assert words[-7:] == ("2", "2", "10", "0", "python", "a.py", "--x")
    assert "--init" not in words


def test_a_build_that_nobody_watches_shows_why_it_failed(commands: Path, tmp_path: Path) -> None:
    provide(commands, "podman", "echo STEP 1; echo no such file >&2; exit 125")

    with pytest.raises(ToolError) as caught:
        capture_build(["podman", "build", "."], tmp_path)

    (problem,) = caught.value.problems
    assert (problem.code, problem.hint) == ("MLS506", "the last lines of its output:\nSTEP 1\nno such file")
