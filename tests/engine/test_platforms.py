"""Tests of one image for two platforms on a real engine: it builds for the other platform without emulation."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from tests.engine.conftest import BASE

pytestmark = pytest.mark.engine

AMD, ARM = "linux/amd64", "linux/arm64"
MACHINES = {AMD: "x86_64", ARM: "aarch64"}
SPEC = """\
name: {name}
python: 3.12
base: {base}
platforms: [linux/amd64, linux/arm64]
requirements: [markupsafe, 'uvloop ; platform_machine == "x86_64"']
entrypoint: python check.py
"""
CHECK = "import markupsafe._speedups as module, platform; print(platform.machine(), module.__file__)\n"


def ran(*words: str, folder: Path) -> str:
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def mlspec(*words: str, folder: Path) -> str:
    return ran(sys.executable, "-m", "mlspec", *words, folder=folder)


@pytest.fixture(scope="module")
def base(registry: str, prefix: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A base for both platforms in a registry. If the registry's original has one platform, both get its files."""
    name = f"{registry}/{prefix}-base:3.12-slim-bookworm"
    folder = tmp_path_factory.mktemp("base")
    (folder / "Dockerfile").write_text(f"FROM {BASE}\n")
    words = ("docker", "buildx", "build", "--provenance=false", "--platform", f"{AMD},{ARM}", "--tag", name, "--push")
    ran(*words, ".", folder=folder)
    return name


@pytest.fixture(scope="module")
def project(base: str, prefix: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the spec, its program and its locks."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "mlspec.yaml").write_text(SPEC.format(name=f"{prefix}-two", base=base))
    (folder / "check.py").write_text(CHECK)
    mlspec("render", folder=folder)
    return folder


@pytest.fixture(scope="module")
def pushed(project: Path, registry: str, prefix: str) -> str:
    """The reference, with its digest, of the pushed image for both platforms."""
    return mlspec("build", "--push", "--tag", f"{registry}/{prefix}-two", folder=project).strip()


def test_the_base_is_that_of_both_platforms(project: Path, base: str) -> None:
    inspected = ran("docker", "buildx", "imagetools", "inspect", base, folder=project)
    digest = next(line.split()[1] for line in inspected.splitlines() if line.startswith("Digest:"))

    assert f"FROM {base}@{digest} AS python" in (project / "Dockerfile").read_text()


def test_a_build_is_for_the_engines_own_platform(project: Path, engine: docker.DockerClient) -> None:
    mlspec("build", folder=project)

    machine = MACHINES[f"linux/{engine.version()['Arch']}"]
    assert mlspec("run", folder=project).split()[0] == machine


@pytest.mark.parametrize("platform", [AMD, ARM])
def test_the_engine_finds_nothing_to_mend_on_either(project: Path, platform: str) -> None:
    words = ("docker", "buildx", "build", "--check", "--platform", platform, ".")

    assert "no warnings found" in ran(*words, folder=project)


def test_a_push_is_an_image_of_both_platforms(project: Path, pushed: str) -> None:
    raw = json.loads(ran("docker", "buildx", "imagetools", "inspect", "--raw", pushed, folder=project))

    assert {f"{m['platform']['os']}/{m['platform']['architecture']}" for m in raw["manifests"]} == {AMD, ARM}


@pytest.fixture
def files(engine: docker.DockerClient, pushed: str, request: pytest.FixtureRequest) -> Iterator[set[str]]:
    """The names of the packages' files in the pushed image for a platform, which this host need not support."""
    image = engine.images.pull(pushed.partition("@")[0], platform=request.param)
    container = engine.containers.create(image, platform=request.param)
    exported = subprocess.run(["docker", "export", str(container.id)], capture_output=True, check=True).stdout
    try:
        with tarfile.open(fileobj=io.BytesIO(exported)) as archive:
            yield {Path(name).name for name in archive.getnames() if name.startswith("opt/venv/lib")}
    finally:
        container.remove(force=True)


@pytest.mark.parametrize(
    ("files", "machine", "is_full"), [(AMD, "x86_64", True), (ARM, "aarch64", False)], indirect=["files"]
)
def test_each_platform_has_its_own_wheels(files: set[str], machine: str, is_full: bool) -> None:
    speedups = {name for name in files if name.startswith("_speedups") and name.endswith(".so")}

    assert speedups == {f"_speedups.cpython-312-{machine}-linux-gnu.so"}
    assert ("uvloop" in files) is is_full
