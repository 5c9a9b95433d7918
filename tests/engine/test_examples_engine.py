"""The examples do what their comments say: they are built, run, changed and built again as a learner would."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

if TYPE_CHECKING:
    import docker

    from tests.engine.conftest import User

pytestmark = pytest.mark.engine

EXAMPLES = Path(__file__).parents[2] / "specs"
MLSPEC = str(Path(sys.executable).with_name("mlspec"))
MARK = f"mlspec-examples-{uuid.uuid4().hex[:8]}"
"""Begins the name of every image made here, to be found and removed at the end."""


@dataclass(frozen=True)
class Example:
    """A copy of an example, and the engine that builds and runs it."""

    folder: Path
    engine: docker.DockerClient

    @property
    def name(self) -> str:
        return str(yaml.safe_load((self.folder / "mlspec.yaml").read_text())["name"])

    def say(self, *command: str, prefix: tuple[str, ...] = ()) -> str:
        """Run a command in the folder and return all that it said."""
        done = subprocess.run(
            (*prefix, *command), cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def mlspec(self, *arguments: str, prefix: tuple[str, ...] = ()) -> str:
        return self.say(MLSPEC, *arguments, prefix=prefix)

    def build(self) -> str:
        return self.mlspec("build", "--progress", "plain")

    def layers(self, key: str = "") -> list[str]:
        return list(self.engine.images.get(f"{self.name}{key}").attrs["RootFS"]["Layers"])

    def edit(self, name: str, change: Callable[[str], str]) -> None:
        path = self.folder / name
        path.write_text(change(path.read_text()))


def installed_anew(said: str) -> set[str]:
    """Return the names of the layers that a build installed rather than took from its cache."""
    stages = dict(re.findall(r"^#(\d+) \[layer-(\S+) .*install\.sh$", said, re.M))
    return {stages[step] for step in re.findall(r"^#(\d+) DONE", said, re.M) if step in stages}


def pins(folder: Path, name: str = "requirements.lock") -> set[str]:
    return set(re.findall(r"^[a-z].*==\S+", (folder / name).read_text(), re.M))


@pytest.fixture(scope="module")
def copy(engine: docker.DockerClient, registry: str, workshop: Path) -> Iterator[Callable[[str], Example]]:
    """Copy an example, on the mirror's base image: the committed digest is the public registry's."""
    from mlspec.effects import registry as effects

    def make(name: str) -> Example:
        folder = workshop / MARK / name
        shutil.copytree(EXAMPLES / name, folder)
        example = Example(folder, engine)
        # Any free port: another server may have the one of the example.
        example.edit(
            "mlspec.yaml", lambda text: text.replace("\nname: ", f"\nname: {MARK}-").replace("8000:8000", "8000")
        )
        lock = (folder / "mlspec.lock").read_text()
        base = effects.resolve(re.findall(r'^reference = "(.*)"', lock, re.M)[0], "linux/amd64")
        lock = re.sub(r'^digest = ".*"', f'digest = "{base.digest}"', lock, flags=re.M)
        (folder / "mlspec.lock").write_text(re.sub(r'^python = ".*"', f'python = "{base.python}"', lock, flags=re.M))
        example.mlspec("render")
        return example

    yield make
    for image in engine.images.list():
        for tag in image.tags:
            if tag.startswith(MARK):
                engine.images.remove(tag, force=True)


@pytest.fixture(scope="module")
def training(copy: Callable[[str], Example]) -> Example:
    example = copy("first-training")
    example.build()
    return example


@pytest.fixture(scope="module")
def serving(copy: Callable[[str], Example]) -> Example:
    example = copy("serving")
    example.build()
    return example


@pytest.fixture(scope="module")
def pair(copy: Callable[[str], Example]) -> Example:
    example = copy("train-and-serve")
    example.build()
    return example


@contextmanager
def served(example: Example, key: str = "") -> Iterator[str]:
    """Start an example's server, wait until the engine calls it healthy, and yield its address."""
    command = [MLSPEC, "run", *([key] if key else [])]
    image = f"{example.name}-{key}" if key else example.name
    with subprocess.Popen(command, cwd=example.folder, stdin=subprocess.DEVNULL) as process:
        try:
            yield f"http://{healthy(example.engine, image, process)}"
        finally:
            process.terminate()
            process.wait(20)


def healthy(engine: docker.DockerClient, image: str, process: subprocess.Popen[bytes]) -> str:
    for _ in range(300):
        assert process.poll() is None, "the server ended before it answered"
        for container in engine.containers.list(filters={"ancestor": image, "health": "healthy"}):
            ((binding,),) = (ports for ports in container.ports.values() if ports)
            return f"{binding['HostIp']}:{binding['HostPort']}"
        time.sleep(0.1)
    raise TimeoutError(f"{image} is not healthy after half a minute")


def asked(address: str, data: object = None) -> Any:  # noqa: ANN401
    body = None if data is None else json.dumps(data).encode()
    request = urllib.request.Request(address, body, {"Content-Type": "application/json"})  # noqa: S310
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as answer:
        return json.load(answer)


def belongs_to(path: Path, user: User) -> bool:
    status = path.stat()
    return (status.st_uid, status.st_gid) == (user.uid, user.gid)


# The first training


def test_the_pins_of_the_example_are_those_that_are_built(training: Example) -> None:
    assert pins(training.folder) == pins(EXAMPLES / "first-training")


def test_training_writes_its_results_as_the_caller(training: Example, user: User) -> None:
    for path in (training.folder, *training.folder.iterdir()):
        os.chown(path, user.uid, user.gid)
    training.mlspec("run", "--", "--epochs", "3", prefix=user.prefix)
    data = training.folder / "data"

    assert json.loads((data / "metrics.json").read_text())["epochs"] == 3
    assert {path.name for path in data.iterdir()} == {"flowers.csv", "metrics.json", "model.joblib"}
    assert all(belongs_to(path, user) for path in (data, *data.iterdir()))


def test_the_run_script_alone_runs_what_docker_alone_builds(training: Example) -> None:
    training.say("docker", "build", "--quiet", "--tag", training.name, ".")

    assert "epoch 2: accuracy" in training.say("./run.sh", "--epochs", "2")


def test_an_edit_of_the_code_reinstalls_nothing(training: Example) -> None:
    before = training.layers()
    training.edit("train.py", lambda text: text.replace("epoch {epoch}:", "round {epoch}:"))
    said = training.build()
    after = training.layers()

    assert "round 1:" in training.mlspec("run", "--", "--epochs", "1")
    assert installed_anew(said) == set()
    assert len([layer for layer in after if layer not in before]) == 1


def test_one_more_requirement_moves_nothing_else(training: Example) -> None:
    pinned, before = pins(training.folder), training.layers()
    training.edit("requirements.in", lambda text: f"{text}idna\n")
    said = training.build()
    after = training.layers()

    assert {pin.partition("==")[0] for pin in pins(training.folder) - pinned} == {"idna"}
    assert pinned <= pins(training.folder)
    # Or nothing at all, where the engine's cache still knows this very layer.
    assert installed_anew(said) <= {"tiny_wheels"}
    # The layer that it joined, and the code, of which requirements.in is a part.
    assert len([layer for layer in after if layer not in before]) == 2


# A server


def test_a_server_turns_healthy_and_answers(serving: Example) -> None:
    with served(serving) as address:
        assert asked(f"{address}/predict", {"area": 60, "rooms": 3}) == {"rent": 990.0}


# Training and serving


def test_what_one_image_trains_the_other_serves(pair: Example) -> None:
    pair.mlspec("run", "train", "--", "--epochs", "7")
    with served(pair, "serve") as address:
        assert asked(f"{address}/healthz") == {"epochs": 7}
        assert asked(f"{address}/predict", {"area": 60, "rooms": 3})["rent"] > 0


def test_the_larger_image_adds_layers_to_those_of_the_smaller(pair: Example) -> None:
    assert set(pair.layers("-train")) < set(pair.layers("-serve"))
