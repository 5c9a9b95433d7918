"""Copies of the examples: functions to build, run and query them as a reader would."""

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
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from tests.support.places import PROJECT

if TYPE_CHECKING:
    import docker
    from docker.models.containers import Container

    from tests.engine.conftest import User

EXAMPLES = PROJECT / "specs"
MLSPEC = str(Path(sys.executable).with_name("mlspec"))
Variables = Mapping[str, str]
MARK = f"mlspec-examples-{uuid.uuid4().hex[:8]}"
"""The prefix of the names of all images and volumes of the tests, to find and remove them at the end."""


@dataclass(frozen=True)
class Example:
    """A copy of an example, and the engine that builds and runs it."""

    folder: Path
    engine: docker.DockerClient

    @property
    def name(self) -> str:
        return str(yaml.safe_load((self.folder / "mlspec.yaml").read_text())["name"])

    def say(
        self,
        *command: str,
        prefix: tuple[str, ...] = (),
        typed: str | None = None,
        env: Variables | None = None,
        code: int = 0,
    ) -> str:
        """Run a command in the folder, with ``typed`` as its input, and return its output.

        Raises AssertionError if the exit code is not ``code``.
        """
        done = subprocess.run(
            (*prefix, *command),
            cwd=self.folder,
            input=typed,
            env={**os.environ, **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == code, done.stdout
        return done.stdout

    def mlspec(self, *arguments: str, **how: Any) -> str:  # noqa: ANN401
        return self.say(MLSPEC, *arguments, **how)

    def build(self, *images: str) -> str:
        return self.mlspec("build", "--progress", "plain", *images)

    def layers(self, key: str = "") -> list[str]:
        return list(self.engine.images.get(f"{self.name}{key}").attrs["RootFS"]["Layers"])

    def edit(self, name: str, change: Callable[[str], str]) -> None:
        path = self.folder / name
        path.write_text(change(path.read_text()))

    def give_to(self, user: User) -> None:
        """Change the owner of the folder and all files in it to a user."""
        for path in (self.folder, *self.folder.rglob("*")):
            os.chown(path, user.uid, user.gid)

    def containers(self, key: str = "") -> list[Container]:
        """Return the running containers of an image of this example."""
        return list(self.engine.containers.list(filters={"ancestor": f"{self.name}{key}"}))

    @contextmanager
    def running(self, *arguments: str, env: Variables | None = None) -> Iterator[subprocess.Popen[str]]:
        """Start ``mlspec run``, and yield the process, with a pipe for its output."""
        with subprocess.Popen(
            (MLSPEC, "run", *arguments),
            cwd=self.folder,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.terminate()


def copied(name: str, folder: Path, engine: docker.DockerClient) -> Example:
    """Copy an example to ``folder``, with unique names, and with a base image that the mirror has."""
    shutil.copytree(EXAMPLES / name, folder)
    example = Example(folder, engine)
    take_base_of_mirror(folder)
    for spec in sorted(folder.rglob("mlspec.yaml")):
        spec.write_text(marked(spec.read_text()))
        example.mlspec("render", str(spec))
    return example


def take_base_of_mirror(folder: Path) -> None:
    """Write the mirror's digest of the base image into locks: the committed digest is that of the public registry."""
    from mlspec.host.network import registry

    for path in folder.rglob("mlspec.lock"):
        lock = path.read_text()
        base = registry.resolve(re.findall(r'^reference = "(.*)"', lock, re.M)[0], "linux/amd64")
        lock = re.sub(r'^digest = ".*"', f'digest = "{base.digest}"', lock, flags=re.M)
        path.write_text(re.sub(r'^python = ".*"', f'python = "{base.python}"', lock, flags=re.M))


def marked(spec: str) -> str:
    """Return a spec with unique names for its images and volumes, and with any free port for its server."""
    spec = spec.replace("\nname: ", f"\nname: {MARK}-")
    spec = re.sub(r"^( *- )([a-z][\w-]*:/)", rf"\g<1>{MARK}-\2", spec, flags=re.M)
    return re.sub(r'"(\d+):\1"', r'"\1"', spec)


def forget(engine: docker.DockerClient) -> None:
    """Remove the images and volumes of the tests."""
    for image in engine.images.list():
        for tag in image.tags:
            if tag.startswith(MARK):
                engine.images.remove(tag, force=True)
    for volume in engine.volumes.list():
        if str(volume.name).startswith(MARK):
            volume.remove(force=True)


def installed_anew(said: str) -> set[str]:
    """Return the names of the layers that a build installed, without those from its cache."""
    stages = dict(re.findall(r"^#(\d+) \[layer-(\S+) .*install\.sh$", said, re.M))
    return {stages[step] for step in re.findall(r"^#(\d+) DONE", said, re.M) if step in stages}


def pins(folder: Path, name: str = "requirements.lock") -> set[str]:
    return set(re.findall(r"^[a-z].*==\S+", (folder / name).read_text(), re.M))


@contextmanager
def served(
    example: Example, key: str = "", *, prefix: tuple[str, ...] = (), env: Variables | None = None
) -> Iterator[str]:
    """Start an example's server, wait until the engine reports it as healthy, and yield its address."""
    command = [*prefix, MLSPEC, "run", *([key] if key else [])]
    image = f"{example.name}-{key}" if key else example.name
    environment = {**os.environ, **(env or {})}
    with subprocess.Popen(command, cwd=example.folder, env=environment, stdin=subprocess.DEVNULL) as process:
        try:
            yield f"http://{healthy(example.engine, image, process)}"
        finally:
            process.terminate()
            process.wait(60)


def healthy(engine: docker.DockerClient, image: str, process: subprocess.Popen[bytes]) -> str:
    # The health check starts a Python every two seconds; on a busy host of two cores that alone took over a minute.
    end = time.monotonic() + 300
    while time.monotonic() < end:
        assert process.poll() is None, "the server ended before it answered"
        for container in engine.containers.list(filters={"ancestor": image, "health": "healthy"}):
            ((binding,),) = (ports for ports in container.ports.values() if ports)
            return f"{binding['HostIp']}:{binding['HostPort']}"
        time.sleep(0.1)
    raise TimeoutError(f"{image} is not healthy after five minutes")


def asked(address: str, data: object = None, *, method: str | None = None, headers: Variables | None = None) -> Any:  # noqa: ANN401
    """Send a request and return the JSON of the answer. Raises HTTPError for an error status."""
    body = None if data is None else json.dumps(data).encode()
    sent = {"Content-Type": "application/json", **(headers or {})}
    request = urllib.request.Request(address, body, sent, method=method)  # noqa: S310
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as answer:
        return json.load(answer)


@contextmanager
def neighbour(example: Example, program: str) -> Iterator[Container]:
    """Run ``program``, a Python server on port 80, in another container of an example's image."""
    container = example.engine.containers.run(
        example.name, ["-c", program], entrypoint="python", user="0:0", detach=True, remove=True
    )
    try:
        for _ in range(300):
            if b"ready" in container.logs():
                break
            time.sleep(0.1)
        container.reload()
        yield container
    finally:
        container.remove(force=True)


def address_of(container: Container) -> str:
    """Return the URL of a container for other containers."""
    (network,) = container.attrs["NetworkSettings"]["Networks"].values()
    return f"http://{network['IPAddress']}"


def belongs_to(path: Path, user: User) -> bool:
    status = path.stat()
    return (status.st_uid, status.st_gid) == (user.uid, user.gid)
