"""Tests of the words of podman's commands; the run script gives the same words in a real shell."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mlspec.targets.build_options import BuildOptions
from mlspec.targets.podman_build import (
    find_variable_secrets,
    podman_build_command,
    refuse_configuration,
    refuse_options,
)
from mlspec.targets.run_caller import Caller, run_words
from mlspec.targets.run_script import run_script
from tests.targets.test_commands import DRIVER, EVERYTHING, FAKE_DOCKER, planned, posix, said, written


def podman_words(data: dict[str, Any], **caller: Any) -> str:  # noqa: ANN401 - the fields of Caller
    known = Caller(home="/home/me", user="1234:1235", reads_terminal=True, engine="podman", **caller)
    return " ".join(run_words(run_script(planned(data).run), (), known))


@pytest.mark.parametrize(
    ("gpus", "devices"),
    [
        ("all", "--device nvidia.com/gpu=all"),
        ({"count": 2}, "--device nvidia.com/gpu=0 --device nvidia.com/gpu=1"),
        ({"device_ids": ["3", "X"], "capabilities": ["video"]}, "--device nvidia.com/gpu=3 --device nvidia.com/gpu=X"),
        ({"driver": "cdi", "device_ids": ["nvidia.com/gpu=0"]}, "--device nvidia.com/gpu=0"),
    ],
    ids=["all", "two", "listed", "cdi"],
)
def test_podman_gets_gpus_by_their_names(gpus: object, devices: str) -> None:
    words = podman_words({"gpus": gpus})

    assert words.count("--device") == devices.count("--device")
    assert devices in words
    assert "--gpus" not in words


def test_podman_keeps_the_groups_of_the_caller_for_amd() -> None:
    words = podman_words({"accelerator": "rocm6.3"}, groups=("109",))

    assert [word for word in words.split() if word.startswith(("keep", "109", "video"))] == ["keep-groups"]


def test_files_on_mounts_are_the_callers() -> None:
    assert "--user 1234:1235 --userns keep-id --security-opt label=disable" in podman_words({"mounts": ["./a:/a"]})
    # With root, podman maps no IDs.
    assert "--userns" not in podman_words({"mounts": ["./a:/a"]}, is_root=True)
    # A user of the spec is the caller outside, as root is without an option.
    own = {"mounts": ["./a:/a"], "user": "4000:50"}
    assert "--userns keep-id:uid=4000,gid=50 --security-opt" in podman_words(own)
    assert "--userns" not in podman_words({**own, "user": "0:0"})
    # The user in the image is any ID of this user's range.
    assert "--userns" not in podman_words({})


@posix
@pytest.mark.parametrize("is_chosen", [True, False], ids=["chosen", "found"])
@pytest.mark.parametrize("accelerator", ["rocm6.3", "cuda12.8"])
def test_the_run_script_and_mlspec_give_podman_the_same_words(
    tmp_path: Path, accelerator: str, is_chosen: bool
) -> None:
    fakes = tmp_path / "fakes"
    fakes.mkdir()
    # If nobody chose podman, there is a docker command, but no engine.
    for name, text in {"podman": FAKE_DOCKER.replace("docker", "podman"), "docker": "#!/bin/sh\nexit 1\n"}.items():
        (fakes / name).write_text(text)
        (fakes / name).chmod(0o755)
    folder, home = tmp_path / "folder", tmp_path / "home"
    for path in (folder / "first.env", folder / "-x.env", folder / "a key", home / "in put", home / "o 1.env"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    made = planned({**EVERYTHING, "accelerator": accelerator})
    (tmp_path / "plan").write_bytes(pickle.dumps(made))
    choosing = DRIVER.replace(
        "prepare_run(pickle.loads(Path(sys.argv[1]).read_bytes()), folder)",
        "replace(prepare_run(pickle.loads(Path(sys.argv[1]).read_bytes()), folder), engine='podman')",
    )
    by_mlspec = (sys.executable, "-c", f"from dataclasses import replace\n{choosing}", str(tmp_path / "plan"))
    environment = {"OTHER_TOKEN": "t", "MLSPEC_ENGINE": "podman" if is_chosen else ""}

    one = said((str(written(made, folder)), "--flag"), fakes, str(home), **environment)
    two = said((*by_mlspec, str(folder), "--flag"), fakes, str(home), **environment)

    assert one == two
    assert (one[0], one[-3:]) == ("podman", ["project", "--flag", "TOKEN=t"])


@posix
def test_the_run_script_prefers_an_engine_of_docker_that_answers(tmp_path: Path) -> None:
    for name in ("podman", "docker"):
        (tmp_path / name).write_text(f"#!/bin/sh\n[ $1 = run ] && echo {name} || echo Docker Engine\n")
        (tmp_path / name).chmod(0o755)
    script = written(planned({}), tmp_path)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}

    assert subprocess.run([script], env=environment, capture_output=True, text=True).stdout == "docker\n"


def test_podman_builds_with_the_health_check_and_the_ignore_file() -> None:
    made = planned({"secrets": {"KEY": {"file": "./key"}}, "run": [{"command": "true", "secrets": ["KEY"]}]})
    options = BuildOptions(tags=("a", "b"), no_cache=True, progress="quiet", labels=(("x", "y z"),), metadata_file="i")

    assert podman_build_command(made, options) == (
        *("podman", "build", "--format", "docker", "--file", "Dockerfile", "--ignorefile", "Dockerfile.dockerignore"),
        *("--platform", "linux/amd64", "--tag", "a", "--tag", "b", "--build-arg", "SOURCE_DATE_EPOCH=315619200"),
        *("--secret", "id=KEY,src=./key", "--label", "x=y z", "--no-cache", "--quiet", "--iidfile", "i", "."),
    )


def test_each_option_without_a_counterpart_is_refused() -> None:
    options = BuildOptions(push=True, builder="b", cache_to="h/c", progress="tty")
    problems = list(refuse_options(options, verify=True, reports=True))

    names = [problem.message.partition(":")[0] for problem in problems]
    assert names == ["--push", "--builder", "--cache", "--verify", "--report", "--progress tty"]
    assert {problem.code for problem in problems} == {"MLS573"}
    assert not list(refuse_options(BuildOptions(), verify=False, reports=False))


def test_secrets_in_variables_are_found() -> None:
    text = "RUN --mount=type=secret,id=A,env=X,required=true \\\n    --mount=type=secret,id=B,target=/b true\n"

    assert find_variable_secrets(text) == ("A",)
    hint = refuse_configuration(["MLSPEC_CERTIFICATES", "MLSPEC_ENGINE"]).hint
    assert "env -u MLSPEC_CERTIFICATES MLSPEC_CONFIG=off mlspec build --engine podman;" in hint
