"""Tests of running containers; each test uses the run script, and mlspec itself."""

from __future__ import annotations

import json
import os
import pty
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

if TYPE_CHECKING:
    import docker

    from tests.engine.conftest import Make, Project, User

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("engine")]

T = TypeVar("T")

YAML = """
name: run
python: 3.12
entrypoint: python main.py
images:
  reads:
    mounts: ["./input:/app/input:ro"]
  writes:
    mounts: [./data:/app/data, "./new/in, here:/app/new"]
  strict:
    read_only: true
  keeps:
    read_only: true
    mounts: [VOLUME:/cache]
  told:
    environment: {FROM_CALLER: }
    env_file: [{path: first.env, required: false}, second.env, {path: third.env, required: false}]
    secrets: {TOKEN: {environment: MLSPEC_TEST_TOKEN}, KEY: {file: ./key}}
  serves:
    ports: ["8000"]
    healthcheck: {path: /healthz, interval: 1s}
"""

MAIN = """
import getpass, http.server, json, os, pathlib, signal, sys, tempfile, time


def tried(path):
    try:
        pathlib.Path(path).write_text("written")
    except OSError as error:
        return error.strerror
    return "written"


def facts():
    print(json.dumps({
        "ids": [os.getuid(), os.getgid()],
        "user": getpass.getuser(),
        "home": str(pathlib.Path.home()),
        "environment": dict(os.environ),
        "arguments": sys.argv[2:],
        "key": pathlib.Path("/run/secrets/KEY").read_text() if os.path.exists("/run/secrets/KEY") else None,
    }))


def write(*paths):
    print(json.dumps([tried(path) for path in paths]))


def list_(path):
    print(json.dumps(sorted(os.listdir(path), key=lambda name: os.stat(f"{path}/{name}").st_mtime_ns)))


def wait():
    def stop(*_):
        pathlib.Path("data/stopped").touch()
        sys.exit(7)
    signal.signal(signal.SIGTERM, stop)
    pathlib.Path("data/ready").touch()
    time.sleep(60)


def serve():
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path == "/healthz" else 404)
            self.end_headers()
    http.server.ThreadingHTTPServer(("0.0.0.0", 8000), Handler).serve_forever()


programs = {
    "facts": lambda *_: facts(),
    "write": write,
    "list": list_,
    "wait": wait,
    "serve": serve,
    "exit": lambda code: sys.exit(int(code)),
}
programs[sys.argv[1]](*sys.argv[2:])
"""


def spec_text(prefix: str) -> str:
    return YAML.replace("VOLUME", f"{prefix}-volume")


@pytest.fixture(scope="module")
def built(make: Make, prefix: str) -> Project:
    """One spec with a built image for each behaviour."""
    project = make(spec_text(prefix), {"main.py": MAIN})
    for key in project.plans:
        project.build(key)
    return project


@pytest.fixture
def project(make: Make, built: Project, user: User, prefix: str) -> Project:
    """The same spec in a new folder that belongs to a user who is not root; its images are those of ``built``."""
    files = {"main.py": MAIN, "input/x": "in", "second.env": "A=second\nB=second\n", "key": "the key"}
    return make(spec_text(prefix), files, owner=user)


@pytest.fixture(params=["script", "engine"])
def way(request: pytest.FixtureRequest) -> str:
    """The way to run an image: the run script, or mlspec itself."""
    return str(request.param)


def start(
    project: Project,
    way: str,
    key: str,
    *arguments: str,
    user: User | None = None,
    environment: Mapping[str, str] | None = None,
) -> subprocess.Popen[str]:
    prefix = user.prefix if user else ()
    return subprocess.Popen(
        (*prefix, *project.ways(key)[way], *arguments),
        cwd="/",
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def answer(project: Project, way: str, key: str, *arguments: str, **options: Any) -> Any:  # noqa: ANN401
    """Run an image, and return the JSON that its program printed."""
    with start(project, way, key, *arguments, **options) as process:
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return json.loads(out)


def eventually(ask: Callable[[], T], seconds: float = 30) -> T:
    """Call ``ask`` until its answer is true or the time is over, and return the last answer."""
    end = time.monotonic() + seconds
    while not (said := ask()) and time.monotonic() < end:
        time.sleep(0.1)
    return said


# The user of the program, and the owner of its files


def test_an_image_without_files_of_the_caller_runs_as_1000(project: Project, way: str) -> None:
    facts = answer(project, way, "strict", "facts")

    assert (facts["ids"], facts["user"]) == ([1000, 1000], "app")


def test_what_is_written_belongs_to_the_caller(project: Project, way: str, user: User) -> None:
    said = answer(project, way, "writes", "write", "data/x", "new/y", user=user)

    assert said == ["written", "written"]
    made = [project.folder / path for path in ("data", "data/x", "new", "new/in, here", "new/in, here/y")]
    assert [user.owns(path) for path in made] == [True] * 5


@pytest.mark.skipif(os.geteuid() != 0, reason="sudo makes its caller root")
def test_under_sudo_what_is_written_belongs_to_who_called_sudo(project: Project, way: str, user: User) -> None:
    sudo = {"SUDO_UID": str(user.uid), "SUDO_GID": str(user.gid)}
    answer(project, way, "writes", "write", "data/x", "new/y", environment=sudo)

    made = [project.folder / path for path in ("data", "data/x", "new", "new/in, here", "new/in, here/y")]
    assert [user.owns(path) for path in made] == [True] * 5


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_who_sudo_s_variables_name_is_ignored_by_any_other_user(project: Project, way: str, user: User) -> None:
    answer(project, way, "writes", "write", "data/x", user=user, environment={"SUDO_UID": "1", "SUDO_GID": "1"})

    assert user.owns(project.folder / "data/x")


def test_an_unknown_user_has_a_name_and_a_home(project: Project, way: str, user: User) -> None:
    facts = answer(project, way, "writes", "facts", user=user)

    assert (facts["ids"], facts["user"], facts["home"]) == ([user.uid, user.gid], "app", "/home/app")


def test_an_unknown_user_can_write_to_home_caches_and_work(project: Project, way: str, user: User) -> None:
    paths = ("/home/app/x", "/cache/x", "/tmp/x", "/app/x")

    assert answer(project, way, "writes", "write", *paths, user=user) == ["written"] * 4


def test_read_only_leaves_what_is_meant_to_be_written(project: Project, way: str) -> None:
    paths = ("/app/x", "/etc/x", "/tmp/x", "/cache/x", "/home/app/x")
    refused = "Read-only file system"

    assert answer(project, way, "strict", "write", *paths) == [refused, refused, "written", "written", "written"]


def test_a_volume_keeps_what_a_read_only_container_writes(project: Project, way: str) -> None:
    answer(project, way, "keeps", "write", f"/cache/{way}")

    assert answer(project, way, "keeps", "list", "/cache")[-1] == way


def test_an_input_cannot_be_written(project: Project, way: str) -> None:
    assert answer(project, way, "reads", "write", "input/y") == ["Read-only file system"]


# Environment variables and arguments of the program

TOLD = {"MLSPEC_TEST_TOKEN": 'it\'s "a" $token', "FROM_CALLER": "é ☃"}


def test_arguments_arrive_as_they_were_given(project: Project, way: str) -> None:
    nasty = ["--flag", "", "a b", "it's", '"', "$HOME", "`id`", "\\", "é☃", "a,b", "*", "-", "--", "new\nline", "\r\n"]

    assert answer(project, way, "strict", "facts", *nasty)["arguments"] == nasty


def test_the_environment_and_secrets_arrive(project: Project, way: str) -> None:
    facts = answer(project, way, "told", "facts", environment=TOLD)

    assert (facts["environment"]["TOKEN"], facts["environment"]["FROM_CALLER"], facts["key"]) == (
        TOLD["MLSPEC_TEST_TOKEN"],
        TOLD["FROM_CALLER"],
        "the key",
    )


@pytest.mark.parametrize(
    ("present", "expected"),
    [
        ((), ["second", "second", None]),
        (("first.env",), ["second", "second", "first"]),
        (("third.env",), ["third", "second", "third"]),
        (("first.env", "third.env"), ["third", "second", "third"]),
    ],
    ids=["none", "first", "third", "both"],
)
def test_of_environment_files_the_later_one_wins(
    project: Project, way: str, present: Sequence[str], expected: Sequence[str | None]
) -> None:
    for name in present:
        word = name.removesuffix(".env")
        (project.folder / name).write_text(f"A={word}\r\nC={word}\r\n", newline="")
    environment = answer(project, way, "told", "facts", environment=TOLD)["environment"]

    assert [environment.get(name) for name in "ABC"] == expected


# The end of the program


def test_the_exit_code_is_the_program_s(project: Project, way: str) -> None:
    with start(project, way, "strict", "exit", "42") as process:
        process.communicate(timeout=60)

    assert process.returncode == 42


def test_sigterm_reaches_the_program_and_its_code_comes_back(project: Project, way: str, user: User) -> None:
    process = start(project, way, "writes", "wait", user=user)
    assert eventually((project.folder / "data/ready").exists), process.communicate()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)

    assert (process.returncode, (project.folder / "data/stopped").exists()) == (7, True)


@pytest.fixture
def serving(project: Project, way: str, engine: docker.DockerClient) -> Iterator[Any]:
    process = start(project, way, "serves", "serve")
    wanted: dict[str, str | list[str] | bool] = {"ancestor": project.plan("serves").image}
    containers = eventually(lambda: engine.containers.list(filters=wanted))
    assert containers, process.communicate()
    yield containers[0]
    containers[0].kill()
    process.communicate(timeout=30)


def test_a_server_that_answers_turns_healthy(serving: Any) -> None:  # noqa: ANN401
    def is_healthy() -> bool:
        serving.reload()
        return bool(serving.attrs["State"]["Health"]["Status"] == "healthy")

    assert eventually(is_healthy)


# Problems before the start


def refused(project: Project, way: str, key: str, **options: Any) -> tuple[int, str]:  # noqa: ANN401
    with start(project, way, key, "facts", **options) as process:
        _, err = process.communicate(timeout=60)
    return process.returncode, err


def test_a_missing_input_is_named_and_not_made(project: Project, way: str) -> None:
    shutil.rmtree(project.folder / "input")
    code, said = refused(project, way, "reads")

    assert (code, "./input" in said, (project.folder / "input").exists()) == (1, True, False)


def test_a_missing_secret_is_named(project: Project, way: str) -> None:
    code, said = refused(project, way, "told", environment={"MLSPEC_TEST_TOKEN": ""})

    assert (code != 0, "MLSPEC_TEST_TOKEN" in said) == (True, True)


def test_mlspec_names_all_that_is_missing_at_once(project: Project) -> None:
    for name in ("key", "second.env"):
        (project.folder / name).unlink()
    _, said = refused(project, "engine", "told", environment={"MLSPEC_TEST_TOKEN": ""})

    assert [word in said for word in ("MLS509", "./key", "./second.env", "MLS507")] == [True] * 4


def test_an_image_that_is_not_built_is_told_by_name(make: Make) -> None:
    project = make("name: never\npython: 3.12\n")
    _, said = refused(project, "engine", "")

    assert f"MLS508: the image {project.plan().image} is not built here" in said


def test_quotes_in_an_environment_file_are_told_without_the_value(project: Project) -> None:
    from mlspec.host.engine import container_run

    told: list[str] = []
    text = 'A=plain\n# B="comment"\nC=\'quoted\'\nD="x\n E="also quoted"\r\n'
    for problem in container_run._quoted_values(text, "second.env"):
        told.append(str(problem))

    assert [text.partition(": warning")[0] for text in told] == ["second.env:3:3: MLS510", "second.env:5:4: MLS510"]
    assert "also" not in "".join(told)


# A shell


def test_a_shell_has_the_mounts_and_not_the_program(project: Project, user: User) -> None:
    command = (*user.prefix, *project.engine("writes", "shell"))
    done = subprocess.run(command, input="pwd; touch data/by-hand; exit 5\n", capture_output=True, text=True)

    assert (done.returncode, done.stdout, user.owns(project.folder / "data/by-hand")) == (5, "/app\n", True)


def test_a_shell_in_a_terminal_is_one_of_a_terminal(project: Project) -> None:
    parent, child = pty.openpty()
    with subprocess.Popen(project.engine("strict", "shell"), stdin=child, stdout=child, stderr=child) as process:
        os.close(child)
        os.write(parent, b"tty; echo $0; exit\n")
        process.wait(timeout=30)
    said = os.read(parent, 4096).decode()
    os.close(parent)

    assert ("/dev/pts/" in said, "/bin/bash" in said) == (True, True)


# The folder of the spec


def test_a_folder_with_a_nasty_name_is_no_trouble(
    make: Make, built: Project, way: str, user: User, prefix: str
) -> None:
    folder = built.folder.parent / f'it\'s, "a" $HOME: é☃ {way}' / "project"
    project = make(spec_text(prefix), {"main.py": MAIN}, folder=folder, owner=user)

    assert answer(project, way, "writes", "write", "data/x", user=user) == ["written"]
    assert user.owns(folder / "data/x")


def test_the_images_are_those_of_the_folder_they_were_built_in(project: Project, built: Project) -> None:
    assert {plan.image for plan in project.plans.values()} == {plan.image for plan in built.plans.values()}


def test_nothing_in_the_folder_belongs_to_root(project: Project, way: str, user: User) -> None:
    answer(project, way, "writes", "write", "data/x", "new/y", user=user)

    assert [path for path in project.folder.rglob("*") if not user.owns(path)] == []
