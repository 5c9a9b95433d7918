"""Tests of the doctor's findings: each case has its own code, and a fix for the platform."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from mlspec.advice.doctor import examination
from mlspec.advice.doctor.findings import Finding
from mlspec.advice.doctor.needs import need_of
from mlspec.advice.doctor.observations import (
    Builder,
    DockerCommand,
    Engine,
    Host,
    Need,
    Observations,
    Probe,
    Space,
    UserConfiguration,
    UserSetting,
)
from mlspec.errors import Problem, Span
from mlspec.lock.image_facts import ImageFacts
from mlspec.plan.plan import resolve
from mlspec.spec.spec import Image

GB = 10**9
HOST = Host(home="/home/me", folder="/home/me/project", space=Space(free=50 * GB), driver="580.65.06")
COMMAND = DockerCommand(docker="Docker version 28.5.2, build ecc6942", buildx="github.com/docker/buildx v0.29.1 abc")
ENGINE = Engine(
    version="28.5.2",
    api=(1, 51),
    platform="linux/amd64",
    parts=("Engine", "containerd", "runc", "docker-init"),
    runtimes=("runc", "nvidia"),
    root="/var/lib/docker",
    space=Space(free=90 * GB),
)
BUILDER = Builder(name="default", driver="docker", platforms=("linux/amd64",))
CPU = Need(image="cpu-one", init=True)
CUDA = Need(image="gpu-one", init=True, gpus=True, cuda="12.8", driver="525.60.13")
ROCM = Need(image="amd-one", devices=("/dev/kfd", "/dev/dri"))
ARM = Need(image="arm-one", platform="linux/arm64")
WRITER = Need(image="writer", as_caller=True, binds=("/home/me/project/data",))
FINE = Observations(host=HOST, command=COMMAND, engine=ENGINE, builder=BUILDER, needs=(CPU,))
SILENT = replace(ENGINE, silence="unreached", version="", words="Connection refused")


def said(seen: Observations) -> dict[str, Finding]:
    """Return the findings with a problem, by their codes."""
    return {finding.problem.code: finding for finding in examination.examine(seen) if finding.problem}


def with_host(seen: Observations = FINE, **changes: object) -> Observations:
    return replace(seen, host=replace(seen.host, **changes))  # type: ignore[arg-type]


def with_engine(seen: Observations = FINE, **changes: object) -> Observations:
    return replace(seen, engine=replace(seen.engine, **changes))  # type: ignore[arg-type]


def needing(*needs: Need, seen: Observations = FINE) -> Observations:
    return replace(seen, needs=needs)


def answered(state: str, words: str = "", *, place: str = "package index", skew: float | None = None) -> Observations:
    return replace(FINE, answers=(Probe(place=place, host="index.test", state=state, words=words, skew=skew),))  # type: ignore[arg-type]


def test_a_host_that_lacks_nothing_is_told_in_lines_that_are_all_fine() -> None:
    lines = [f"{finding.state} {finding.topic}: {finding.message}" for finding in examination.examine(FINE)]

    assert lines == [
        "ok docker: 28.5.2, buildx 0.29.1",
        "ok engine: Docker 28.5.2, linux/amd64",
        "ok builder: default (docker): linux/amd64",
        "ok gpus: not needed",
        "ok platform: linux/amd64, for cpu-one",
        "ok disk: 90.0 GB free in /var/lib/docker, the engine's",
        "ok disk: 50.0 GB free in /home/me/project, here",
        "ok init: the engine has docker-init",
        "ok configuration: mlspec reads no file: MLSPEC_CONFIG=off",
        "ok clock: the engine's clock agrees with this host's",
    ]


REMOTE = replace(ENGINE, address="ssh://me@far", runtimes=("runc",))
DESKTOP = replace(ENGINE, name="Docker Desktop", runtimes=("runc",), shares=("/Users",))
SNAP = replace(ENGINE, root="/var/snap/docker/common", runtimes=("runc",))
ROOTLESS = replace(ENGINE, security=("name=seccomp,profile=builtin", "name=rootless"), runtimes=("runc",))
USERNS = replace(ENGINE, security=("name=userns",), root="/var/lib/docker/100000.100000")
PROXIED = with_host(proxies=("HTTPS_PROXY",))

# The facts of each case, the code and the severity of the finding, and a part of its hint.
CASES: dict[str, tuple[Observations, str, str, str]] = {
    "no command": (replace(FINE, command=DockerCommand(), engine=SILENT), "MLS504", "error", "docker-ce"),
    "no command, macos": (
        with_host(replace(FINE, command=DockerCommand()), system="macos"),
        "MLS504",
        "error",
        "brew install --cask docker-desktop",
    ),
    "no command, windows": (
        with_host(replace(FINE, command=DockerCommand()), system="windows"),
        "MLS504",
        "error",
        "winget install Docker.DockerDesktop",
    ),
    "no command, wsl": (with_host(replace(FINE, command=DockerCommand()), system="wsl"), "MLS504", "error", "WSL"),
    "podman in its place": (
        with_host(replace(FINE, command=DockerCommand()), has_podman=True),
        "MLS503",
        "error",
        "--engine podman",
    ),
    "podman's shim": (
        replace(FINE, command=DockerCommand(docker="podman version 5.2.0")),
        "MLS503",
        "error",
        "--engine podman",
    ),
    "podman's socket": (with_engine(parts=("Podman Engine",)), "MLS503", "error", "--engine podman"),
    "no buildx": (
        replace(FINE, command=DockerCommand(docker="Docker version 28.5")),
        "MLS504",
        "error",
        "docker-buildx",
    ),
    "old buildx": (replace(FINE, command=replace(COMMAND, buildx="buildx v0.9.1")), "MLS540", "error", "docker-buildx"),
    "no engine": (replace(FINE, engine=SILENT), "MLS501", "error", "sudo systemctl start docker"),
    "no engine, no systemd": (
        with_host(replace(FINE, engine=SILENT), has_systemd=False),
        "MLS501",
        "error",
        "sudo service docker start",
    ),
    "no engine, macos": (
        with_host(replace(FINE, engine=SILENT), system="macos"),
        "MLS501",
        "error",
        "docker desktop start",
    ),
    "no engine, snap": (with_host(replace(FINE, engine=SILENT), is_snap=True), "MLS501", "error", "sudo snap start"),
    "no engine, rootless": (
        replace(FINE, engine=replace(SILENT, address="unix:///run/user/1000/docker.sock")),
        "MLS501",
        "error",
        "systemctl --user start docker",
    ),
    "no permission": (replace(FINE, engine=replace(SILENT, silence="denied")), "MLS502", "error", "usermod -aG docker"),
    "no permission yet": (
        with_host(replace(FINE, engine=replace(SILENT, silence="denied")), has_joined=True),
        "MLS502",
        "error",
        "newgrp docker",
    ),
    "no permission, snap": (
        with_host(replace(FINE, engine=replace(SILENT, silence="denied")), is_snap=True),
        "MLS502",
        "error",
        "snap disable docker",
    ),
    "old engine": (with_engine(version="24.0.9", api=(1, 43)), "MLS505", "error", "Docker 25"),
    "windows containers": (with_engine(platform="windows/amd64"), "MLS542", "error", "Switch to Linux containers"),
    "builder gone": (replace(FINE, builder=Builder(name="old", words="gone")), "MLS543", "error", "buildx use default"),
    "buildkit refused": (with_host(refuses_buildkit=True), "MLS541", "warning", "unset DOCKER_BUILDKIT"),
    "no gpu runtime": (needing(CUDA, seen=with_engine(runtimes=("runc",))), "MLS545", "error", "nvidia-ctk"),
    "no gpus on macos": (needing(CUDA, seen=with_host(system="macos")), "MLS544", "error", "accelerator: cpu"),
    "no gpus in snap": (needing(CUDA, seen=replace(FINE, engine=SNAP)), "MLS545", "error", "snap remove docker"),
    "no gpus in desktop, windows": (
        needing(CUDA, seen=with_host(replace(FINE, engine=DESKTOP), system="wsl")),
        "MLS545",
        "error",
        "wsl --update",
    ),
    "no gpus in desktop, linux": (
        needing(CUDA, seen=replace(FINE, engine=DESKTOP)),
        "MLS545",
        "error",
        "docker context use default",
    ),
    "no gpus, rootless": (
        needing(CUDA, seen=replace(FINE, engine=ROOTLESS)),
        "MLS545",
        "error",
        "no-cgroups",
    ),
    "gpus elsewhere, unseen": (needing(CUDA, seen=replace(FINE, engine=REMOTE)), "MLS545", "warning", "nvidia-ctk"),
    "no driver": (needing(CUDA, seen=with_host(driver="")), "MLS546", "error", "nvidia-driver"),
    "no driver, wsl": (
        needing(CUDA, seen=with_host(driver="", system="wsl")),
        "MLS546",
        "error",
        "nvidia.com/drivers",
    ),
    "old driver": (needing(CUDA, seen=with_host(driver="470.82.01")), "MLS547", "error", "accelerator: cuda11.8"),
    "no kernels for the only gpu": (
        needing(replace(CUDA, cuda="12.4", torch="2.6.0+cu124"), seen=with_host(capabilities=("12.0",))),
        "MLS566",
        "error",
        "gpu_models: [sm_120]",
    ),
    "no kernels for one of the gpus": (
        needing(replace(CUDA, cuda="12.4", torch="2.6.0+cu124"), seen=with_host(capabilities=("8.9", "12.0"))),
        "MLS566",
        "warning",
        "gpu_models: [sm_120]",
    ),
    "no amd device": (needing(ROCM, seen=with_host(devices=("/dev/dri",))), "MLS548", "error", "modprobe amdgpu"),
    "no emulation": (needing(ARM), "MLS549", "error", "binfmt --install arm64"),
    "engine's disk full": (with_engine(space=Space(free=1000)), "MLS550", "error", "docker builder prune"),
    "engine's disk without entries": (with_engine(space=Space(free=90 * GB, entries=0)), "MLS550", "error", "prune"),
    "engine's disk smaller than the wheels": (
        needing(replace(CUDA, wheels=100 * GB)),
        "MLS550",
        "error",
        "docker builder prune",
    ),
    "engine's disk small for the wheels": (
        needing(replace(CUDA, wheels=20 * GB)),
        "MLS550",
        "warning",
        "docker builder prune",
    ),
    "disk here full": (with_host(space=Space(free=1000)), "MLS551", "error", "du -xh"),
    "disk here nearly full": (with_host(space=Space(free=GB // 2)), "MLS551", "warning", "du -xh"),
    "proxy not the engine's": (PROXIED, "MLS552", "warning", "/etc/docker/daemon.json"),
    "proxy not desktop's": (replace(PROXIED, engine=DESKTOP), "MLS552", "warning", "settings of Docker Desktop"),
    "proxy not a rootless engine's": (replace(PROXIED, engine=ROOTLESS), "MLS552", "warning", "~/.config/docker"),
    "proxy not the steps'": (PROXIED, "MLS553", "warning", '"httpsProxy"'),
    "proxy on the loopback": (with_host(PROXIED, build_proxy="http://127.0.0.1:3128"), "MLS554", "warning", "172.17"),
    "authority out of date": (
        replace(FINE, own=UserConfiguration(outdated=("Old CA",))),
        "MLS568",
        "warning",
        "remove it from the file",
    ),
    "proxy does not answer": (answered("proxy"), "MLS555", "warning", "export NO_PROXY=index.test"),
    "certificate unknown": (answered("untrusted", "self-signed"), "MLS556", "warning", "export SSL_CERT_FILE="),
    "certificate expired": (answered("untrusted", "certificate has expired"), "MLS556", "warning", "clock"),
    "certificate untold": (answered("untold", "/etc/ca.pem"), "MLS556", "warning", "export SSL_CERT_FILE=/etc/ca.pem"),
    "certificate of this host alone": (answered("private"), "MLS557", "warning", "update-ca-certificates"),
    "no index": (answered("silent"), "MLS558", "warning", "MLSPEC_INDEX_URL"),
    "no registry": (answered("silent", place="registry"), "MLS559", "warning", "MLSPEC_REGISTRY_MIRROR"),
    "clock behind": (answered("fine", skew=7200.0), "MLS560", "warning", "timedatectl"),
    "clock behind, wsl": (with_host(answered("fine", skew=900.0), system="wsl"), "MLS560", "warning", "wsl --shutdown"),
    "engine's clock behind": (
        replace(FINE, engine=replace(DESKTOP, skew=-900.0)),
        "MLS560",
        "warning",
        "docker desktop restart",
    ),
    "no init": (with_engine(has_init=False), "MLS561", "error", "init: false"),
    "mounts elsewhere": (needing(WRITER, seen=replace(FINE, engine=REMOTE)), "MLS562", "warning", "/home/me/project"),
    "mounts not shared": (needing(WRITER, seen=replace(FINE, engine=DESKTOP)), "MLS563", "error", "File sharing"),
    "mounts unseen by snap": (
        needing(replace(WRITER, binds=("/srv/data",)), seen=replace(FINE, engine=SNAP)),
        "MLS563",
        "error",
        "only /home/me",
    ),
    "rootless": (needing(WRITER, seen=replace(FINE, engine=ROOTLESS)), "MLS564", "warning", 'user: "0:0"'),
    "mapped users": (needing(WRITER, seen=replace(FINE, engine=USERNS)), "MLS564", "warning", "u:101000:rwX"),
    "windows line ends": (
        needing(replace(CPU, windows_scripts=("run.sh",))),
        "MLS565",
        "warning",
        "text eol=lf",
    ),
}


@pytest.mark.parametrize(("seen", "code", "severity", "hint"), CASES.values(), ids=CASES)
def test_each_cause_has_its_code_and_its_fix(seen: Observations, code: str, severity: str, hint: str) -> None:
    finding = said(seen)[code]

    assert finding.state == severity
    assert finding.problem
    assert hint in finding.problem.hint


def test_every_code_of_the_doctor_is_met_by_a_case() -> None:
    from mlspec.facts import codes

    known = {row.code for row in codes.codes() if "MLS540" <= row.code <= "MLS569"}

    # MLS567 is about a run of an existing image: tests/host/test_checkup.py covers it.
    assert known - {code for _, code, _, _ in CASES.values()} == {"MLS567"}


QUIET: dict[str, tuple[Observations, str]] = {
    "a cpu image and no gpus": (with_engine(runtimes=("runc",)), "MLS545"),
    "a cpu image and no driver": (with_host(driver=""), "MLS546"),
    "gpus by CDI": (needing(CUDA, seen=with_engine(runtimes=(), devices=("nvidia.com/gpu=0",))), "MLS545"),
    "gpus by the hook alone": (needing(CUDA, seen=with_host(with_engine(runtimes=()), has_gpu_hook=True)), "MLS545"),
    "gpus, and no CUDA of a known driver": (
        needing(replace(CUDA, driver=""), seen=with_host(driver="1.0")),
        "MLS547",
    ),
    "a driver that just fits": (needing(CUDA, seen=with_host(driver="525.60.13")), "MLS547"),
    "a driver here and an engine elsewhere": (
        needing(CUDA, seen=with_host(replace(FINE, engine=REMOTE), driver="")),
        "MLS546",
    ),
    "emulation": (needing(ARM, seen=replace(FINE, builder=replace(BUILDER, platforms=("linux/arm64",)))), "MLS549"),
    "a builder not started": (needing(ARM, seen=replace(FINE, builder=replace(BUILDER, platforms=()))), "MLS549"),
    "root in a rootless engine": (with_host(needing(WRITER, seen=replace(FINE, engine=ROOTLESS)), uid=0), "MLS564"),
    "a file system that counts no entries": (with_engine(space=Space(free=90 * GB, entries=None)), "MLS550"),
    "no init wanted": (needing(replace(CPU, init=False), seen=with_engine(has_init=False)), "MLS561"),
    "a clock that one server of two disagrees with": (
        replace(FINE, answers=answered("fine", skew=9000.0).answers + answered("fine", skew=1.0).answers),
        "MLS560",
    ),
    "a proxy on the engine's own host": (with_engine(PROXIED, has_proxy=True), "MLS552"),
}


@pytest.mark.parametrize(("seen", "code"), QUIET.values(), ids=QUIET)
def test_what_is_not_needed_or_not_wrong_is_not_told(seen: Observations, code: str) -> None:
    assert code not in said(seen)


SET = UserConfiguration(
    file="/home/me/config.toml",
    is_there=True,
    settings=(
        UserSetting(key="index_url", value="https://index.test", variable="MLSPEC_INDEX_URL"),
        UserSetting(key="debian_mirror", value="http://127.0.0.1:3142", is_here=True),
        UserSetting(key="certificates", value="/home/me/ca.pem"),
    ),
    certificates=2,
)


@pytest.mark.parametrize(
    ("own", "lines"),
    [
        (
            SET,
            [
                "/home/me/config.toml",
                "index_url is https://index.test (from MLSPEC_INDEX_URL)",
                "debian_mirror is http://127.0.0.1:3142 (only on this host: builds do not use it)",
                "certificates is /home/me/ca.pem (2 certificates)",
            ],
        ),
        (
            UserConfiguration(file="/home/me/config.toml", settings=SET.settings[:1]),
            ["there is no /home/me/config.toml", "index_url is https://index.test (from MLSPEC_INDEX_URL)"],
        ),
        (UserConfiguration(file="/home/me/config.toml", is_there=True), ["/home/me/config.toml, without settings"]),
    ],
    ids=["a file and a variable", "a variable alone", "an empty file"],
)
def test_the_configuration_is_shown_a_line_a_value_with_where_it_is_from(
    own: UserConfiguration, lines: list[str]
) -> None:
    findings = examination.examine(replace(FINE, own=own))

    assert [finding.message for finding in findings if finding.topic == "configuration"] == lines


def test_a_mistake_in_the_configuration_is_in_the_way_and_has_its_place() -> None:
    mistake = Problem(code="MLS351", message='unknown key "index"', file="config.toml", span=Span(3, 1, 3, 6))
    finding = said(replace(FINE, own=UserConfiguration(file="config.toml", problems=(mistake,))))["MLS351"]

    assert (finding.state, finding.message) == ("error", 'config.toml:3:1: unknown key "index"')


def test_without_an_engine_nothing_is_guessed_of_it() -> None:
    topics = [
        finding.topic
        for finding in examination.examine(needing(CUDA, WRITER, seen=replace(FINE, engine=SILENT, builder=None)))
    ]

    assert topics == ["docker", "engine", "disk", "configuration"]


def test_what_an_image_needs_follows_from_its_plan(image_of: Callable[[str], Image]) -> None:
    text = "python: 3.12\naccelerator: cuda12.8\nmounts: [./data:/app/data, ~/models:/models:ro, cache:/cache]\n"
    plan = resolve("mlspec.yaml", image_of(text), ImageFacts(project="x", base="", is_official=True))
    need = need_of(plan, wheels=7, folder="/p", home="/home/me")

    assert need == Need(
        image="x",
        platforms=("linux/amd64",),
        gpus=True,
        cuda="12.8",
        driver="525.60.13",
        init=True,
        as_caller=True,
        binds=("/p/data", "/home/me/models"),
        wheels=7,
    )


def test_the_cuda_that_a_lock_chose_counts_where_the_spec_names_none(image_of: Callable[[str], Image]) -> None:
    resolved = ImageFacts(project="x", base="", is_official=True, cuda="13.0")
    plan = resolve("mlspec.yaml", image_of("python: 3.12\naccelerator: cuda\n"), resolved)

    assert need_of(plan, wheels=0, folder="/p", home="/h").driver == "580"
