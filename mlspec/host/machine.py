"""The computer that mlspec runs on: its system, disk, GPUs, and the network settings of its environment."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import os
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mlspec.advice.doctor.observations import Host, Space, System
from mlspec.host.command_output import read_output
from mlspec.host.files.bounded import read_file
from mlspec.host.home import known_home

_SYSTEMS: Mapping[str, System] = {"darwin": "macos", "win32": "windows", "cygwin": "windows"}
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")

AUTHORITIES = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
"""The environment variables that name the certificates to trust, first choice first."""


def here() -> Host:
    """Return the facts of this host that are quick to find; they are enough for hints."""
    return Host(
        system=_system(),
        has_systemd=Path("/run/systemd/system").is_dir(),
        has_joined=_has_joined(),
        has_podman=shutil.which("podman") is not None,
        is_snap=(shutil.which("docker") or "").startswith("/snap/"),
        has_gpu_hook=shutil.which("nvidia-container-runtime-hook") is not None,
        uid=os.geteuid() if sys.platform != "win32" else 1000,
        home=known_home(),
    )


def examine_host(folder: Path) -> Host:
    """Return all facts of this host, for images whose spec is in ``folder``."""
    return replace(
        here(),
        folder=str(folder),
        space=space(folder),
        driver=_driver(),
        capabilities=_capabilities(),
        devices=devices(),
        proxies=tuple(name for name in _PROXIES if os.environ.get(name) or os.environ.get(name.lower())),
        build_proxy=_build_proxy(),
        authorities=tuple(name for name in AUTHORITIES if os.environ.get(name)),
        refuses_buildkit=os.environ.get("DOCKER_BUILDKIT", "").lower() in {"0", "false"},
    )


def space(folder: str | Path) -> Space | None:
    """Return the free bytes and entries (inodes) for this user on the file system of ``folder``.

    The result is None if the system cannot examine the folder.
    """
    try:
        if sys.platform == "win32":
            return Space(free=shutil.disk_usage(folder).free)
        found = os.statvfs(folder)
    except OSError:
        return None
    # Some file systems, such as btrfs, create inodes on demand and report a count of zero.
    return Space(free=found.f_bavail * found.f_frsize, entries=found.f_favail if found.f_files else None)


def devices(place: Path = Path("/dev")) -> tuple[str, ...]:
    """Return the paths in ``/dev`` of the devices of AMD's driver; ``place`` is the folder to look in."""
    return tuple(f"/dev/{name}" for name in ("kfd", "dri") if (place / name).exists())


def shares() -> tuple[str, ...]:
    """Return the folders that Docker Desktop shares with its engine; empty if its settings list no folders."""
    home = Path(known_home())
    places = (
        home / "Library/Group Containers/group.com.docker/settings-store.json",
        home / "Library/Group Containers/group.com.docker/settings.json",
        home / ".docker/desktop/settings-store.json",
        home / ".docker/desktop/settings.json",
    )
    settings = next((found for place in places if (found := _json(place))), {})
    listed = settings.get("FilesharingDirectories") or settings.get("filesharingDirectories") or ()
    return tuple(path for path in listed if isinstance(path, str))


def _system() -> System:
    if sys.platform != "linux":
        return _SYSTEMS.get(sys.platform, "linux")
    return "wsl" if "microsoft" in os.uname().release.lower() else "linux"


def _has_joined() -> bool:
    """Return whether this user was added to the group docker after this session began."""
    if sys.platform == "win32":
        return False
    import grp
    import pwd

    with contextlib.suppress(KeyError):
        group, user = grp.getgrnam("docker"), pwd.getpwuid(os.geteuid()).pw_name
        return user in group.gr_mem and group.gr_gid not in os.getgroups()
    return False


def _driver() -> str:
    """Return the version of NVIDIA's driver, from the driver's file in ``/proc`` or from ``nvidia-smi``."""
    with contextlib.suppress(OSError):
        text = read_file("/proc/driver/nvidia/version").decode("utf-8", "replace")
        if found := re.search(r"\s(\d+\.\d+(?:\.\d+)?)\s", text):
            return found[1]
    text = read_output("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader") or ""
    found = re.match(r"\d+\.\d+(?:\.\d+)?", text)
    return found[0] if found else ""


def _capabilities() -> tuple[str, ...]:
    """Return the compute capabilities of this host's NVIDIA GPUs, each once; empty if ``nvidia-smi`` lists none."""
    text = read_output("nvidia-smi", "--query-gpu=compute_cap", "--format=csv,noheader") or ""
    return tuple(dict.fromkeys(re.findall(r"^\s*(\d+\.\d+)\s*$", text, re.MULTILINE)))


def _build_proxy() -> str:
    """Return the address of the proxy that docker passes on to build steps, without user and password."""
    folder = Path(os.environ.get("DOCKER_CONFIG") or Path(known_home(), ".docker"))
    proxies = _json(folder / "config.json").get("proxies") or {}
    default = proxies.get("default") if isinstance(proxies, dict) else None
    named = default or {}
    url = str(named.get("httpsProxy") or named.get("httpProxy") or "") if isinstance(named, dict) else ""
    return re.sub(r"(?<=://)[^/@]*@", "", url)


def _json(path: Path) -> Mapping[str, Any]:
    with contextlib.suppress(OSError, ValueError):
        found = json.loads(read_file(path).decode("utf-8-sig"))
        return found if isinstance(found, dict) else {}
    return {}


def is_loopback(address: str) -> bool:
    """Return whether ``HOST[:PORT]`` is a loopback address; in a container, it does not lead to this host."""
    host = urlsplit(f"//{address}").hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_here(url: str) -> bool:
    """Return whether an address leads to this host; the address may have a scheme, a user and a password."""
    host = url.partition("://")[2] or url
    return is_loopback(host.partition("/")[0].rpartition("@")[2])
