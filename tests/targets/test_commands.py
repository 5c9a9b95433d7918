"""Tests of the words of commands; the run script gives the same words in a real shell."""

from __future__ import annotations

import os
import pickle
import pty
import shutil
import subprocess
import sys
import tempfile
import tty
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlspec.advice.doctor.needs import need_of
from mlspec.errors import Problem, SpecError, ToolError
from mlspec.host.engine import container_run, engine, image_build
from mlspec.lock.image_facts import ImageFacts
from mlspec.plan import plan
from mlspec.plan.plan import Plan
from mlspec.spec.keys import Settings
from mlspec.spec.spec import Image
from mlspec.targets import registry, run_script
from mlspec.targets.build_options import BuildOptions, complete_options
from mlspec.targets.filters import HOME_MARK, draw
from mlspec.targets.run_caller import Caller, run_words
from mlspec.targets.run_script import build_command, host_path

posix = pytest.mark.skipif(sys.platform == "win32", reason="the run script is for POSIX shells")

# Prints its arguments, each with a NUL at its end, and the values of the variables that are passed by name.
FAKE_DOCKER = """#!/bin/sh
[ "$1" != image ] || exit 1
printf '%s\\0' docker "$@"
printf 'TOKEN=%s\\0' "${TOKEN-}"
"""

# Runs an image like `mlspec run`, but does not ask the engine whether the image exists.
DRIVER = """
import pickle, sys
from pathlib import Path
from mlspec.build.ownership import LocalImage
from mlspec.host.engine import engine, fitness, start
from mlspec.host.engine import container_run
from mlspec.host.engine.prepared_run import prepare_run
engine.find_image = lambda *_: LocalImage(id="", platform="linux/amd64")
fitness.require = lambda *_: None
start.port_problems = lambda *_: ()
folder = Path(sys.argv[2])
container_run.run(prepare_run(pickle.loads(Path(sys.argv[1]).read_bytes()), folder), sys.argv[3:], folder)
"""


def planned(data: Mapping[str, Any], key: str = "", **resolved: Any) -> Plan:  # noqa: ANN401
    image = Image(key, Settings.model_validate({"python": "3.12", **data}))
    known = ImageFacts(project="project", base="python:3.12-slim", is_official=True, **resolved)
    return plan.resolve("mlspec.yaml", image, known)


@pytest.fixture(scope="module")
def fakes() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        docker = Path(name) / "docker"
        docker.write_text(FAKE_DOCKER)
        docker.chmod(0o755)
        yield Path(name)


def written(made: Plan, folder: Path) -> Path:
    """Write the run script of a plan to a folder, and return its path."""
    (script,) = registry.emit(made, ["run"])
    path = folder / script.path
    path.write_text(script.text, encoding="utf-8", newline="\n")
    path.chmod(0o755)
    return path


def said(command: Sequence[str], fakes: Path, home: str, *, terminal: str = "", **environment: str) -> list[str]:
    """Return the words that reach docker; ``terminal`` names the streams that are a terminal: ``in``, ``out``."""
    parent, child = pty.openpty()
    tty.setraw(child)
    try:
        done = subprocess.run(
            command,
            stdin=child if "in" in terminal else subprocess.DEVNULL,
            stdout=child if "out" in terminal else subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PATH": f"{fakes}:{os.environ['PATH']}", "HOME": home, **environment},
            timeout=30,
            check=False,
        )
        out = os.read(parent, 100_000) if "out" in terminal else done.stdout
    finally:
        os.close(parent)
        os.close(child)
    assert done.returncode == 0, done.stderr.decode()
    return out.decode().split("\0")[:-1]


# The words that run an image

CALLER = Caller(home="/home/me", user="1234:1235")


@pytest.mark.parametrize(
    ("caller", "words"),
    [
        (Caller(home="/"), ("--interactive",)),
        (Caller(home="/", writes_terminal=True), ("--interactive",)),
        (Caller(home="/", reads_terminal=True), ()),
        (Caller(home="/", reads_terminal=True, writes_terminal=True), ("--interactive", "--tty")),
    ],
    ids=["neither", "out", "in", "both"],
)
def test_a_terminal_is_passed_on_where_there_is_one(caller: Caller, words: tuple[str, ...]) -> None:
    made = planned({}).run

    assert run_words(run_script.run_script(made), (), caller) == (
        *run_words(run_script.run_script(made), (), replace(caller, reads_terminal=True, writes_terminal=False))[:-1],
        *words,
        "project",
    )


@pytest.mark.parametrize(
    "data",
    [{"mounts": ["./data:/data"]}, {"mounts": ["./data:/data:ro"]}, {"secrets": {"key": {"file": "./key.pem"}}}],
    ids=["written", "read", "secret"],
)
def test_the_caller_s_ids_are_passed_where_the_caller_s_files_are_shared(data: Mapping[str, Any]) -> None:
    words = run_words(run_script.run_script(planned(data).run), (), CALLER)

    assert words[words.index("--user") + 1] == "1234:1235"


@pytest.mark.parametrize(
    "data",
    [{}, {"mounts": ["data:/data"]}, {"mounts": ["./d:/d"], "user": "0"}],
    ids=["nothing", "volume", "named"],
)
def test_the_image_s_own_user_stays_elsewhere(data: Mapping[str, Any]) -> None:
    assert "--user" not in run_words(run_script.run_script(planned(data).run), (), CALLER)


def test_a_system_without_ids_passes_none() -> None:
    assert "--user" not in run_words(
        run_script.run_script(planned({"mounts": ["./data:/data"]}).run), (), Caller(home="C:\\Users\\me")
    )


def test_home_is_the_caller_s() -> None:
    words = run_words(
        run_script.run_script(planned({"mounts": ["~/data:/data:ro"], "env_file": "~/.env"}).run), (), CALLER
    )

    assert {"type=bind,source=/home/me/data,target=/data,readonly", "/home/me/.env"} < set(words)


def test_no_mark_of_home_is_left_for_any_caller() -> None:
    words = run_words(
        run_script.run_script(planned({"mounts": ["~:/data"], "secrets": {"K": {"file": "~/k"}}}).run), ("a",), CALLER
    )

    assert [word for word in words if HOME_MARK in word] == []


def test_a_mount_wins_over_memory_in_the_same_place() -> None:
    data = {"read_only": True, "tmpfs": ["/tmp", "/x"], "mounts": ["models:/cache"]}
    words = run_words(run_script.run_script(planned(data).run), (), CALLER)

    assert [after.partition(":")[0] for word, after in pairwise(words) if word == "--tmpfs"] == [
        *("/tmp", "/home/app", "/x"),
    ]


def test_the_entrypoint_can_be_another() -> None:
    assert run_words(run_script.run_script(planned({}).run), ("-c", "ls"), CALLER, entrypoint="/bin/sh")[-5:] == (
        *("--entrypoint", "/bin/sh"),
        *("project", "-c", "ls"),
    )


ENV_FILES = {"env_file": ["a", {"path": "b", "required": False}, "c", {"path": "d", "required": False}]}


@pytest.mark.parametrize(
    ("existing", "files"),
    [("", "ac"), ("b", "abc"), ("d", "acd"), ("bd", "abcd")],
)
def test_environment_files_keep_their_order(existing: str, files: str) -> None:
    words = run_words(
        run_script.run_script(planned(ENV_FILES).run), (), replace(CALLER, existing=frozenset(map(host_path, existing)))
    )

    assert [after for word, after in pairwise(words) if word == "--env-file"] == [f"./{name}" for name in files]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("data", "./data"),
        ("./a/../b", "./b"),
        ("../a", "../a"),
        (".", "."),
        ("a\\b", "./a/b"),
        ("C:\\data", "C:/data"),
        ("/abs", "/abs"),
        ("~", HOME_MARK),
        ("~/a", f"{HOME_MARK}/a"),
        ("-x", "./-x"),
    ],
)
def test_paths_of_the_host_are_as_docker_takes_them(path: str, expected: str) -> None:
    assert host_path(path) == expected


# The run script and mlspec give the same words

EVERYTHING: Mapping[str, Any] = {
    "mounts": [
        "./data:/app/data",
        {"type": "bind", "source": './it\'s, "a" é☃ `id` #', "target": '/app/$HOME, "b"'},
        {"type": "bind", "source": "./deep/er/new", "target": "/n"},
        "~/in put:/in:ro",
        "~:/home:ro",
        "volume:/v",
        {"type": "tmpfs", "target": '/t, "x"'},
    ],
    "env_file": [
        "first.env",
        {"path": "~/o 1.env", "required": False},
        "-x.env",
        {"path": "./gone", "required": False},
    ],
    "secrets": {"TOKEN": {"environment": "OTHER_TOKEN"}, "KEY": {"file": "./a key"}},
    "environment": {"PASSED": None},
    "ports": ["127.0.0.1:8000:8000", "9000-9001/udp", "[::1]:1:2"],
    "gpus": {"device_ids": ["0", "GPU-1"], "capabilities": ["gpu", "utility"], "driver": "nvidia"},
    "shm_size": "8gb",
    "ulimits": {"memlock": "-1", "nofile": {"soft": 1, "hard": 2}},
    "read_only": True,
    "tmpfs": ["/with space"],
    "stop_grace_period": "1m30s",
    "accelerator": "rocm6.3",
}
NASTY_ARGUMENTS = (
    "--flag",
    "-",
    "--",
    "",
    " ",
    "it's",
    '"',
    "$HOME",
    "`id`",
    "\\",
    "é☃🦆",
    "a,b",
    "*",
    "~",
    "new\nline",
    "\r\n",
)


NASTY_FOLDER, NASTY_HOME = 'it\'s, "a" $HOME: é☃', "ho me's $x é"


@posix
@pytest.mark.parametrize(
    ("folder_name", "home_name", "terminal"),
    [
        ("folder", "home", ""),
        ("-leading", "home", ""),
        ("two  spaces", NASTY_HOME, ""),
        *((NASTY_FOLDER, NASTY_HOME, terminal) for terminal in ("", "in", "out", "in out")),
    ],
)
def test_the_run_script_and_mlspec_give_docker_the_same_words(
    fakes: Path, tmp_path: Path, folder_name: str, home_name: str, terminal: str
) -> None:
    folder, home = tmp_path / folder_name, tmp_path / "homes" / home_name
    for path in (folder / "first.env", folder / "-x.env", folder / "a key", home / "in put", home / "o 1.env"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    made = planned(EVERYTHING)
    pickled = folder.parent / "plan"
    pickled.write_bytes(pickle.dumps(made))
    by_mlspec = (sys.executable, "-c", DRIVER, str(pickled), str(folder), *NASTY_ARGUMENTS)
    by_script = (str(written(made, folder)), *NASTY_ARGUMENTS)
    one, two = (
        said(command, fakes, str(home), terminal=terminal, OTHER_TOKEN="it's $t") for command in (by_script, by_mlspec)
    )

    assert one == two
    assert one[-1 - len(NASTY_ARGUMENTS) :] == [*NASTY_ARGUMENTS, "TOKEN=it's $t"]


def test_a_run_joins_the_groups_that_cards_belong_to_on_this_host() -> None:
    made = planned({"accelerator": "rocm6.3"})

    words = run_words(run_script.run_script(made.run), (), Caller(home="/home/me", groups=("109", "44")))

    assert [pair for pair in pairwise(words) if pair[0] == "--group-add"] == [
        ("--group-add", "video"),
        ("--group-add", "109"),
        ("--group-add", "44"),
    ]


@pytest.mark.parametrize(
    ("accelerator", "locked", "required"),
    [
        ("cuda12.8", "", "cuda>=12.8 driver>=525.60"),
        ("cuda11.8", "", "cuda>=11.8 driver>=450.80"),
        ("cuda", "13.0", "cuda>=13.0 driver>=580"),
        ("cuda", "", None),
        ("cuda99.0", "", "cuda>=99.0"),
        ("cpu", "12.8", None),
        ("rocm6.3", "", None),
    ],
)
def test_an_image_requires_a_driver_that_runs_its_cuda(accelerator: str, locked: str, required: str | None) -> None:
    made = planned({"accelerator": accelerator}, cuda=locked)

    assert dict(made.container.defaults).get("NVIDIA_REQUIRE_CUDA") == required


def test_what_the_spec_says_of_the_driver_stands() -> None:
    made = planned({"accelerator": "cuda12.8", "environment": {"NVIDIA_REQUIRE_CUDA": "cuda>=12.8"}})

    assert "NVIDIA_REQUIRE_CUDA" not in dict(made.container.defaults)
    assert dict(made.container.variables)["NVIDIA_REQUIRE_CUDA"] == "cuda>=12.8"


@posix
def test_the_run_script_is_run_from_anywhere_by_any_name(fakes: Path, tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "here" / "spec", tmp_path / "there" / "spec"
    for path in (folder, elsewhere):
        path.mkdir(parents=True)
    written(planned({"mounts": ["./data:/data"]}), folder)
    environment = {**os.environ, "PATH": f"{fakes}:{os.environ['PATH']}", "CDPATH": str(elsewhere.parent)}
    subprocess.run(["sh", "spec/run.sh"], cwd=folder.parent, env=environment, check=True, stdout=subprocess.DEVNULL)

    assert ((folder / "data").is_dir(), (elsewhere / "data").exists()) == (True, False)


# One line of text that a spec accepts: no control characters.
WORDS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\x85\u2028\u2029\\"), min_size=1, max_size=20
)
# A name that is a path of one part: no separator, and not "." or "..".
NAMES = WORDS.map(lambda text: text.replace("/", "_")).filter(lambda text: text not in {".", ".."})
SOURCES = st.one_of(NAMES.map("./{}".format), NAMES.map("~/{}".format)).filter(lambda text: "$" not in text)
TARGETS = NAMES.map("/{}".format)


@st.composite
def specs(draw_: st.DrawFn) -> dict[str, Any]:
    kinds = {"bind": SOURCES, "volume": st.from_regex(r"\A[a-z][a-z0-9_.-]{1,10}\Z")}
    targets_ = draw_(st.lists(TARGETS, unique=True, max_size=4))
    mounts = [
        {"type": (kind := draw_(st.sampled_from(sorted(kinds)))), "source": draw_(kinds[kind]), "target": target}
        for target in targets_
    ]
    files = draw_(st.lists(st.tuples(NAMES, st.booleans()), max_size=3))
    return {
        "mounts": [{**mount, "read_only": draw_(st.booleans())} for mount in mounts],
        "env_file": [{"path": f"./{name}", "required": required} for name, required in files],
        "tmpfs": draw_(st.lists(TARGETS.filter(lambda text: ":" not in text), max_size=2)),
        "gpus": {"device_ids": draw_(st.lists(WORDS, min_size=1, max_size=3))},
        "ulimits": draw_(
            st.dictionaries(st.sampled_from(["memlock", "stack"]), st.sampled_from(["1", "-1"]), max_size=1)
        ),
    }


@posix
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=specs(), arguments=st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))))
def test_every_word_of_the_run_script_survives_a_shell(fakes: Path, data: dict[str, Any], arguments: list[str]) -> None:
    made = planned(data)
    with tempfile.TemporaryDirectory() as name:
        folder, home = Path(name, "spec"), Path(name, "home")
        for path in (folder, home):
            path.mkdir()
        for source in run_script.run_script(made.run).inputs:
            (folder / source.replace(HOME_MARK, str(home))).touch()
        heard = said((str(written(made, folder)), *arguments), fakes, str(home))[:-1]
        sources = (host_path(entry.path) for entry in made.run.env_files)
        existing = frozenset(source for source in sources if (folder / source).exists())
        user = container_run.calling_user()

    assert heard == list(
        run_words(run_script.run_script(made.run), arguments, Caller(home=str(home), user=user, existing=existing))
    )


@posix
@given(
    words=st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")).map(
            lambda t: t.replace("~", HOME_MARK)
        )
    )
)
def test_every_word_that_is_quoted_survives_a_shell(words: list[str]) -> None:
    from mlspec.targets.filters import shell_words

    script = f"printf '%s\\0' end {shell_words(words)}"
    done = subprocess.run(["sh", "-c", script], env={"HOME": "/ho me's"}, capture_output=True, check=True)

    assert done.stdout.decode().split("\0")[1:-1] == [word.replace(HOME_MARK, "/ho me's") for word in words]


# Building


def test_a_build_command_names_its_secrets_by_where_they_are() -> None:
    secrets = {"TOKEN": {"environment": "X"}, "KEY": {"file": 'a "k", y'}}
    made = planned({"secrets": secrets, "run": [{"command": "true", "secrets": ["TOKEN", "KEY"]}]})
    words = build_command(made, BuildOptions())

    assert [after for word, after in pairwise(words) if word == "--secret"] == [
        "id=TOKEN,env=X",
        'id=KEY,"src=./a ""k"", y"',
    ]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (BuildOptions(), {"--load", "project"}),
        (
            BuildOptions(push=True, tags=("a:1", "b")),
            {"type=image,oci-mediatypes=true,compression=gzip,push=true", "a:1", "b"},
        ),
        (
            BuildOptions(push=True, compression="zstd"),
            {"type=image,oci-mediatypes=true,compression=zstd,force-compression=true,push=true"},
        ),
        (BuildOptions(no_cache=True, builder="x"), {"--no-cache", "--builder", "x", "--load"}),
    ],
    ids=["plain", "push", "zstd", "builder"],
)
def test_the_options_of_a_build_become_words(options: BuildOptions, words: set[str]) -> None:
    assert words <= set(build_command(planned({}), options))


@pytest.mark.parametrize(
    ("options", "names", "caches"),
    [
        (BuildOptions(), (), ()),
        (BuildOptions(tags=(":1", "b:2")), ("project-train:1", "b:2"), ()),
        (BuildOptions(push=True), ("ghcr.io/acme/project-train",), ()),
        (BuildOptions(push=True, tags=(":1",)), ("ghcr.io/acme/project-train:1",), ()),
        (BuildOptions(cache_from=("h:1/c:x",), cache_to="h:1/c"), (), ("h:1/c:train", "h:1/c:x-train")),
    ],
    ids=["plain", "tag", "push", "push-tag", "cache"],
)
def test_each_image_has_names_and_caches_of_its_own(
    options: BuildOptions, names: tuple[str, ...], caches: tuple[str, ...]
) -> None:
    made = planned({"registry": "ghcr.io/acme"}, key="train")
    own = complete_options(options, made, ("linux/amd64",))

    assert (own.tags, own.cache_from) == (names, caches)
    assert own.cache_to == (caches[0] if options.cache_to else None)


def test_a_cache_in_a_registry_is_read_and_written_with_all_its_stages() -> None:
    words = build_command(planned({}), BuildOptions(cache_from=("h/c", "h/old"), cache_to="h/c"))
    pairs = [(word, after) for word, after in pairwise(words) if word.startswith("--cache-")]

    assert pairs == [
        ("--cache-from", "type=registry,ref=h/c"),
        ("--cache-from", "type=registry,ref=h/old"),
        ("--cache-to", "type=registry,ref=h/c,mode=max,oci-mediatypes=true,image-manifest=true"),
    ]


def test_the_spec_decides_on_the_compression_of_a_push_unless_the_command_does() -> None:
    made = planned({"registry": {"name": "ghcr.io/acme", "compression": "zstd"}})
    forms = [",".join(build_command(made, BuildOptions(push=True, compression=own))) for own in (None, "gzip")]

    assert ["compression=zstd,force-compression=true" in form for form in forms] == [True, False]


def test_missing_build_secrets_are_told_all_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("X_TOKEN", raising=False)
    words = ("docker", "--secret", "id=A,env=X_TOKEN", "--secret", 'id=B,"src=./a ""k"", y"')
    with pytest.raises(SpecError) as caught:
        image_build.build(words, tmp_path)

    assert [problem.message for problem in caught.value.problems] == [
        "the build needs the secret A, read from X_TOKEN,, which is not in the environment",
        'the secret B is read from ./a "k", y, which does not exist',
    ]


# Messages without an engine


def answering(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Put this shell script as ``docker`` first in PATH."""
    fake = tmp_path / "bin" / "docker"
    fake.parent.mkdir()
    fake.write_text(f"#!/bin/sh\n{script}\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:/usr/bin:/bin")


def failure() -> Problem:
    with pytest.raises(ToolError) as caught:
        engine.require()
    return caught.value.problems[0]


@posix
def test_no_docker_command_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert str(failure()).startswith("MLS504: this host has no docker command")


@posix
def test_podman_s_shim_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answering(tmp_path, monkeypatch, "echo podman version 4.9.3")

    assert str(failure()).startswith("MLS503: the docker command on this host is podman's")


@posix
def test_a_docker_without_buildx_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answering(tmp_path, monkeypatch, '[ "$1" = --version ] && echo Docker version 27.1')

    assert str(failure()).startswith("MLS504: the docker command on this host has no buildx")


@posix
@pytest.mark.parametrize("host", ["unix:///nowhere.sock", "tcp://127.0.0.1:1", "nonsense"])
def test_no_engine_is_told_with_its_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    answering(tmp_path, monkeypatch, "echo Docker")
    monkeypatch.setenv("DOCKER_HOST", host)

    assert str(failure()).startswith(f"MLS501: no engine answers at {host}\n")


@posix
def test_an_engine_that_does_not_answer_is_no_riddle_where_there_is_no_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
    with pytest.raises(ToolError) as caught:
        engine.connect()

    assert caught.value.problems[0].code == "MLS504"


def version(**found: Any) -> Any:  # noqa: ANN401
    class Client:
        def __init__(self, *_address: object) -> None:
            pass

        def version(self) -> dict[str, Any]:
            return {"ApiVersion": "1.51", "Version": "28.5", "Components": [{"Name": "Engine"}], **found}

    return Client


@posix
@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({"Components": [{"Name": "Podman Engine"}], "ApiVersion": "1.41"}, "MLS503: podman answers"),
        ({"ApiVersion": "1.43", "Version": "24.0.9"}, "MLS505: the engine is Docker 24.0.9, which is too old"),
    ],
    ids=["podman", "old"],
)
def test_an_engine_that_cannot_do_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: dict[str, Any], said: str
) -> None:
    answering(tmp_path, monkeypatch, "echo Docker")
    monkeypatch.setattr(engine, "_client", version(**found))

    assert str(failure()).startswith(said)


def test_a_closed_socket_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import docker

    def closed(*_address: object) -> None:
        raise docker.errors.DockerException("no", ("Connection aborted.", PermissionError(13, "Permission denied")))

    answering(tmp_path, monkeypatch, "echo Docker")
    monkeypatch.setattr(engine, "_client", closed)

    assert str(failure()).startswith("MLS502: ")


@posix
def test_the_current_context_is_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from docker.context import ContextAPI

    answering(tmp_path, monkeypatch, "echo Docker")
    (tmp_path / "config.json").write_text("{}")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    ContextAPI.create_context("elsewhere", host="unix:///elsewhere.sock")
    monkeypatch.setenv("DOCKER_CONTEXT", "elsewhere")

    assert "/elsewhere.sock" in str(failure())


# Other people's tools


FULL = {
    **EVERYTHING,
    "accelerator": "cuda",
    "apt": ["tree"],
    "labels": {"a.b": 'it\'s "quoted" $x'},
    "healthcheck": "/",
    "entrypoint": "python main.py",
    "run": [
        {"command": "apt-get --version", "at": "before_install", "cache": "/x"},
        {"command": "set -x\ntrue\n", "secrets": ["TOKEN", "KEY"]},
        {"command": "ls", "at": "after_code"},
    ],
}
SPECS = {
    "least": {},
    "full": FULL,
    "writes": {"mounts": ["./data:/data"]},
    "named": {"mounts": ["./data:/data"], "user": "2000"},
    "reads": {"mounts": ["./it's:/data:ro"]},
}


@pytest.mark.parametrize("data", SPECS.values(), ids=SPECS)
def test_shellcheck_finds_nothing(data: Mapping[str, Any], tmp_path: Path) -> None:
    tool = shutil.which("shellcheck", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if not tool:
        pytest.skip("shellcheck is not here")
    # SC2016 warns that single quotes prevent expansion, which is their purpose here.
    command = [tool, "--exclude=SC2016", str(written(planned(data), tmp_path))]
    done = subprocess.run(command, capture_output=True, text=True)

    assert done.stdout == ""


def test_hadolint_finds_nothing(tmp_path: Path) -> None:
    tool = shutil.which("hadolint", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if not tool:
        pytest.skip("hadolint is not here")
    for name, data in SPECS.items():
        for layers in ((), ("heavy", "light")):
            dockerfile = tmp_path / f"{name}{len(layers)}.Dockerfile"
            dockerfile.write_text(draw("Dockerfile.j2", plan=planned(data, layers=layers, has_vcs=bool(layers))))
    done = subprocess.run([tool, "--no-color", *tmp_path.iterdir()], capture_output=True, text=True)

    assert done.stdout == ""


@pytest.mark.parametrize("path", ["token.txt", "./a $b", "keys/a"])
def test_the_file_of_a_secret_may_have_any_name(path: str) -> None:
    words = run_words(run_script.run_script(planned({"secrets": {"A": {"file": path}}}).run), (), CALLER)

    assert f"type=bind,source=./{path.removeprefix('./')},target=/run/secrets/A,readonly" in words


def test_a_number_of_amds_gpus_asks_nothing_of_nvidia() -> None:
    made = planned({"accelerator": "rocm6.3", "gpus": "1"})

    assert "--gpus" not in run_words(run_script.run_script(made.run), (), CALLER)
    assert not need_of(made, wheels=0, folder="/x", home="/h").gpus
