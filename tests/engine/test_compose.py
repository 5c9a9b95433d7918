"""Tests of the file with the real Compose: images, containers like those of the run script, and forms of GPUs."""

from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.engine.test_run import eventually
from tests.targets.test_snapshots import SPECS, drawn

if TYPE_CHECKING:
    from tests.engine.conftest import Make, Project, User, Wheel

YAML = """
python: 3.12
targets: [compose]
include: main.py
entrypoint: python main.py
images:
  work:
    mounts: [./data:/app/data, "./in, put:/app/input:ro", VOLUME:/app/kept]
    secrets: {TOKEN: {environment: MLSPEC_TEST_TOKEN}, KEY: {file: "./key $1"}}
    env_file: [told.env, {path: missing.env, required: false}]
    environment: {FROM_CALLER: , PRICE: "$5 ${HOME}"}
    shm_size: 96m
    ulimits: {nofile: {soft: 777, hard: 888}}
    stop_grace_period: 90s
  serve:
    ports: ["8000"]
    healthcheck: {path: /healthz, interval: 1s}
    read_only: true
  builds:
    run: [{command: 'cat /run/secrets/KEY > /kept', secrets: [KEY]}]
    secrets: {KEY: {file: "./key $1"}}
"""

MAIN = """
import http.server, json, os, pathlib, resource, sys

KEYS = "TOKEN FROM_CALLER PRICE QUOTED DOLLAR".split()


def facts():
    pathlib.Path("data/written").write_text("")
    print(json.dumps({
        "ids": [os.getuid(), os.getgid()],
        "environment": {key: os.environ.get(key) for key in KEYS},
        "arguments": sys.argv[2:],
        "key": pathlib.Path("/run/secrets/KEY").read_text(),
        "input": os.listdir("input"),
        "kept": os.access("kept", os.W_OK),
        "memory": os.statvfs("/dev/shm").f_blocks * os.statvfs("/dev/shm").f_frsize,
        "files": resource.getrlimit(resource.RLIMIT_NOFILE),
    }))


def serve():
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path == "/healthz" else 404)
            self.end_headers()
            try:
                pathlib.Path("/app/there").touch()
            except OSError as error:
                self.wfile.write(error.strerror.encode())
    http.server.ThreadingHTTPServer(("0.0.0.0", 8000), Handler).serve_forever()


serve() if not sys.argv[1:] else facts()
"""

VARIABLES = {"MLSPEC_TEST_TOKEN": "hunter 2 $x", "FROM_CALLER": "$y"}


@pytest.fixture(scope="module", autouse=True)
def _compose(engine: object) -> None:
    if subprocess.run(["docker", "compose", "version"], capture_output=True).returncode:
        if os.environ.get("MLSPEC_REQUIRE_ENGINE") == "1":
            pytest.fail("docker compose is not installed")
        pytest.skip("docker compose is not installed")


pytestmark = pytest.mark.engine


def compose(folder: Path, *words: str, **environment: str) -> str:
    command = ["docker", "compose", "--progress", "plain", *words]
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(make: Make, prefix: str, user: User) -> Iterator[Project]:
    """One spec whose images Compose built, in a folder of another user."""
    files = {"main.py": MAIN, "key $1": "the key", "told.env": "QUOTED='as it is'\nDOLLAR=$HOME\n", "data/.keep": ""}
    project = make(YAML.replace("VOLUME", f"{prefix}-kept"), {**files, "in, put/a": ""}, owner=user)
    compose(project.folder, "--profile", "jobs", "build")
    yield project
    compose(project.folder, "--profile", "jobs", "down", "--volumes")


@pytest.fixture(scope="module")
def facts(built: Project, user: User) -> dict[str, Any]:
    """The facts that a program run by Compose reports."""
    (built.folder / ".env").write_text(f"CONTAINER_USER={user.uid}:{user.gid}\n", encoding="utf-8")
    said = compose(built.folder, "run", "--rm", "--no-TTY", "work", "facts", "--epochs", "3", **VARIABLES)
    found: dict[str, Any] = json.loads(said.splitlines()[-1])
    return found


def test_a_program_runs_as_who_the_caller_says(facts: dict[str, Any], built: Project, user: User) -> None:
    assert facts["ids"] == [user.uid, user.gid]
    assert user.owns(built.folder / "data" / "written")


def test_arguments_reach_the_program(facts: dict[str, Any]) -> None:
    assert facts["arguments"] == ["--epochs", "3"]


def test_variables_are_what_the_run_script_would_pass(facts: dict[str, Any]) -> None:
    assert facts["environment"] == {
        "TOKEN": VARIABLES["MLSPEC_TEST_TOKEN"],
        "FROM_CALLER": VARIABLES["FROM_CALLER"],
        "PRICE": "$5 ${HOME}",
        "QUOTED": "'as it is'",
        "DOLLAR": "$HOME",
    }


def test_mounts_and_secrets_are_where_the_program_looks(facts: dict[str, Any]) -> None:
    assert (facts["key"], facts["input"], facts["kept"]) == ("the key", ["a"], True)


def test_memory_and_limits_are_those_of_the_spec(facts: dict[str, Any]) -> None:
    assert (facts["memory"], facts["files"]) == (96 * 1024 * 1024, [777, 888])


def test_a_volume_is_the_one_of_the_run_script(facts: dict[str, Any], prefix: str) -> None:
    assert facts["kept"]
    assert subprocess.run(["docker", "volume", "inspect", f"{prefix}-kept"], capture_output=True).returncode == 0


def test_a_server_becomes_healthy_and_can_write_nothing(built: Project) -> None:
    # `up` does not start programs that end by themselves.
    compose(built.folder, "up", "--detach", "--wait", "--wait-timeout", "120")
    address = compose(built.folder, "port", "serve", "8000").strip()

    said = urllib.request.urlopen(f"http://{address}/healthz", timeout=10).read()

    assert address.startswith("127.0.0.1:")
    assert said == b"Read-only file system"
    assert compose(built.folder, "--profile", "jobs", "ps", "--services").split() == ["serve"]


def test_a_step_of_the_build_reads_its_secret(built: Project) -> None:
    image = built.plan("builds").image
    words = ["docker", "run", "--rm", "--entrypoint", "cat", image, "/kept"]

    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout == "the key"


def test_an_image_has_the_layers_that_mlspec_builds(built: Project) -> None:
    # Compare layers, not labels: Compose adds its own labels.
    def layers() -> str:
        words = ["docker", "image", "inspect", "--format", "{{json .RootFS.Layers}}", built.plan("serve").image]
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout

    by_compose = layers()
    built.build("serve")

    assert layers() == by_compose


def test_a_folder_that_is_missing_is_not_made(built: Project) -> None:
    (built.folder / "data").rename(built.folder / "data-away")
    words = ["docker", "compose", "run", "--rm", "--no-TTY", "work", "facts"]

    done = subprocess.run(words, cwd=built.folder, env={**os.environ, **VARIABLES}, capture_output=True, text=True)

    (built.folder / "data-away").rename(built.folder / "data")
    assert done.returncode != 0
    assert "data" in done.stderr


# By form


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_compose_reads_it(path: Path, tmp_path: Path) -> None:
    (artifact,) = (a for a in drawn(path, ["compose"]))
    (tmp_path / artifact.path).write_text(artifact.text, encoding="utf-8")
    (service_files,) = ([s.get("env_file", []) for s in yaml.safe_load(artifact.text)["services"].values()],)
    for entry in (entry for entries in service_files for entry in entries):
        (tmp_path / entry["path"]).write_text("", encoding="utf-8")

    compose(tmp_path, "--file", artifact.path, "config", "--quiet")


@pytest.mark.parametrize(
    ("asked", "driver", "count", "ids", "capabilities"),
    [
        ("gpus: all", "", -1, None, ["gpu"]),
        ("gpus: 2", "", 2, None, ["gpu"]),
        ('gpus: [{device_ids: ["0", "3"]}]', "", 0, ["0", "3"], ["gpu"]),
        ("gpus: [{device_ids: [GPU-3a23c669], driver: nvidia}]", "nvidia", 0, ["GPU-3a23c669"], ["gpu"]),
        ("gpus: [{driver: nvidia}]", "nvidia", -1, None, ["gpu"]),
        ("gpus: [{count: 1, capabilities: [gpu, utility, video]}]", "", 1, None, ["gpu", "utility", "video"]),
        ('gpus: [{driver: cdi, device_ids: ["nvidia.com/gpu=all"]}]', "cdi", 0, ["nvidia.com/gpu=all"], []),
    ],
)
def test_a_request_for_gpus_is_what_the_engine_understands(
    asked: str, driver: str, count: int, ids: list[str] | None, capabilities: list[str], make: Make, base: str
) -> None:
    (request,) = created(make, base, f"accelerator: cuda\n{asked}")["DeviceRequests"]

    assert (request["Driver"], request["Count"], request["DeviceIDs"] or None) == (driver, count, ids)
    assert sorted({name for names in request["Capabilities"] or [[]] for name in names}) == capabilities


def test_the_devices_and_groups_of_amd_are_what_the_engine_understands(make: Make, base: str) -> None:
    host = created(make, base, "accelerator: rocm6.3")

    assert [device["PathOnHost"] for device in host["Devices"]] == ["/dev/kfd", "/dev/dri"]
    assert host["GroupAdd"] == ["video", "44"]


def created(make: Make, base: str, yaml: str) -> dict[str, Any]:
    """Create a container with Compose without starting it, and return its HostConfig."""
    project = make(f"python: 3.12\ntargets: [compose]\n{yaml}")
    (service,) = yaml_of(project)["services"].values()
    subprocess.run(["docker", "tag", base, service["image"]], check=True)
    try:
        compose(project.folder, "create")
        container = compose(project.folder, "ps", "--all", "--quiet").strip()
        said = subprocess.run(["docker", "inspect", container], capture_output=True, text=True, check=True).stdout
        host: dict[str, Any] = json.loads(said)[0]["HostConfig"]
        return host
    finally:
        compose(project.folder, "down", "--volumes")


def yaml_of(project: Project) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((project.folder / "compose.yaml").read_text(encoding="utf-8"))
    return found


# docker compose watch

WATCHED = """
python: 3.12
targets: [compose]
mounts: [./data:/app/data]
requirements: [six]
entrypoint: python -u main.py
"""


@pytest.fixture
def watched(make: Make, wheels: dict[str, Wheel], prefix: str, user: User) -> Iterator[tuple[Project, Path]]:
    """A project whose service runs, and the output of ``docker compose watch``, which is outside of the folder."""
    files = {"main.py": said("first"), "requirements.lock": f"# layer all\n{wheels['six']}", "data/.keep": ""}
    project = make(f"name: watched\n{WATCHED}", files, layers=["all"], owner=user)
    (project.folder / ".env").write_text(f"CONTAINER_USER={user.uid}:{user.gid}\n")
    output = project.folder.parent / "watch.log"
    compose(project.folder, "up", "--detach", "--build")
    with output.open("w") as log:
        command = ["docker", "compose", "--progress", "plain", "watch", "--no-up"]
        child = subprocess.Popen(
            command, cwd=project.folder, stdout=log, stderr=log, env={**os.environ, "NO_COLOR": "1"}
        )
    assert eventually(lambda: "Watch enabled" in output.read_text())
    yield project, output
    child.terminate()
    child.wait(timeout=30)
    compose(project.folder, "down", "--volumes")


def said(word: str) -> str:
    return f"import pathlib, time\npathlib.Path('data/seen').write_text('{word}')\ntime.sleep(600)\n"


def test_watch_restarts_for_code_builds_for_a_lock_and_ignores_what_the_program_writes(
    watched: tuple[Project, Path],
) -> None:
    project, output = watched
    seen = project.folder / "data" / "seen"
    assert eventually(lambda: seen.exists() and seen.read_text() == "first")
    time.sleep(2)  # the debounce of Compose is half a second: a restart for data/seen would have begun
    assert "restarted" not in output.read_text()

    (project.folder / "main.py").write_text(said("second"))
    assert eventually(lambda: seen.read_text() == "second")
    assert "Rebuilding" not in output.read_text()

    lock = project.folder / "requirements.lock"
    lock.write_text(f"{lock.read_text()}# edited\n")
    assert eventually(lambda: "successfully built" in output.read_text(), 60)
