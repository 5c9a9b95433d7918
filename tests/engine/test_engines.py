"""Tests that independent engines, and bake, build the same images, and that one starts from another's build cache."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mlspec import api
from mlspec.lock.state import LockOptions
from mlspec.targets import run_script
from mlspec.targets.build_options import BuildOptions
from tests.support.examples import Example

pytestmark = pytest.mark.engine

BRIDGE = f"mlspec-{os.getpid()}"  # unique for this run: a killed run may have left its own
# Chosen for their layers: a few packages; more packages and a health check; code and one package.
SPECS = {"batch-job": "", "serving": "", "train-and-serve": "train"}


def started(folder: Path) -> tuple[subprocess.Popen[bytes], str]:
    """Start an engine with all its data in ``folder``, wait for it, and return its process and its address."""
    config, address = folder / "daemon.json", f"unix://{folder}/engine.sock"
    config.write_text(json.dumps({"features": {"containerd-snapshotter": True}}))
    # The engine ends with the tests, even if they are killed.
    words = [
        "setpriv",
        "--pdeathsig=TERM",
        "--",
        "dockerd",
        "--config-file",
        str(config),
        "--host",
        address,
        "--pidfile",
        str(folder / "pid"),
    ]
    words += ["--data-root", str(folder / "data"), "--exec-root", str(folder / "exec")]
    # A separate bridge: without one, a starting engine removes docker0, which belongs to another engine.
    words += [f"--bridge={BRIDGE}", "--iptables=false", "--ip6tables=false"]
    words += ["--registry-mirror", "http://127.0.0.1:5000"]
    environment = {name: value for name, value in os.environ.items() if name != "DOCKER_HOST"}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log, env=environment)
    for _ in range(60):
        asked = subprocess.run(["docker", "--host", address, "version"], capture_output=True)
        if asked.returncode == 0 or process.poll() is not None:
            break
        time.sleep(0.5)
    return process, address


@pytest.fixture
def fresh(registry: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], str]]:
    """A function that starts an engine without a cache and returns its address; all engines stop at the end."""
    missing = [name for name in ("dockerd", "setpriv", "ip") if not shutil.which(name)]
    if os.geteuid() != 0 or missing:
        pytest.skip(f"only root can start an engine of its own, and only with {', '.join(missing) or 'its rights'}")
    made = subprocess.run(["ip", "link", "add", BRIDGE, "type", "bridge"], capture_output=True, text=True)
    if made.returncode:
        pytest.skip(f"no network for an engine of its own can be made here: {made.stderr.strip()}")
    subprocess.run(["ip", "address", "add", "172.31.255.1/24", "dev", BRIDGE], check=True)
    running: list[tuple[subprocess.Popen[bytes], Path]] = []

    def start() -> str:
        folder = tmp_path_factory.mktemp("engine")
        process, address = started(folder)
        running.append((process, folder))
        if process.poll() is not None:
            pytest.skip(f"a second engine does not start here: {(folder / 'log').read_text()[-300:]}")
        return address

    yield start
    for process, folder in running:
        process.terminate()
        process.wait(60)
        shutil.rmtree(folder, ignore_errors=True)
    subprocess.run(["ip", "link", "delete", BRIDGE], check=True)


def built(folder: Path, key: str, address: str, archive: Path) -> str:
    """Build on the engine at ``address``, and return the digest that a push of the image would have."""
    rendered = api.render(folder / "mlspec.yaml", LockOptions(locked=True))
    metadata = archive.with_suffix(".json")
    options = BuildOptions(progress="plain", archive=str(archive), metadata_file=str(metadata))
    command = run_script.build_command(rendered.plan(key or None), options)
    done = subprocess.run(
        [*command[:-1], "--network", "host", command[-1]],
        cwd=folder,
        env={**os.environ, "DOCKER_HOST": address},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    archive.unlink()
    return str(json.loads(metadata.read_text())["containerimage.digest"])


def test_two_fresh_engines_build_one_image(
    copy: Callable[[str], Example], fresh: Callable[[], str], tmp_path: Path
) -> None:
    projects = {name: copy(name).folder for name in SPECS}
    digests: list[dict[str, str]] = []
    for turn in ("one", "other"):
        address = fresh()
        digests.append({})
        for name, key in SPECS.items():
            # Each engine builds from a separate checkout.
            checkout = tmp_path / turn / name
            shutil.copytree(projects[name], checkout, copy_function=shutil.copyfile)
            digests[-1][name] = built(checkout, key, address, tmp_path / "image.tar")

    assert digests[0] == digests[1]
    assert len(set(digests[0].values())) == len(SPECS)


IMAGES = """\
name: lab
python: 3.12
requirements: idna
registry: {name: "%s/%s", compression: zstd}
targets: [bake]
images:
  train: {entrypoint: python train.py}
  eval: {entrypoint: python eval.py}
"""


def pushed(folder: Path, *words: str, address: str = "") -> tuple[str, str]:
    """Build and push all images of a spec with a tag; return the command's stdout and stderr."""
    environment = {**os.environ, "MLSPEC_CACHE_DIR": str(folder.parent / "cache")}
    command = (sys.executable, "-m", "mlspec", "build", "--push", "--no-labels", "--tag", ":1.0", *words)
    environment |= {"DOCKER_HOST": address} if address else {}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


@dataclass(frozen=True)
class Pushed:
    """A project with two images that were pushed, the reference of its build cache, and what the push printed."""

    folder: Path
    place: str
    cache: str
    names: str
    said: str


@pytest.fixture(scope="module")
def both(registry: str, prefix: str, tmp_path_factory: pytest.TempPathFactory) -> Pushed:
    folder, place = tmp_path_factory.mktemp("both") / "project", f"{registry}/{prefix}"
    folder.mkdir()
    (folder / "mlspec.yaml").write_text(IMAGES % (registry, prefix))
    for name in ("train.py", "eval.py"):
        (folder / name).write_text("print(1)\n")
    names, said = pushed(folder, "--cache", f"{place}/cache")
    return Pushed(folder, place, f"{place}/cache", names, said)


@pytest.mark.index
def test_all_images_of_a_spec_are_pushed_with_a_build_cache(both: Pushed) -> None:
    assert [line.partition("@")[0] for line in both.names.splitlines()] == [
        f"{both.place}/lab-{key}" for key in ("train", "eval")
    ]
    assert f"missing  the build cache {both.cache}:train ({both.cache}:train: not found)" in both.said


@pytest.mark.index
def test_a_fresh_engine_builds_all_images_of_a_spec_from_the_cache_of_another(
    both: Pushed, fresh: Callable[[], str]
) -> None:
    names, said = pushed(both.folder, "--cache-from", both.cache, address=fresh())

    assert names == both.names
    # The second engine has no network for its steps: it would fail if it ran one.
    assert said.count("cached   requirements: idna") == 2


@pytest.mark.index
def test_bake_pushes_the_same_images(both: Pushed) -> None:
    environment = {**os.environ, "TAG": "2.0", "CACHE": both.cache}
    command = ("docker", "buildx", "bake", "--push", "--metadata-file", "../bake.json")
    done = subprocess.run(command, cwd=both.folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

    made = json.loads((both.folder.parent / "bake.json").read_text())
    digests = {name: made[name]["containerimage.digest"] for name in ("train", "eval")}
    assert [f"{both.place}/lab-{name}@{digest}" for name, digest in digests.items()] == both.names.splitlines()
    assert made["train"]["image.name"] == f"{both.place}/lab-train:2.0"
