"""Tests of the doctor's facts: from real causes, and from fakes of other engines and other hardware."""

from __future__ import annotations

import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from mlspec import api
from mlspec.advice.doctor import network
from mlspec.advice.doctor.observations import Need
from mlspec.errors import Problem, ToolError
from mlspec.host import checkup, machine
from mlspec.host.engine import engine, fitness
from mlspec.host.network import probes
from tests.support import command, servers

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="fakes are shell scripts and unix sockets")
as_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can mount, and become another user"
)

own_driver = pytest.mark.skipif(
    Path("/proc/driver/nvidia/version").exists(), reason="this host has a driver of its own"
)

VERSION = {
    "Version": "28.5.2",
    "ApiVersion": "1.51",
    "Os": "linux",
    "Arch": "amd64",
    "Components": [{"Name": "Engine"}, {"Name": "docker-init"}],
}
INFO = {"OperatingSystem": "Debian GNU/Linux 12", "Runtimes": {"runc": {}}, "InitBinary": "docker-init"}
DOCKER = """\
[ "$1" = --version ] && echo "Docker version 28.5.2, build 1"
[ "$1 $2" = "buildx version" ] && echo "github.com/docker/buildx v0.29.1 1"
[ "$1 $2" = "buildx inspect" ] && cat <<'TXT'
Name:   default
Driver: docker

Nodes:
Name:      default
Endpoint:  default
Status:    running
BuildKit version: v0.25.1
Platforms: linux/amd64, linux/amd64/v2, linux/arm64*
Labels:
 org.mobyproject.buildkit.worker.executor: containerd
TXT
true
"""


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """A function that replaces a command by a shell script."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    def put(name: str, script: str) -> None:
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)

    put("docker", DOCKER)
    return put


class _Unix(HTTPServer):
    address_family = socket.AF_UNIX

    def server_bind(self) -> None:
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = "engine", 0

    def get_request(self) -> tuple[socket.socket, Any]:
        return self.socket.accept()[0], ("engine", 0)


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """A function that starts a fake engine with a version and an info, at the address that mlspec uses."""
    with ExitStack() as stack:
        # Paths of unix sockets are limited to about a hundred characters; pytest's paths are longer.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))

        def start(version: Mapping[str, Any] = VERSION, info: Mapping[str, Any] = INFO) -> None:
            class Engine(BaseHTTPRequestHandler):
                def do_GET(self) -> None:
                    said = json.dumps(version if self.path.endswith("/version") else info).encode()
                    self.send_response(200)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(said)))
                    self.end_headers()
                    self.wfile.write(said)

                def log_message(self, *_: object) -> None:
                    pass

            server = _Unix(str(folder / "s"), Engine)  # type: ignore[arg-type]
            servers.start(server)
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
            monkeypatch.setenv("DOCKER_HOST", f"unix://{folder / 's'}")

        yield start


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, without proxies, certificates and Docker configuration of this host."""
    for name in (*machine.AUTHORITIES, "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "DOCKER_BUILDKIT", "DOCKER_CONTEXT"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "config"))
    place = tmp_path / "project"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


def doctor(*words: str, prefix: tuple[str, ...] = (), **options: Any) -> subprocess.CompletedProcess[str]:  # noqa: ANN401
    if prefix or options:
        program = [*prefix, sys.executable, "-m", "mlspec", "doctor", "--offline", *words]
        done = subprocess.run(program, capture_output=True, text=True, **options)
    else:
        done = command.run("doctor", "--offline", *words)
    assert "Traceback" not in done.stderr
    return done


def codes(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [row["code"] for row in json.loads(done.stdout)["findings"] if row["code"]]


# The engine

Commands = Callable[[str, str], None]
Answering = Callable[..., None]


def test_an_engine_that_lacks_nothing_lets_the_doctor_exit_0(commands: Commands, answering: Answering) -> None:
    answering()
    done = doctor()

    assert (done.returncode, done.stdout.splitlines()[:3]) == (
        0,
        [
            "ok       docker: 28.5.2, buildx 0.29.1",
            f"ok       engine: Docker 28.5.2 at {os.environ['DOCKER_HOST']}, linux/amd64",
            "ok       builder: default (docker): linux/amd64, linux/arm64",
        ],
    )


@pytest.mark.parametrize(
    ("version", "info", "code"),
    [
        ({"ApiVersion": "1.43", "Version": "24.0.9"}, {}, "MLS505"),
        ({"Components": [{"Name": "Podman Engine"}]}, {}, "MLS503"),
        ({"Os": "windows"}, {}, "MLS542"),
    ],
    ids=["old", "podman", "windows"],
)
def test_what_an_engine_says_of_itself_is_heard(
    commands: Commands, answering: Answering, version: dict[str, Any], info: dict[str, Any], code: str
) -> None:
    answering({**VERSION, **version}, {**INFO, **info})
    done = doctor("--format", "json")

    assert (done.returncode, codes(done)) == (3, [code])


def test_a_socket_that_nobody_listens_on_is_no_engine(
    commands: Commands, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    with tempfile.TemporaryDirectory() as place, socket.socket(socket.AF_UNIX) as left:
        left.bind(f"{place}/s")
        monkeypatch.setenv("DOCKER_HOST", f"unix://{place}/s")

        assert engine.examine_engine().silence == "unreached"


@as_root
@pytest.mark.skipif(not shutil.which("setpriv"), reason="setpriv, with which root becomes another user, is not here")
def test_a_socket_that_is_closed_to_this_user_is_told(commands: Commands, answering: Answering) -> None:
    answering()
    socket_file = Path(os.environ["DOCKER_HOST"].removeprefix("unix://"))
    socket_file.chmod(0)
    socket_file.parent.chmod(0o755)
    script = "import sys; from mlspec.host.engine import engine; print(engine.examine_engine().silence)"
    prefix = ("setpriv", "--reuid=4321", "--regid=4322", "--clear-groups", "--")
    done = subprocess.run(
        [*prefix, sys.executable, "-c", script],
        cwd="/",
        env={"PATH": "/usr/bin:/bin", "HOME": "/", "DOCKER_HOST": os.environ["DOCKER_HOST"]},
        capture_output=True,
        text=True,
    )

    assert done.stdout == "denied\n", done.stderr


def test_an_engine_that_speaks_nonsense_is_no_engine(commands: Commands, answering: Answering) -> None:
    answering([], [])

    assert engine.examine_engine().silence == "unreached"


def test_what_docker_info_tells_becomes_facts(commands: Commands, answering: Answering) -> None:
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    answering(
        {**VERSION, "Components": [{"Name": "Engine"}]},
        {
            **INFO,
            "DiscoveredDevices": [{"Source": "cdi", "ID": "nvidia.com/gpu=0"}],
            "SecurityOptions": ["name=seccomp,profile=builtin", "name=rootless"],
            "DockerRootDir": "/",
            "HttpsProxy": "http://proxy.test",
            # An engine writes the time to the nanosecond.
            "SystemTime": hour_ago.strftime("%Y-%m-%dT%H:%M:%S.%f789Z"),
        },
    )
    found = engine.examine_engine()

    assert found.devices == ("nvidia.com/gpu=0",)
    assert (found.has("rootless"), found.has("userns"), found.has_init, found.has_proxy) == (True, False, False, True)
    assert round(found.skew / 60) == -60
    # Free space changes all the time, so check only that there is a value.
    assert (found.space is not None) == (machine.here().system == "linux")


def test_a_builder_that_is_gone_is_told_in_its_own_words(commands: Commands, answering: Answering) -> None:
    answering()
    commands(
        "docker", f'[ "$1 $2" = "buildx inspect" ] && {{ echo \'ERROR: no builder "x" found\' >&2; exit 1; }}\n{DOCKER}'
    )

    assert engine.builder().words == 'ERROR: no builder "x" found'


def test_where_the_engine_is_missing_the_doctor_is_named(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")

    with pytest.raises(ToolError, match="to see all problems: mlspec doctor"):
        engine.connect()


def test_a_program_reads_the_findings_with_what_is_fine(commands: Commands, answering: Answering) -> None:
    answering({**VERSION, "ApiVersion": "1.43", "Version": "24.0.9"})
    read = json.loads(doctor("--format", "json").stdout)

    assert (read["version"], read["errors"], read["warnings"]) == (1, 1, 0)
    assert read["findings"][:2] == [
        {"topic": "docker", "state": "ok", "message": "28.5.2, buildx 0.29.1", "code": None, "hint": None},
        {
            "topic": "engine",
            "state": "error",
            "message": "the engine is Docker 24.0.9, which is too old",
            "code": "MLS505",
            "hint": "update it: the Dockerfile needs Docker 25 or newer",
        },
    ]


def test_quiet_leaves_what_is_fine_unsaid(commands: Commands, answering: Answering) -> None:
    answering()
    done = doctor("--quiet")

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# This host


@as_root
def test_a_full_disk_is_told(commands: Commands, answering: Answering, folder: Path) -> None:
    answering()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip("this root may not mount")
    try:
        done = doctor("--format", "json", cwd=folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)

    assert (done.returncode, codes(done)) == (3, ["MLS551"])


@own_driver
def test_the_driver_is_that_of_nvidia_s_own_tool(commands: Commands, folder: Path) -> None:
    commands("nvidia-smi", "echo 470.82.01; echo 470.82.01")

    assert machine.examine_host(folder).driver == "470.82.01"


@own_driver
def test_a_tool_that_finds_no_driver_is_no_driver(commands: Commands, folder: Path) -> None:
    commands("nvidia-smi", "echo NVIDIA-SMI has failed; exit 9")

    assert machine.examine_host(folder).driver == ""


# The output of nvidia-smi --query-gpu=compute_cap --format=csv,noheader on several kinds of hosts.
@pytest.mark.parametrize(
    ("said", "capabilities"),
    [
        ("8.0\n8.0\n8.0\n8.0\n", ("8.0",)),
        ("12.0\n8.6\n", ("12.0", "8.6")),
        ("", ()),
        # nvidia-smi before driver 510 does not know the field.
        ('Field "compute_cap" is not a valid field to query.\n', ()),
        ("[N/A]\n", ()),
        ("No devices were found\n", ()),
    ],
)
def test_the_gpus_are_those_that_nvidia_s_own_tool_tells(
    said: str, capabilities: tuple[str, ...], commands: Commands, folder: Path
) -> None:
    commands("nvidia-smi", f"cat <<'TXT'\n{said}TXT")

    assert machine.examine_host(folder).capabilities == capabilities


@pytest.mark.parametrize(
    ("names", "devices"),
    [((), ()), (("dri",), ("/dev/dri",)), (("kfd", "dri", "null"), ("/dev/kfd", "/dev/dri"))],
)
def test_amd_s_driver_is_known_by_its_devices(names: tuple[str, ...], devices: tuple[str, ...], tmp_path: Path) -> None:
    for name in names:
        (tmp_path / name).mkdir()

    assert machine.devices(tmp_path) == devices


# Before a run

NVIDIA = {**INFO, "Runtimes": {"runc": {}, "nvidia": {}}}
CDI = {**INFO, "DiscoveredDevices": [{"Source": "cdi", "ID": "nvidia.com/gpu=all"}]}
GPUS = Need(image="train", gpus=True, cuda="12.8", driver="525.60.13", torch="2.9.1+cu128")


def required(need: Need, platform: str = "linux/amd64") -> list[str]:
    """Return the codes of the warnings of a run with this need."""
    warned: list[Problem] = []
    fitness.require(need, platform, warned.append)
    return [problem.code for problem in warned]


def nvidia(driver: str, capability: str) -> str:
    return f'case "$*" in *driver_version*) echo {driver};; *compute_cap*) echo {capability};; esac'


@own_driver
@pytest.mark.parametrize("info", [NVIDIA, CDI], ids=["runtime", "CDI"])
def test_a_run_goes_on_where_all_it_needs_is_there(
    info: Mapping[str, Any], commands: Commands, answering: Answering
) -> None:
    answering(info=info)
    commands("nvidia-smi", nvidia("570.86.10", "9.0"))

    assert required(GPUS) == []


def test_a_run_that_needs_nothing_asks_for_nothing_of_the_host(commands: Commands, answering: Answering) -> None:
    answering()
    commands("nvidia-smi", "touch asked")

    assert required(Need(image="serve")) == []
    assert not Path("asked").exists()


def test_a_run_that_wants_gpus_is_stopped_where_there_are_none(commands: Commands, answering: Answering) -> None:
    answering()

    with pytest.raises(ToolError, match="MLS545: the engine cannot give containers a GPU"):
        required(GPUS)


@own_driver
def test_a_run_is_stopped_where_the_driver_is_older_than_its_cuda_needs(
    commands: Commands, answering: Answering
) -> None:
    answering(info=NVIDIA)
    commands("nvidia-smi", nvidia("470.82.01", "8.0"))

    with pytest.raises(ToolError, match=r"MLS547: NVIDIA's driver 470\.82\.01 is older than 525\.60\.13"):
        required(GPUS)


@own_driver
def test_a_run_warns_where_torch_has_no_kernels_for_the_gpu_that_is_there(
    commands: Commands, answering: Answering
) -> None:
    answering(info=NVIDIA)
    commands("nvidia-smi", nvidia("570.86.10", "6.1"))

    assert required(GPUS) == ["MLS566"]


@own_driver
def test_a_run_warns_where_no_driver_answers_as_in_a_container_of_its_own(
    commands: Commands, answering: Answering
) -> None:
    answering(info=NVIDIA)

    assert required(GPUS) == ["MLS546"]


def test_an_image_of_another_platform_is_told_before_the_engine_tells_it(
    commands: Commands, answering: Answering
) -> None:
    answering()

    with pytest.raises(ToolError, match="MLS567: the local image train is for linux/arm64"):
        required(GPUS, "linux/arm64")


def test_an_image_that_this_host_could_only_emulate_and_cannot_is_stopped(
    commands: Commands, answering: Answering
) -> None:
    answering({**VERSION, "Arch": "arm64"})
    commands("docker", DOCKER.replace("linux/amd64, linux/amd64/v2, linux/arm64*", "linux/arm64"))

    with pytest.raises(ToolError, match="MLS549: this host cannot run linux/amd64"):
        required(Need(image="serve"))


def test_an_image_that_is_emulated_runs(commands: Commands, answering: Answering) -> None:
    answering({**VERSION, "Arch": "arm64"})

    assert required(Need(image="serve")) == []


# The network


def test_proxies_are_told_without_their_logins(
    commands: Commands, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("https_proxy", "http://me:hunter2@proxy.test")
    (tmp_path / "config").mkdir()
    config = {"proxies": {"default": {"httpsProxy": "http://me:hunter2@127.0.0.1:3128"}}}
    (tmp_path / "config" / "config.json").write_text(json.dumps(config))
    found = machine.examine_host(folder)

    assert (found.proxies, found.build_proxy) == (("HTTPS_PROXY",), "http://127.0.0.1:3128")


# The network


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a self-signed certificate for 127.0.0.1."""
    if not shutil.which("openssl"):
        pytest.skip("openssl, which makes certificates, is not here")
    place = tmp_path_factory.mktemp("tls") / "both.pem"
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(place))
    name = ("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1")
    made = place.with_name("certificate.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-days", "2", *key, *name, "-out", str(made)], check=True, capture_output=True
    )
    place.write_text(place.read_text() + made.read_text())
    return place


@pytest.fixture
def serving() -> Iterator[Callable[..., str]]:
    """A function that starts a server and returns its address; the server answers each request with one status."""
    with ExitStack() as stack:

        def start(certificate: Path | None = None, status: int = 200, clock: str = "") -> str:
            class Page(BaseHTTPRequestHandler):
                def do_GET(self) -> None:
                    self.send_response(status)
                    self.end_headers()

                def date_time_string(self, timestamp: float | None = None) -> str:
                    return clock or super().date_time_string(timestamp)

                def log_message(self, *_: object) -> None:
                    pass

            server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
            if certificate:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(certificate)
                server.socket = context.wrap_socket(server.socket, server_side=True)
            servers.start(server)
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
            return f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_port}/"

        yield start


def state_of(url: str) -> str:
    return probes.answer("package index", (url,), 5).state


@pytest.mark.parametrize(("status", "state"), [(200, "fine"), (401, "fine"), (404, "fine"), (503, "silent")])
def test_any_answer_but_a_failure_is_an_answer(serving: Callable[..., str], status: int, state: str) -> None:
    assert state_of(serving(status=status)) == state


def test_an_address_where_nobody_listens_is_silent() -> None:
    assert state_of("http://127.0.0.1:1/") == "silent"


def test_of_several_addresses_the_first_that_answers_counts(serving: Callable[..., str]) -> None:
    assert probes.answer("registry", ("http://127.0.0.1:1/", serving()), 5).state == "fine"


def test_a_proxy_that_is_not_there_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)

    assert state_of("https://index.test/") == "proxy"


def test_a_certificate_that_nobody_signed_is_not_trusted(serving: Callable[..., str], certificate: Path) -> None:
    assert state_of(serving(certificate)) == "untrusted"


def test_a_certificate_that_only_this_host_knows_is_told(
    serving: Callable[..., str], certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))

    assert state_of(serving(certificate)) == "private"


def test_a_certificate_in_the_host_s_own_store_is_named(
    serving: Callable[..., str], certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = ssl.get_default_verify_paths()._replace(cafile=str(certificate))
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: paths)
    found = probes.answer("package index", (serving(certificate),), 5)

    assert (found.state, found.words) == ("untold", str(certificate))


def test_the_clock_of_a_server_is_compared_with_this_one(serving: Callable[..., str]) -> None:
    url = serving(clock=(datetime.now(UTC) - timedelta(hours=3)).strftime("%a, %d %b %Y %H:%M:%S GMT"))
    found = probes.answer("package index", (url,), 5)

    assert found.skew is not None
    assert round(found.skew / 3600) == -3


def test_who_never_answers_is_left_behind_and_who_fails_is_left_out() -> None:
    never = threading.Event()
    tasks: dict[str, Callable[[], object]] = {"never": never.wait, "fails": lambda: 1 // 0, "answers": lambda: "here"}

    assert probes.at_once(tasks, 0.5) == {"answers": "here"}


def test_a_probe_that_does_not_come_back_is_a_finding_like_others(
    commands: Commands, answering: Answering, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering()
    monkeypatch.setattr(checkup, "_PATIENCE", 0.3)
    monkeypatch.setattr(probes, "answer", lambda *_: threading.Event().wait())
    found = checkup.gather(folder, ())

    assert [answer.state for answer in found.answers] == ["silent", "silent"]


# Needs of a spec


def test_a_run_script_with_windows_line_ends_is_seen(folder: Path) -> None:
    (folder / "mlspec.yaml").write_text("python: 3.12\n")
    (folder / "run.sh").write_bytes(b"#!/bin/sh\r\n")
    (need,) = api.demand(Path("mlspec.yaml")).needs

    assert need.windows_scripts == ("run.sh",)


def test_a_spec_without_a_lock_has_needs_all_the_same(folder: Path) -> None:
    (folder / "mlspec.yaml").write_text("python: 3.12\naccelerator: cuda12.8\nrequirements: [torch]\n")
    demand = api.demand(Path("mlspec.yaml"))

    assert [(need.gpus, need.driver) for need in demand.needs] == [(True, "525.60.13")]
    assert demand.bases[0].startswith("python:3.12-slim-")
    assert demand.indexes == ("https://download.pytorch.org/whl/cu128",)


def test_indexes_that_serve_no_package_of_the_spec_are_not_asked(folder: Path) -> None:
    (folder / "mlspec.yaml").write_text(
        "python: 3.12\nrequirements: [six]\nindexes: [{url: 'https://index.example/simple', packages: ['team-*']}]\n"
    )

    assert api.demand(Path("mlspec.yaml")).indexes == ()


def test_an_index_of_the_spec_that_does_not_answer_is_named_with_its_mirror_setting(folder: Path) -> None:
    found = checkup.gather(folder, (), indexes=["http://127.0.0.1:9/whl/cpu"])

    (answer,) = (answer for answer in found.answers if answer.index)
    (told,) = (finding for finding in network.findings(found) if "127.0.0.1 does not answer" in str(finding))
    assert (answer.host, answer.state) == ("127.0.0.1", "silent")
    assert "MLSPEC_INDEX_MIRRORS, as http://127.0.0.1:9/whl/cpu=MIRROR" in str(told)


def test_a_spec_with_problems_is_told_beside_the_host(commands: Commands, answering: Answering, folder: Path) -> None:
    answering()
    (folder / "mlspec.yaml").write_text("python: 3.12\nrequirments: x\n")
    done = doctor()

    assert (done.returncode, "MLS101" in done.stderr, "ok       engine" in done.stdout) == (1, True, True)


def test_a_spec_that_is_named_and_not_there_is_a_problem(commands: Commands, answering: Answering) -> None:
    answering()
    done = doctor("nothing.yaml")

    assert (done.returncode, "MLS401" in done.stderr) == (1, True)
