"""Tests of the same Dockerfile and ignore file with podman, which builds with buildah, not with BuildKit."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.engine.conftest import BASE, PREFIX, Make, Project
from tests.engine.test_context import FILES, MOUNTED

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("engine")]

NAME = f"{PREFIX}-podman"
# The engine caches these steps across sessions. COPY --link needs podman 5.6, and that of Debian stable is older.
PODMAN = """\
FROM debian:trixie-slim
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked --mount=type=tmpfs,target=/var/lib/apt/lists \\
    find /etc/apt -name '*.sources' -o -name sources.list | xargs sed -i 's/trixie/sid/g' \\
 && apt-get -o Acquire::Check-Valid-Until=false update \\
 && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends podman crun
RUN printf '%s\\n' '[engine]' 'cgroup_manager = "cgroupfs"' 'events_logger = "file"' \\
        '[containers]' 'default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]' > /etc/containers/containers.conf
"""
LIST = ("--entrypoint", "find", "IMAGE", "/app", "-printf", "%p %m %U:%G %Ts\\n")
Podman = Callable[..., str]


@pytest.fixture(scope="module")
def podman(workshop: Path) -> Iterator[Podman]:
    """A function that runs podman in a container with the projects and the base image, in a given folder."""
    build = ["docker", "build", "--quiet", "--tag", NAME, "-"]
    subprocess.run(build, input=PODMAN, check=True, text=True, capture_output=True)
    # Its images are in a volume, because an overlay cannot be on an overlay. It pulls nothing, so it needs no network.
    options = ("--privileged", "--cgroupns=host", "--network=none", f"--volume={workshop}:{workshop}")
    start = ["docker", "run", "--detach", "--rm", "--name", NAME, *options, "--volume=/var/lib/containers", NAME]
    subprocess.run([*start, "sleep", "3600"], check=True, capture_output=True)

    def call(*words: str, folder: Path = workshop) -> str:
        command = ["docker", "exec", "--workdir", str(folder), NAME, "podman", *words]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    try:
        subprocess.run(["docker", "pull", "--quiet", BASE], check=True, capture_output=True)
        subprocess.run(["docker", "save", "--output", str(workshop / "base.tar"), BASE], check=True)
        call("load", "--quiet", "--input", "base.tar")
        yield call
    finally:
        subprocess.run(["docker", "rm", "--force", "--volumes", NAME], check=True, capture_output=True)


def podman_run(podman: Podman, project: Project, *words: str) -> str:
    """Build a project's image with podman, and run it with ``words``, in which ``IMAGE`` is its name."""
    podman("build", "--quiet", "--tag", "built", "--file", "Dockerfile", ".", folder=project.folder)
    return podman("run", "--rm", "--network=none", *(word.replace("IMAGE", "built") for word in words))


def docker_run(project: Project, *words: str) -> str:
    """Build a project's image with Docker, and run it with ``words``, in which ``IMAGE`` is its name."""
    project.build()
    words = tuple(word.replace("IMAGE", project.plan().image) for word in words)
    return subprocess.run(["docker", "run", "--rm", *words], check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("keys", [MOUNTED, f"include: [pkg, '*.py', '.git', '.env']\n{MOUNTED}"], ids=["all", "some"])
def test_podman_copies_what_docker_copies(podman: Podman, make: Make, keys: str) -> None:
    project = make(f"python: 3.12\n{keys}", FILES)
    copied = podman_run(podman, project, *LIST)

    assert [word for word in (".env", ".git", "Dockerfile", "mlspec.yaml", "key.pem") if word in copied] == []
    assert sorted(copied.splitlines()) == sorted(docker_run(project, *LIST).splitlines())


def test_podman_builds_an_edit_anew(podman: Podman, make: Make) -> None:
    project = make("python: 3.12\nentrypoint: python train.py\n", FILES)
    first = podman_run(podman, project, "IMAGE")
    (project.folder / "train.py").write_text("print('edited')\n")

    assert (first, podman_run(podman, project, "IMAGE")) == ("trained\n", "edited\n")
