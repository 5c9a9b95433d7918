"""Tests of built images: their contents, cached steps, and no leftovers of the build."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import secrets
import signal
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mlspec.errors import SpecError, ToolError
from mlspec.host.engine import engine as effects
from mlspec.host.engine import image_build
from mlspec.targets import run_script
from mlspec.targets.build_options import BuildOptions

if TYPE_CHECKING:
    import docker

    from tests.engine.conftest import Make, Project, Wheel

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("engine")]

MAIN = (
    "import importlib.util\nprint(*(name for name in ('six', 'idna', 'iniconfig') if importlib.util.find_spec(name)))\n"
)
PACKAGES = "name: packages\npython: 3.12\nrequirements: [six, idna]\nentrypoint: python main.py\n"


# The engine caches steps across test sessions, so a step that must run again contains a new text.
NEW = f"# {secrets.token_hex(8)}\n"


def locked(*wheels: Wheel, light: tuple[Wheel, ...]) -> str:
    return "".join(("# layer heavy\n", *map(str, wheels), "# layer light\n", *map(str, light)))


@pytest.fixture(scope="module")
def packages(make: Make, wheels: dict[str, Wheel]) -> Project:
    """A built project with two layers of packages."""
    lock = locked(wheels["six"], light=(wheels["idna"],))
    project = make(PACKAGES, {"main.py": MAIN, "requirements.lock": lock}, layers=("heavy", "light"))
    project.build()
    return project


def layers(engine: docker.DockerClient, project: Project, key: str = "") -> list[str]:
    return list(engine.images.get(project.plan(key).image).attrs["RootFS"]["Layers"])


def output(project: Project, *arguments: str, key: str = "") -> str:
    command = ["docker", "run", "--rm", "--pull", "never", project.plan(key).image, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_a_spec_without_requirements_builds_and_runs(make: Make) -> None:
    project = make("python: 3.12\nentrypoint: [python, main.py]\n", {"main.py": "print('hello')"})
    project.build()

    assert output(project) == "hello\n"


def test_locked_packages_are_installed(packages: Project) -> None:
    assert output(packages) == "six idna\n"


# The paths where installers, package managers and builds leave files that no program needs.
LEAVINGS = (
    "/uv /lock /requirements.lock /root/.cache /root/.local /opt/venv/bin/uv /tmp/* /app/*.lock "
    "/opt/venv/lib/python3*/site-packages/pip-* /var/lib/apt/lists/*_* /var/cache/apt/*.bin /var/cache/apt/archives/*.*"
)


def test_nothing_that_installs_is_left_in_the_image(make: Make, base: str, wheels: dict[str, Wheel]) -> None:
    spec = "name: bare\npython: 3.12\napt: [tree]\nrequirements: [six]\nentrypoint: sh\n"
    project = make(spec, {"requirements.lock": locked(wheels["six"], light=())}, layers=("heavy",))
    project.build()

    # Leftovers of the base image are in its own layers, so a removal would only hide them.
    assert left(project.plan().image) <= left(base)
    assert left(base) | {"/opt/venv/bin/python"} == left(project.plan().image, "/opt/venv/bin/python")


def left(image: str, more: str = "") -> set[str]:
    """Return the paths of LEAVINGS and ``more`` that exist in an image."""
    command = ["docker", "run", "--rm", "--user", "0:0", "--entrypoint", "sh", image, "-c", f"ls -d {LEAVINGS} {more}"]
    return set(subprocess.run(command, check=False, capture_output=True, text=True).stdout.split())


def test_bytecode_is_there_for_users_who_cannot_write_it(packages: Project) -> None:
    command = ["docker", "run", "--rm", "--entrypoint", "sh", packages.plan().image, "-c", "find /opt -name six.*.pyc"]

    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout.count("six.cpython") == 1


def test_a_wrong_hash_stops_the_build(make: Make, wheels: dict[str, Wheel]) -> None:
    lock = locked(wheels["six"], light=(wheels["idna"],)).replace(wheels["idna"].sha256, wheels["six"].sha256)
    project = make(PACKAGES, {"main.py": MAIN, "requirements.lock": lock}, layers=("heavy", "light"))
    done = subprocess.run(
        run_script.build_command(project.plan(), BuildOptions(progress="plain")),
        cwd=project.folder,
        capture_output=True,
        text=True,
    )

    assert (done.returncode != 0, "Hash mismatch for `idna" in done.stderr) == (True, True)


# The cost of a change


def ran(progress: str) -> list[str]:
    """Return the names of the build steps that ran, without cached steps."""
    vertexes: dict[str, dict[str, Any]] = {}
    for line in progress.splitlines():
        for vertex in json.loads(line).get("vertexes") or () if line.startswith("{") else ():
            vertexes.setdefault(vertex["digest"], {}).update(vertex)
    return [vertex["name"] for vertex in vertexes.values() if vertex.get("started") and not vertex.get("cached")]


def test_the_second_build_runs_no_step(packages: Project) -> None:
    steps = ran(packages.build(progress="rawjson"))

    assert [step for step in steps if " RUN " in step or " COPY " in step] == []


def test_an_edit_of_the_code_installs_nothing(make: Make, packages: Project, engine: docker.DockerClient) -> None:
    before = layers(engine, packages)
    lock = (packages.folder / "requirements.lock").read_text()
    edited = make(PACKAGES, {"main.py": f"{MAIN}{NEW}", "requirements.lock": lock}, layers=("heavy", "light"))
    steps = ran(edited.build(progress="rawjson"))
    after = layers(engine, edited)

    assert [step for step in steps if "install" in step and "[code " not in step] == []
    assert [old == new for old, new in zip(before, after, strict=True)].count(False) == 1


def test_an_added_package_changes_its_own_layer_alone(
    make: Make, packages: Project, engine: docker.DockerClient, wheels: dict[str, Wheel]
) -> None:
    packages.build()
    before = layers(engine, packages)
    # Append the text to a requirement, because comment lines do not reach the layers.
    lock = locked(wheels["six"], light=(wheels["idna"], wheels["iniconfig"])).rstrip() + f" {NEW}"
    added = make(PACKAGES, {"main.py": MAIN, "requirements.lock": lock}, layers=("heavy", "light"))
    steps = ran(added.build(progress="rawjson"))

    installs = [step.split()[0] for step in steps if " RUN " in step and "install.sh" in step]
    assert installs == ["[layer-light"]
    changed = [old != new for old, new in zip(before, layers(engine, added), strict=True)]
    assert changed.count(True) == 1
    assert output(added) == "six idna iniconfig\n"


# Secrets

SECRETS = """
name: secrets
python: 3.12
entrypoint: python -V
secrets:
  TOKEN: {environment: MLSPEC_TEST_TOKEN}
  KEY: {file: ./the key.txt}
run:
  - {command: ': SALT; printf %s "$TOKEN" | cat - /run/secrets/KEY | sha256sum > /proof', secrets: [TOKEN, KEY]}
"""


def blobs(archive: Path) -> Iterator[bytes]:
    """Yield the content of each file of a saved image, decompressed if needed."""
    with tarfile.open(archive) as outer:
        for member in outer:
            if file := outer.extractfile(member):
                data = file.read()
                yield gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


def test_a_build_secret_is_used_and_nowhere_kept(make: Make, engine: docker.DockerClient, tmp_path: Path) -> None:
    token, key = secrets.token_hex(20), secrets.token_hex(20)
    project = make(SECRETS.replace("SALT", secrets.token_hex(8)), {"the key.txt": key})
    said = project.build(environment={"MLSPEC_TEST_TOKEN": token})
    image = engine.images.get(project.plan().image)
    saved = tmp_path / "image.tar"
    with saved.open("wb") as file:
        file.writelines(image.save())
    kept = [*blobs(saved), said.encode(), json.dumps([image.history(), image.attrs]).encode()]

    proof = engine.containers.run(image, ["/proof"], entrypoint="cat", remove=True).decode()[:64]
    assert proof == hashlib.sha256((token + key).encode()).hexdigest()
    assert any(proof.encode() in blob for blob in kept)
    assert not any(secret.encode() in blob for secret in (token, key) for blob in kept)


def test_all_missing_secrets_are_told_before_the_build(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLSPEC_TEST_TOKEN", raising=False)
    project = make(SECRETS)
    with pytest.raises(SpecError) as caught:
        image_build.build(run_script.build_command(project.plan(), BuildOptions()), project.folder)

    assert [problem.code for problem in caught.value.problems] == ["MLS507", "MLS507"]


# mlspec's own build


def test_build_makes_the_image(make: Make, capfd: pytest.CaptureFixture[str]) -> None:
    project = make("python: 3.12\nentrypoint: [python, main.py]\n", {"main.py": "print('built')"})
    image_build.build(run_script.build_command(project.plan(), BuildOptions(progress="plain")), project.folder)

    assert effects.find_image(project.plan().image)
    assert "exporting to image" in capfd.readouterr().err


def test_a_failed_build_is_told_after_the_step_s_own_words(make: Make, capfd: pytest.CaptureFixture[str]) -> None:
    project = make('python: 3.12\nrun: ["echo the words of the step; exit 3"]\n')
    with pytest.raises(ToolError) as caught:
        image_build.build(run_script.build_command(project.plan(), BuildOptions(progress="plain")), project.folder)

    assert caught.value.problems[0].code == "MLS506"
    assert "the words of the step" in capfd.readouterr().err


BUILD = """
import sys
from pathlib import Path
from mlspec.host.engine import image_build
image_build.build(sys.argv[2:], Path(sys.argv[1]))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_build_and_mlspec_after_it(make: Make, number: signal.Signals) -> None:
    step = f"echo begun {secrets.token_hex(4)}; sleep 120"
    project = make(f"python: 3.12\nrun: ['{step}']\n")
    words = run_script.build_command(project.plan(), BuildOptions(progress="plain"))
    command = [sys.executable, "-c", BUILD, str(project.folder), *words]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        begun = next((line for line in process.stderr if "begun" in line and "RUN" not in line), "")
        process.send_signal(number)
        said = process.stderr.read()
        process.wait(timeout=20)

    assert ("begun" in begun, "context canceled" in said.lower(), "KeyboardInterrupt" in said) == (True, True, True)


# Lint

FULL = """
name: full
python: 3.12
apt: [tree]
requirements: [six]
environment: {GREETING: 'it''s "quoted" $HOME'}
labels: {org.example.title: a title}
ports: ["8000"]
healthcheck: /
read_only: true
run:
  - {command: apt-get --version, at: before_install}
  - {command: "set -x\\npython -c 'print(1)'\\n", cache: /root/.cache/x}
  - {command: ls, at: after_code}
entrypoint: python main.py
command: [--flag]
mounts: [./data:/app/data, ./input:/app/input:ro, "~/x y:/x"]
"""


@pytest.mark.parametrize(
    "yaml", [FULL, PACKAGES, "python: 3.12\n", SECRETS], ids=["full", "packages", "least", "secrets"]
)
def test_docker_finds_nothing_to_check(make: Make, yaml: str) -> None:
    project = make(yaml, {"requirements.lock": "# layer light\n"}, layers=("light",) if "requirements" in yaml else ())
    command = ["docker", "build", "--check", "--file", "Dockerfile", "."]
    done = subprocess.run(command, cwd=project.folder, capture_output=True, text=True)

    assert (done.returncode, "no warnings found" in done.stdout + done.stderr) == (0, True), done.stdout + done.stderr


def test_what_the_ignore_file_names_stays_out(make: Make) -> None:
    files = {"main.py": "import os; print(*sorted(os.listdir()))", ".env": "X=1", "data/big.bin": "0", "src/a.py": ""}
    project = make("python: 3.12\nentrypoint: [python, main.py]\nmounts: [./data:/app/data]\n", files)
    project.build()

    assert output(project) == "main.py src\n"


def test_the_same_files_make_the_same_layers_wherever_they_stand(make: Make, engine: docker.DockerClient) -> None:
    first, second = (make("python: 3.12\n", {"main.py": "print('same')", "pkg/x.py": ""}) for _ in range(2))
    (second.folder / "main.py").chmod(0o600)
    (second.folder / "pkg").chmod(0o700)
    first.build()
    second.build()

    assert layers(engine, first) == layers(engine, second)


def test_the_archive_of_the_proof_is_read_as_it_is_packed(tmp_path: Path) -> None:
    archive = tmp_path / "image.tar"
    with tarfile.open(archive, "w") as tar:
        for name, data in {"plain": b"needle", "packed": gzip.compress(b"needle")}.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))

    assert list(blobs(archive)) == [b"needle", b"needle"]


# The end of a container

WAITS = """
import signal, sys

def end(number, frame):
    sys.exit(number)

for number in (signal.SIGTERM, signal.SIGINT, signal.SIGRTMIN + 3):
    signal.signal(number, end)
print("ready", flush=True)
while True:
    signal.pause()
"""
SIGNALS = """
python: 3.12
entrypoint: python main.py
images: {int: {stop_signal: int}, real: {stop_signal: SIGRTMIN+3}, number: {stop_signal: 2}, base: {}}
"""


@pytest.mark.parametrize(
    ("key", "expected"), [("int", signal.SIGINT), ("real", signal.SIGRTMIN + 3), ("number", 2), ("base", 15)]
)
@pytest.mark.parametrize("init", [True, False], ids=["init", "no-init"])
def test_an_engine_sends_the_stop_signal(
    make: Make, engine: docker.DockerClient, key: str, expected: int, init: bool
) -> None:
    project = make(SIGNALS, {"main.py": WAITS})
    project.build(key)
    container = engine.containers.run(project.plan(key).image, detach=True, init=init)
    try:
        assert any(b"ready" in line for line in container.logs(stream=True))
        container.stop(timeout=20)
        assert container.wait()["StatusCode"] == expected
    finally:
        container.remove(force=True)
