"""Fixtures with a real engine: projects from a few lines of YAML, and functions to run their images."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

from mlspec.errors import ToolError
from mlspec.host.engine import engine as effects
from mlspec.lock.image_facts import ImageFacts
from mlspec.plan import plan
from mlspec.plan.plan import Plan
from mlspec.spec import spec
from mlspec.spec.document import parse
from mlspec.spec.encoding import decode
from mlspec.targets import registry as targets
from mlspec.targets import run_script
from mlspec.targets.build_options import BuildOptions
from tests.support import examples
from tests.support.examples import Example

if TYPE_CHECKING:
    import docker

BASE = "python:3.12-slim-trixie"
PREFIX = f"mlspec-test-{os.getpid()}"
"""The prefix of all names that this session creates in the engine, to find and remove them at the end."""

# Runs an image like `mlspec run` and `mlspec shell`, in a separate process, because docker replaces the process.
_DRIVER = """
import pickle, sys
from pathlib import Path
from mlspec.host.engine import container_run as running
from mlspec.host.engine.prepared_run import prepare_run
plan, function, *arguments = pickle.loads(Path(sys.argv[1]).read_bytes()), *sys.argv[3:]
folder = Path(sys.argv[2])
if function == "run":
    running.run(prepare_run(plan, folder), arguments, folder)
running.shell(prepare_run(plan, folder), folder)
"""


@dataclass(frozen=True)
class Project:
    """A folder with a spec, its files, and the plans of its images by key."""

    folder: Path
    plans: Mapping[str, Plan]

    def plan(self, key: str = "") -> Plan:
        return self.plans[key]

    def build(self, key: str = "", *, progress: str = "plain", environment: Mapping[str, str] | None = None) -> str:
        """Build an image and return the output of buildx. Raises AssertionError if the build fails."""
        command = run_script.build_command(self.plan(key), BuildOptions(progress=progress))
        environment = {**os.environ, **(environment or {})}
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True)
        if "parent snapshot" in done.stderr:
            # Engine 28 with containerd's store: its garbage collector removes the snapshots of the old image while the
            # engine unpacks the new one of the same name ("parent snapshot ... does not exist"). All steps are cached,
            # so build again.
            done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stderr

    def script(self, key: str = "") -> tuple[str, ...]:
        """Return the command that runs an image with its run script."""
        return (str(self.folder / self.plan(key).files.run_script),)

    def engine(self, key: str = "", function: str = "run") -> tuple[str, ...]:
        """Return a command that runs an image with mlspec itself, from another folder."""
        pickled = self.folder.parent / f"{self.folder.name}{key}.pickle"
        pickled.write_bytes(pickle.dumps(self.plan(key)))
        pickled.chmod(0o644)
        return (sys.executable, "-c", _DRIVER, str(pickled), str(self.folder), function)

    def ways(self, key: str = "") -> dict[str, tuple[str, ...]]:
        """Return both commands that run an image, by name."""
        return {"script": self.script(key), "engine": self.engine(key)}


def project(folder: Path, yaml: str, files: Mapping[str, str] | None = None, *, layers: Sequence[str] = ()) -> Project:
    """Write a spec and ``files`` to ``folder``, with hand-made locks, and generate the other files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in {"mlspec.yaml": yaml, **(files or {})}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    text = decode((folder / "mlspec.yaml").read_bytes(), "mlspec.yaml")
    read = spec.validate(parse(text, "mlspec.yaml", folder.resolve().parts[1:]))
    name = f"{PREFIX}-{read.name or hashlib.sha256(str(folder).encode()).hexdigest()[:8]}"
    resolved = ImageFacts(project=name, base=BASE, is_official=True, codename="trixie", layers=tuple(layers))
    plans = {image.key: plan.resolve("mlspec.yaml", image, resolved) for image in read.images}
    for artifact in targets.emit_all(tuple(plans.values()), (*targets.ALWAYS, *read.targets)):
        path = folder / artifact.path
        path.write_text(artifact.text, encoding="utf-8", newline="\n")
        path.chmod(0o755 if artifact.executable else 0o644)
    return Project(folder, plans)


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.DockerClient]:
    """The engine. Without one, tests are skipped, or fail if MLSPEC_REQUIRE_ENGINE=1."""
    try:
        effects.require_command()
        client = effects.connect()
    except ToolError as error:
        if os.environ.get("MLSPEC_REQUIRE_ENGINE") == "1":
            raise
        pytest.skip(f"no engine: {error.problems[0].message}")
    client.api.timeout = 300  # seconds: a busy engine takes longer to remove a large image than mlspec waits
    with contextlib.closing(client):
        yield client
        _remove_leavings(client)


def _remove_leavings(client: docker.DockerClient) -> None:
    # The low-level list does not inspect single images, which somebody else may have removed meanwhile.
    tags = [tag for image in client.api.images() for tag in image["RepoTags"] or () if tag.startswith(PREFIX)]
    for tag in tags:
        for container in client.containers.list(all=True, filters={"ancestor": tag}):
            container.remove(force=True, v=True)
        client.images.remove(tag, force=True)
    for volume in client.volumes.list():
        if str(volume.name).startswith(PREFIX):
            volume.remove(force=True)


@pytest.fixture(scope="session")
def base(engine: docker.DockerClient) -> str:
    """The pulled base of the projects: a build keeps it only in BuildKit's store, which `docker create` cannot read."""
    engine.images.pull(BASE)
    return BASE


@pytest.fixture(scope="session")
def prefix() -> str:
    """The prefix of all names that are removed from the engine at the end."""
    return PREFIX


@pytest.fixture(scope="session")
def registry(engine: docker.DockerClient) -> Iterator[str]:
    """A registry on this host that mirrors the base images and accepts pushes; it is the mirror of the session."""
    import requests

    address = "127.0.0.1:5000"
    try:
        requests.get(f"http://{address}/v2/", timeout=5).raise_for_status()
    except requests.RequestException as error:
        if os.environ.get("MLSPEC_REQUIRE_ENGINE") == "1":
            raise
        pytest.skip(f"no registry on {address}: {type(error).__name__}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLSPEC_REGISTRY_MIRROR", f"http://{address}")
        yield address


@pytest.fixture(scope="session")
def workshop(engine: docker.DockerClient) -> Iterator[Path]:
    """A folder that every user of this host can enter, unlike pytest's folders."""
    folder = Path(tempfile.mkdtemp(prefix="mlspec-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@dataclass(frozen=True)
class Wheel:
    """A small package of the index, with the digest of its wheel."""

    name: str
    version: str
    sha256: str

    def __str__(self) -> str:
        return f"{self.name}=={self.version} \\\n    --hash=sha256:{self.sha256}\n"


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Wheel]:
    """Small pure packages, with the current digests of the index."""
    folder = tmp_path_factory.mktemp("wheels")
    names = {"six": "1.17.0", "idna": "3.10", "iniconfig": "2.0.0"}
    pins = [f"{name}=={version}" for name, version in names.items()]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest"]
    subprocess.run([*command, str(folder), *pins], check=True)
    digests = {path.name.split("-")[0]: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    return {name: Wheel(name, version, digests[name]) for name, version in names.items()}


@dataclass(frozen=True)
class User:
    """A user of this host with access to the engine: another user if the tests run as root, or else the current one."""

    uid: int
    gid: int
    prefix: tuple[str, ...]

    def owns(self, path: Path) -> bool:
        status = path.stat()
        return (status.st_uid, status.st_gid) == (self.uid, self.gid)


@pytest.fixture(scope="session")
def user() -> User:
    """A calling user who is neither root nor the user of the images."""
    if os.geteuid() != 0:
        return User(os.getuid(), os.getgid(), ())  # the sockets of some engines are open only to this user
    if not shutil.which("setpriv"):
        pytest.skip("setpriv, with which root becomes another user, is not here")
    address = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    group = Path(address.removeprefix("unix://")).stat().st_gid
    return User(4321, 4322, ("setpriv", "--reuid=4321", "--regid=4322", f"--groups={group}", "--"))


class Make(Protocol):
    """A function that makes a project from the text of a spec and files by name, by default in a new folder."""

    def __call__(
        self,
        yaml: str,
        files: Mapping[str, str] | None = None,
        *,
        layers: Sequence[str] = (),
        folder: Path | None = None,
        owner: User | None = None,
    ) -> Project: ...


@pytest.fixture(scope="session")
def make(workshop: Path) -> Make:
    """A function that makes projects; ``owner`` is the user who owns the folder."""

    def made(
        yaml: str,
        files: Mapping[str, str] | None = None,
        *,
        layers: Sequence[str] = (),
        folder: Path | None = None,
        owner: User | None = None,
    ) -> Project:
        new = project(folder or workshop / uuid.uuid4().hex / "project", yaml, files, layers=layers)
        if owner:
            for path in (new.folder.parent, *new.folder.parent.rglob("*")):
                os.chown(path, owner.uid, owner.gid)
        return new

    return made


@pytest.fixture(scope="session")
def copy(engine: docker.DockerClient, registry: str, workshop: Path) -> Iterator[Callable[[str], Example]]:
    """A function that copies an example to a new folder; its images and volumes are removed at the end."""
    yield lambda name: examples.copied(name, workshop / examples.MARK / uuid.uuid4().hex / name, engine)
    examples.forget(engine)
