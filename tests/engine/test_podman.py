"""Tests of the same files with podman, which builds with buildah, not with BuildKit, and here runs without root."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mlspec.targets.build_options import BuildOptions
from mlspec.targets.podman_build import podman_build_command
from mlspec.targets.run_caller import Caller, run_words
from mlspec.targets.run_script import run_script
from tests.engine.conftest import BASE, PREFIX, Make, Project, User
from tests.engine.test_context import FILES, MOUNTED

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("engine")]

NAME = f"{PREFIX}-podman"
# The engine caches these steps across sessions. COPY --link needs podman 5.6, and that of Debian stable is older.
PODMAN = """\
FROM debian:trixie-slim
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked --mount=type=tmpfs,target=/var/lib/apt/lists \\
    find /etc/apt -name '*.sources' -o -name sources.list | xargs sed -i 's/trixie/sid/g' \\
 && apt-get -o Acquire::Check-Valid-Until=false update \\
 && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends catatonit crun podman uidmap
# Containers without a network, as the container around them has none. The engine here may have control groups of v1.
ENV PODMAN_IGNORE_CGROUPSV1_WARNING=1
RUN printf '%s\\n' '[engine]' 'cgroup_manager = "cgroupfs"' 'events_logger = "file"' \\
        '[containers]' 'netns = "none"' 'default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]' \\
        > /etc/containers/containers.conf
"""
LIST = ("--entrypoint", "find", "IMAGE", "/app", "-printf", "%p %m %U:%G %Ts\\n")
Podman = Callable[..., str]


@pytest.fixture(scope="module")
def podman(workshop: Path, user: User) -> Iterator[Podman]:
    """A function that runs a command as an ordinary user of a container with podman, the projects and the base."""
    build = ["docker", "build", "--quiet", "--tag", NAME, "-"]
    subprocess.run(build, input=PODMAN, check=True, text=True, capture_output=True)
    # Its images are in a volume, because an overlay cannot be on an overlay. It pulls nothing, so it needs no network.
    options = ("--privileged", "--cgroupns=host", "--network=none", f"--volume={workshop}:{workshop}")
    start = ["docker", "run", "--detach", "--rm", "--name", NAME, *options, "--volume=/home", NAME]
    subprocess.run([*start, "sleep", "3600"], check=True, capture_output=True)

    def call(*words: str, folder: Path = workshop) -> str:
        command = ["docker", "exec", "--user", "worker", "--workdir", str(folder), NAME, *words]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    try:
        add = f"groupadd --gid {user.gid} worker && useradd --create-home --uid {user.uid} --gid {user.gid} worker"
        subprocess.run(["docker", "exec", NAME, "sh", "-c", add], check=True, capture_output=True)
        subprocess.run(["docker", "pull", "--quiet", BASE], check=True, capture_output=True)
        subprocess.run(["docker", "save", "--output", str(workshop / "base.tar"), BASE], check=True)
        (workshop / "base.tar").chmod(0o644)
        call("podman", "load", "--quiet", "--input", "base.tar")
        yield call
    finally:
        subprocess.run(["docker", "rm", "--force", "--volumes", NAME], check=True, capture_output=True)


def build(podman: Podman, project: Project, name: str = "built") -> None:
    """Build a project's image with podman alone, as the page about podman says."""
    words = ("--quiet", "--format", "docker", "--tag", name, "--file", "Dockerfile", ".")
    podman("podman", "build", *words, folder=project.folder)


def podman_run(podman: Podman, project: Project, *words: str) -> str:
    """Build a project's image with podman, and run it with ``words``, in which ``IMAGE`` is its name."""
    build(podman, project)
    return podman("podman", "run", "--rm", *(word.replace("IMAGE", "built") for word in words))


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


YAML = """\
python: 3.12
entrypoint: python main.py
mounts: [./out:/out, "./data:/data:ro"]
env_file: [{path: .env, required: false}]
healthcheck: {test: "test -e /out/written", interval: 7s}
shm_size: 128mb
"""
MAIN = """\
import os, sys
from pathlib import Path
Path("/out/written").write_text(Path("/data/input").read_text())
print(os.getuid(), os.environ["TOLD"], os.statvfs("/dev/shm").f_blocks * os.statvfs("/dev/shm").f_frsize, *sys.argv[1:])
"""


@pytest.mark.parametrize(("keys", "uid"), [("", None), ("user: '4000:50'\n", 4000)], ids=["caller", "other"])
def test_the_run_script_runs_an_image_with_podman_alone(
    podman: Podman, make: Make, user: User, keys: str, uid: int | None
) -> None:
    files = {"main.py": MAIN, ".env": "TOLD=yes\n", "data/input": "read"}
    project = make(f"{YAML}{keys}", files, owner=user)
    (project.folder / "data" / "input").chmod(0o600)
    build(podman, project, project.plan().image)

    said = podman("./run.sh", "--epochs", "3", folder=project.folder)
    checked = podman("podman", "image", "inspect", "--format", "{{json .HealthCheck}}", project.plan().image)

    assert said == f"{uid or user.uid} yes {128 * 2**20} --epochs 3\n"
    assert (project.folder / "out" / "written").read_text() == "read"
    assert user.owns(project.folder / "out" / "written")
    assert json.loads(checked)["Interval"] == 7 * 10**9


def test_the_commands_of_mlspec_build_and_run_with_podman(podman: Podman, make: Make, user: User) -> None:
    files = {"services/api/main.py": "from pathlib import Path; Path('out/written').write_text('')", ".env": "A=1"}
    service = make("python: 3.12", files, owner=user).folder / "services" / "api"
    yaml = "python: 3.12\ncontext: ../..\nentrypoint: python main.py\nmounts: [./out:/app/services/api/out]\n"
    project = make(yaml, {".env": "A=1", "Dockerfile": "FROM scratch"}, folder=service)
    for path in (service, *service.iterdir()):
        os.chown(path, user.uid, user.gid)
    plan, ids = project.plan(), service / "ids"
    (service / "out").mkdir()
    os.chown(service / "out", user.uid, user.gid)
    options = BuildOptions(labels=(("a", "b c"),), metadata_file=str(ids), progress="quiet")

    podman(*podman_build_command(plan, options), folder=service)
    caller = Caller(home="/home/worker", user=f"{user.uid}:{user.gid}", engine="podman")
    podman(*run_words(run_script(plan.run), (), caller), folder=service)
    copied = podman("podman", "run", "--rm", "--entrypoint", "find", plan.image, "/app", "-type", "f")
    (image,) = json.loads(podman("podman", "image", "inspect", plan.image))

    assert user.owns(service / "out" / "written")
    assert copied == "/app/services/api/main.py\n"
    assert (f"sha256:{image['Id']}", image["Labels"]["a"]) == (ids.read_text(), "b c")
