"""Tests of the script for Apptainer, with the real one, as an ordinary user."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.engine.conftest import PREFIX, Make, User

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("engine", "base")]

NAME = f"{PREFIX}-apptainer"
# The engine caches these steps across sessions. Debian's stable release has no Apptainer.
APPTAINER = """\
FROM debian:trixie-slim
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked --mount=type=tmpfs,target=/var/lib/apt/lists \\
    find /etc/apt -name '*.sources' -o -name sources.list | xargs sed -i 's/trixie/sid/g' \\
 && apt-get -o Acquire::Check-Valid-Until=false update \\
 && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends apptainer ca-certificates
"""
SPEC = """\
python: 3.12
targets: [apptainer]
nodes: 2
environment: [MODE=fast, RUN_NAME]
env_file: [./settings.env, {path: ./missing.env, required: false}]
secrets: {TOKEN: {environment: MY_TOKEN}, KEY: {file: ./a key}}
mounts: ["./da ta:/app/data:ro", ./models:/app/models, "cache:/cache"]
run: ["echo ours > /home/app/made"]
entrypoint: python main.py
"""
MAIN = """\
import json, os, pathlib, sys
def writes(path):
    try:
        return bool(pathlib.Path(path).write_text("x"))
    except OSError as error:
        return error.strerror
names = [*"MODE RUN_NAME TOKEN FROM_FILE HOME XDG_CACHE_HOME".split(), *(n for n in os.environ if n[:4] == "PET_")]
print(json.dumps({
    "arguments": sys.argv[1:], "folder": os.getcwd(), "user": os.getuid(),
    "environment": {name: os.environ.get(name) for name in names},
    "made": pathlib.Path("~/made").expanduser().read_text(), "key": pathlib.Path("/run/secrets/KEY").read_text(),
    "writes": {path: writes(path) for path in "/app/x /home/app/x /cache/x /app/models/x /app/data/x".split()},
}))
"""
# What Slurm's own would do with two machines.
SRUN = """\
#!/bin/sh
shift
for SLURM_NODEID in 0 1; do export SLURM_NODEID; "$@"; done
"""
SCONTROL = "#!/bin/sh\nprintf 'first\\nsecond\\n'\n"
Call = Callable[..., str]


@pytest.fixture(scope="module")
def call(workshop: Path, user: User, make: Make) -> Iterator[Call]:
    """A function that runs a command as an ordinary user in a folder with the project, beside Apptainer."""
    files = {"main.py": MAIN, "a key": "k1", "da ta/d": "", "settings.env": "# all\nFROM_FILE=a  b\nMODE=slow\n"}
    folder = workshop / "apptainer"
    project = make(SPEC, {**files, "bin/srun": SRUN, "bin/scontrol": SCONTROL}, folder=folder, owner=user)
    for tool in ("srun", "scontrol"):
        (folder / "bin" / tool).chmod(0o755)
    project.build()
    subprocess.run(["docker", "save", "--output", str(folder / "image.tar"), project.plan().image], check=True)
    (folder / "image.tar").chmod(0o644)
    build = ["docker", "build", "--quiet", "--tag", NAME, "-"]
    subprocess.run(build, input=APPTAINER, check=True, text=True, capture_output=True)
    # The home is a volume, because an overlay cannot be on an overlay.
    options = ("--privileged", "--network=none", f"--volume={workshop}:{workshop}", "--volume=/home")
    start = ["docker", "run", "--detach", "--rm", "--name", NAME, *options, NAME]
    subprocess.run([*start, "sleep", "3600"], check=True, capture_output=True)

    def run(*words: str) -> str:
        command = ["docker", "exec", "--user", "worker", "--workdir", str(folder)]
        set_up = ["env", "TMPDIR=/home/worker", "SIF=/home/worker/image", "MY_TOKEN=t1", "RUN_NAME=r 1"]
        done = subprocess.run([*command, NAME, *set_up, *words], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    try:
        add = f"groupadd --gid {user.gid} worker && useradd --create-home --uid {user.uid} --gid {user.gid} worker"
        subprocess.run(["docker", "exec", NAME, "sh", "-c", add], check=True, capture_output=True)
        # A folder and not a file: to compress one takes minutes.
        run("apptainer", "build", "--sandbox", "/home/worker/image", "docker-archive:image.tar")
        yield run
    finally:
        subprocess.run(["docker", "rm", "--force", "--volumes", NAME], check=True, capture_output=True)


def test_a_run_is_what_the_image_means(call: Call, workshop: Path, user: User) -> None:
    found = json.loads(call("./apptainer.sh", "--epochs", "3 4"))

    assert found == {
        "arguments": ["--epochs", "3 4"],
        "folder": "/app",
        "user": user.uid,
        "environment": {
            "MODE": "slow",
            "RUN_NAME": "r 1",
            "TOKEN": "t1",
            "FROM_FILE": "a  b",
            "HOME": "/home/app",
            "XDG_CACHE_HOME": "/cache",
        },
        "made": "ours\n",
        "key": "k1",
        "writes": {
            "/app/x": True,
            "/home/app/x": True,
            "/cache/x": True,
            "/app/models/x": True,
            "/app/data/x": "Read-only file system",
        },
    }
    assert user.owns(workshop / "apptainer" / "models" / "x")
    assert call("ls", "/home/worker/.local/share/volumes/cache") == "x\n"
    # Nothing of the run is left.
    assert call("ls", "/home/worker") == "image\n"


def test_slurm_starts_it_on_each_machine(call: Call, workshop: Path) -> None:
    # sbatch starts a copy of the script in another folder.
    call("cp", "apptainer.sh", "/home/worker/job")
    path = f"PATH={workshop}/apptainer/bin:/usr/bin:/bin"
    job = ("SLURM_JOB_ID=7", f"SLURM_SUBMIT_DIR={workshop}/apptainer", "SLURM_NNODES=2", "SLURM_JOB_NODELIST=two")
    said = call("env", path, *job, "sh", "/home/worker/job")

    variables = [json.loads(line)["environment"] for line in said.splitlines()]
    assert [found["PET_NODE_RANK"] for found in variables] == ["0", "1"]
    assert {(found["PET_MASTER_ADDR"], found["PET_NNODES"]) for found in variables} == {("first", "2")}
