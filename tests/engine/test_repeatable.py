"""Tests that the same spec, lock and code give the same image at any time and in any folder."""

from __future__ import annotations

import http.server
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mlspec import api
from mlspec.targets import run_script
from mlspec.targets.build_options import BuildOptions
from tests.engine.conftest import PREFIX, Make, Project, Wheel
from tests.support import servers
from tests.support.index import serving, wheel

if TYPE_CHECKING:
    import docker

pytestmark = pytest.mark.engine

SPEC = """\
python: 3.12
requirements: requirements.in
apt: [fontconfig, fonts-dejavu-core, tree]
environment: {EPOCHS: 3}
entrypoint: python train.py
"""


def built(project: Project, *words: str, again: str = "") -> str:
    """Build without the cache, with ``again`` without that of one stage, and return the digest of the image."""
    command = run_script.build_command(project.plan(), BuildOptions(progress="plain", no_cache=not again))
    words = (*words, "--no-cache-filter", again) if again else words
    metadata = project.folder.parent / "metadata.json"
    done = subprocess.run(
        [*command[:-1], "--metadata-file", str(metadata), *words, command[-1]],
        cwd=project.folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    digest = json.loads(metadata.read_text())["containerimage.digest"]
    assert isinstance(digest, str)
    return digest


def made(make: Make, wheels: dict[str, Wheel], *, is_reversed: bool = False) -> Project:
    """Make the project in a new folder; with ``is_reversed``, write its files in reverse order."""
    lock = f"# layer tiny_wheels\n{wheels['six']}{wheels['idna']}"
    files = {"train.py": "print(1)\n", "requirements.in": "six\nidna\n", "requirements.lock": lock}
    return make(SPEC, dict(reversed(files.items())) if is_reversed else files, layers=["tiny_wheels"])


def test_what_is_built_again_without_caches_is_the_same_image(make: Make, wheels: dict[str, Wheel]) -> None:
    # Another checkout: another folder, other times, other modes, files written in another order.
    one, other = made(make, wheels), made(make, wheels, is_reversed=True)
    (other.folder / "train.py").chmod(0o600)

    tag = ("--tag", one.plan().image)
    assert built(one, *tag) == built(other, *tag)


def test_docker_alone_builds_the_layers_that_mlspec_builds(
    make: Make, wheels: dict[str, Wheel], engine: docker.DockerClient
) -> None:
    project = made(make, wheels)
    name = project.plan().image
    project.build()
    layers = engine.images.get(name).attrs["RootFS"]["Layers"]

    # Without SOURCE_DATE_EPOCH, the files that a step writes have the time of this build.
    alone = ["docker", "build", "--quiet", "--no-cache", "--tag", f"{name}-alone", "."]
    subprocess.run(alone, cwd=project.folder, check=True, capture_output=True)

    assert engine.images.get(f"{name}-alone").attrs["RootFS"]["Layers"] == layers


# Python 3.12.1 interns the string of the first module, and then writes the equal sets of the second module twice.
KEEPS = "def f(b):\n    return [f'{a}' for a in b if a != 'dropped']\n"
SHOWS = """\
def f(self):
    t = (x for x in self if x not in {"passthrough", "dropped"})
    if self.x not in {"passthrough", "dropped"}:
        return t
"""


def test_bytecode_does_not_show_which_process_compiled_it(registry: str, workshop: Path) -> None:
    folder = workshop / "bytecode"
    folder.mkdir()
    modules = {"team_first": KEEPS, **{f"team_next_{number}": SHOWS for number in range(300)}}
    with serving(wheel("team-fruit", "1.0", modules=modules)) as index:
        (folder / "mlspec.yaml").write_text(
            f"python: 3.12\nbase: slim-bookworm\nname: {PREFIX}-bytecode\nrequirements: [team-fruit]\n"
            f"indexes: [{{url: {index.url}, packages: [team-*]}}]\n"
        )
        rendered = api.render(folder / "mlspec.yaml")
        api.write(rendered)
        project = Project(folder, {"": rendered.plans[0]})

        (layer,) = project.plan().packages.layers

        # The index listens on this host's loopback address, which a build reaches only over the host's network.
        assert len({built(project, "--network=host", again=layer.stage) for _ in range(2)}) == 1


def test_verifying_tells_what_a_step_makes_anew_each_time(registry: str, workshop: Path) -> None:
    folder = workshop / "verify"
    folder.mkdir()
    steady, restless = "echo built > /opt/steady", "cat /proc/sys/kernel/random/uuid > /opt/restless"
    verify = (sys.executable, "-m", "mlspec", "build", "--verify")
    codes, told = [], []
    for steps in (f"[{steady}]", f"[{steady}, {restless}]"):
        spec = f"python: 3.12\nbase: slim-bookworm\nname: {PREFIX}-verify\nrun: {steps}\n"
        (folder / "mlspec.yaml").write_text(spec)
        done = subprocess.run(verify, cwd=folder, capture_output=True, text=True)
        codes.append(done.returncode)
        told.append(done.stdout)

    assert codes == [0, 1]
    assert told == ["", "/opt/restless: content\n"]


class Snapshots(http.server.BaseHTTPRequestHandler):
    """A stand-in for the archive of Debian's snapshots: each day redirects to today's mirror; it records requests."""

    asked: Sequence[str] = ()
    mirror = ""

    def do_GET(self) -> None:
        type(self).asked = (*self.asked, self.path)
        path = re.sub(r"^/archive/([^/]+)/\d{8}T\d{6}Z/", rf"{self.mirror}/\1/", self.path)
        self.send_response(302)
        self.send_header("Location", path)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def snapshots() -> Iterator[type[Snapshots]]:
    """The stand-in for the archive of snapshots, running at this host's loopback address."""
    sources = Path("/etc/apt/sources.list.d/debian.sources")
    found = re.search(r"^URIs: (http://\S+?)/debian/?$", sources.read_text() if sources.exists() else "", re.MULTILINE)
    if not found:
        pytest.skip("this host names no mirror of Debian that could stand in for its snapshots")
    Snapshots.mirror = found[1]
    try:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 80), Snapshots)
    except OSError as error:
        pytest.skip(f"port 80 of this host is not free: {error.strerror}")
    servers.start(server)
    yield Snapshots
    server.shutdown()
    server.server_close()


def test_a_snapshot_is_where_debian_packages_come_from(make: Make, snapshots: type[Snapshots]) -> None:
    project = make(
        "python: 3.12\nbase: slim-bookworm\napt: [tree]\napt_snapshot: 2026-11-01\nentrypoint: tree --version\n"
    )

    built(project, "--network", "host", "--add-host", "snapshot.debian.org:127.0.0.1")

    assert [path for path in snapshots.asked if re.match(r"/archive/debian/20261101T000000Z/pool/.*/tree_", path)]
    assert "tree v" in subprocess.run(project.script(), capture_output=True, text=True).stdout
