"""Rules about GPUs, drivers, platforms and disks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from mlspec.advice.doctor.findings import Finding, as_finding, fine, join_names, problem
from mlspec.advice.doctor.observations import Engine, Host, Need, Observations, Space
from mlspec.errors import Problem, Severity
from mlspec.facts import frameworks
from mlspec.facts.torch import torch_indexes
from mlspec.facts.versions import parse_release
from mlspec.text import format_size


def findings(seen: Observations) -> Iterator[Finding]:
    """Check GPUs, drivers, platforms and free disk space."""
    if seen.engine.version:
        yield from _gpus(seen)
        yield from _amd(seen)
        yield from _platforms(seen)
        yield from _engine_disk(seen)
    yield from _disk(seen.host)


# These problems certainly stop a container. The other problems rely on tables or on the report of this host, and a host
# that is itself a container reports less than the engine has.
_CERTAIN = frozenset({"MLS544", "MLS545", "MLS547", "MLS549"})


def run_problems(seen: Observations) -> Iterator[Problem]:
    """Yield the problems that would stop these images from running; an uncertain problem becomes a warning."""
    for finding in (*_gpus(seen), *_amd(seen), *_platforms(seen)):
        if finding.problem and finding.problem.code in _CERTAIN:
            yield finding.problem
        elif finding.problem:
            yield replace(finding.problem, severity="warning")


def image_problem(need: Need, platform: str) -> Problem | None:
    """Return the problem that a local image is for a platform that its spec does not name, or None."""
    if not platform or platform in {need.platform, *need.platforms}:
        return None
    message = f"the local image {need.image} is for {platform}, but its spec is for {need.platform}"
    return problem("MLS567", message, "build it again: mlspec build")


# GPUs


def gpu_problem(host: Host, engine: Engine) -> Problem | None:
    """Return the problem that the engine cannot give a container NVIDIA GPUs, or None.

    For a remote engine the problem is a warning, because its hook is not visible from here.
    """
    if host.system == "macos" and not engine.is_remote:
        hint = "build here and run on Linux, such as: DOCKER_HOST=ssh://USER@HOST mlspec run\nhere: accelerator: cpu"
        return problem("MLS544", "containers on macOS cannot use a GPU", hint)
    # Docker gets GPUs from the runtime, from CDI, or from the hook alone. `docker info` does not show the hook:
    # github.com/moby/moby/blob/master/daemon/nvidia_linux.go
    has_devices = any(device.startswith("nvidia.com/gpu") for device in engine.devices)
    if "nvidia" in engine.runtimes or has_devices or (host.has_gpu_hook and not engine.is_remote):
        return None
    message = "the engine cannot give containers a GPU: it has no NVIDIA runtime and no NVIDIA devices"
    hint = f"{_toolkit(host, engine)}\nwithout a GPU: accelerator: cpu"
    return problem("MLS545", message, hint, "warning" if engine.is_remote else "error")


def _toolkit(host: Host, engine: Engine) -> str:
    if engine.is_snap:
        return "Docker from snap cannot use GPUs: sudo snap remove docker; then install docker-ce of docker.com"
    if engine.is_desktop and host.system == "linux":
        return "Docker Desktop on Linux cannot use GPUs; use Docker Engine: docker context use default"
    if engine.is_desktop:
        return "update NVIDIA's driver in Windows; then: wsl --update; then restart Docker Desktop"
    install = "install NVIDIA's container toolkit: sudo apt-get install nvidia-container-toolkit; then: "
    if engine.has("rootless"):
        # docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/install-guide.html, rootless mode
        return (
            f'{install}nvidia-ctk runtime configure --runtime=docker --config="$HOME/.config/docker/daemon.json"; '
            "systemctl --user restart docker; sudo nvidia-ctk config --set nvidia-container-cli.no-cgroups --in-place"
        )
    return f"{install}sudo nvidia-ctk runtime configure --runtime=docker; sudo systemctl restart docker"


def _gpus(seen: Observations) -> Iterator[Finding]:
    wanting = [need for need in seen.needs if need.gpus]
    if not wanting:
        yield fine("gpus", "not needed" if seen.needs else "no spec asks for them")
        return
    if trouble := gpu_problem(seen.host, seen.engine):
        yield as_finding("gpus", trouble)
    else:
        yield fine("gpus", f"the engine gives them to containers, for {join_names(need.image for need in wanting)}")
    if seen.engine.is_remote or seen.host.system == "macos":
        return
    if not seen.host.driver:
        hint = "install it: sudo ubuntu-drivers install, or on Debian: sudo apt-get install nvidia-driver; then reboot"
        if seen.host.system in {"wsl", "windows"}:
            hint = "install it in Windows, from nvidia.com/drivers; then: wsl --update"
        yield as_finding("driver", problem("MLS546", "no NVIDIA driver answers on this host", hint))
        return
    yield from _driver(seen.host.driver, wanting)
    yield from _kernels(seen, wanting)


def _kernels(seen: Observations, wanting: list[Need]) -> Iterator[Finding]:
    """Check whether the torch of each image has kernels for the GPUs of this host."""
    capabilities = seen.host.capabilities
    for need in wanting:
        builds = frameworks.find_builds(need.cuda, need.torch, _platform(need, seen)) if need.torch else ()
        lacking = [c for c in capabilities if builds and not any(build.runs_on(c) for build in builds)]
        if lacking:
            gpus = join_names(map(frameworks.architecture, lacking))
            message = f"torch {need.torch} of {need.image} has no kernels for a GPU of this host, {gpus}"
            models = ", ".join(map(frameworks.architecture, lacking))
            hint = f"write: gpu_models: [{models}]; then mlspec check names the build that has them"
            # On a host with several kinds of GPUs, the other GPUs may be enough.
            severity: Severity = "error" if len(lacking) == len(capabilities) else "warning"
            yield as_finding("gpus", problem("MLS566", message, hint, severity))


def _driver(driver: str, wanting: list[Need]) -> Iterator[Finding]:
    outdated = [need for need in wanting if need.driver and parse_release(driver) < parse_release(need.driver)]
    for need in outdated:
        message = f"NVIDIA's driver {driver} is older than {need.driver}, which CUDA {need.cuda} of {need.image} needs"
        older = f"; or for this driver: accelerator: cuda{fits}" if (fits := _newest_cuda(driver)) else ""
        hint = f"update the driver: sudo ubuntu-drivers install; then reboot{older}"
        yield as_finding("driver", problem("MLS547", message, hint))
    if not outdated:
        needed = "".join(f", CUDA {need.cuda} needs {need.driver}" for need in wanting[:1] if need.driver)
        yield fine("driver", f"NVIDIA {driver}{needed}")


def _newest_cuda(driver: str) -> str:
    rows = [row for row in torch_indexes() if row.driver and parse_release(row.driver) <= parse_release(driver)]
    return rows[-1].version if rows else ""


def _amd(seen: Observations) -> Iterator[Finding]:
    wanting = [need for need in seen.needs if need.devices]
    if not wanting or seen.engine.is_remote:
        return
    needed = dict.fromkeys(device for need in wanting for device in need.devices)
    missing = [device for device in needed if device not in seen.host.devices]
    if missing:
        hint = "load AMD's driver: sudo modprobe amdgpu; it comes with the package amdgpu-dkms of amd.com"
        message = f"{join_names(missing)}, which ROCm needs, is not on this host"
        yield as_finding("gpus", problem("MLS548", message, hint))
    else:
        yield fine("gpus", f"{', '.join(needed)} are on this host, for {join_names(need.image for need in wanting)}")


# Architectures


def _platform(need: Need, seen: Observations) -> str:
    return platform_on(need, seen.engine)


def platform_on(need: Need, engine: Engine) -> str:
    """Return the platform of an image on an engine: the engine's platform if the image supports it."""
    return engine.platform if engine.platform in need.platforms else need.platform


def _platforms(seen: Observations) -> Iterator[Finding]:
    known = seen.builder.platforms if seen.builder else ()
    for platform in dict.fromkeys(_platform(need, seen) for need in seen.needs):
        images = join_names(need.image for need in seen.needs if _platform(need, seen) == platform)
        if platform == seen.engine.platform:
            yield fine("platform", f"{platform}, for {images}")
        elif platform in known:
            yield fine("platform", f"{platform} by emulation, which is several times slower, for {images}")
        elif known or not seen.builder:
            message = f"this host cannot run {platform}, which {images} needs: there is no emulation for it"
            architecture = platform.partition("/")[2]
            hint = f"docker run --privileged --rm tonistiigi/binfmt --install {architecture}"
            if seen.host.system == "linux":
                hint += "\nwithout Docker Hub: sudo apt-get install qemu-user-static binfmt-support"
            yield as_finding("platform", problem("MLS549", message, hint))


# Disks

_HERE = 50_000_000
_LITTLE = 1_000_000_000
# The engine keeps each wheel once and its unpacked files twice: in the stage that installs them, and in the image.
# Unpacked, torch's CUDA builds are 2.5 times as large (3.0 GB of wheels, 7.5 GB installed), so 1 + 2 * 2.5 = 6.
_TIMES = 6
_BASE = 500_000_000


def _engine_disk(seen: Observations) -> Iterator[Finding]:
    space = seen.engine.space
    if space is None:
        return
    largest = max(seen.needs, key=lambda need: need.wheels, default=Need(image=""))
    wanted = _BASE + _TIMES * largest.wheels
    hint = "docker system df; then remove unused data: docker builder prune, and: docker image prune --all"
    free = f"{format_size(space.free)} free in {seen.engine.root}"
    if _is_full(space, _BASE) or space.free < largest.wheels:
        yield as_finding(
            "disk",
            problem("MLS550", f"the engine has no disk space left to build: {_describe_space(space, free)}", hint),
        )
    elif space.free < wanted:
        message = f"the engine may run out of disk space: {free}, and {largest.image} takes about {format_size(wanted)}"
        yield as_finding("disk", problem("MLS550", message, hint, "warning"))
    else:
        yield fine("disk", f"{free}, the engine's")


def _disk(host: Host) -> Iterator[Finding]:
    if host.space is None:
        return
    free = f"{format_size(host.space.free)} free in {host.folder}"
    hint = "free some space; to see what uses it: du -xh --max-depth=1 . | sort -h"
    if host.system == "windows":
        hint = "free some space on this drive"
    if _is_full(host.space, _HERE):
        yield as_finding(
            "disk", problem("MLS551", f"no disk space left here: {_describe_space(host.space, free)}", hint)
        )
    elif host.space.free < _LITTLE:
        yield as_finding("disk", problem("MLS551", f"little disk space left here: {free}", hint, "warning"))
    else:
        yield fine("disk", f"{free}, here")


def _is_full(space: Space, least: int) -> bool:
    return space.free < least or space.entries == 0


def _describe_space(space: Space, free: str) -> str:
    return "its file system has no free inodes, so no more files fit" if space.entries == 0 else free
