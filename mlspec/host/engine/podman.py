"""Podman on this host: its version, its images and its devices."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlspec.advice.doctor import podman_rules
from mlspec.advice.doctor.observations import PodmanFacts
from mlspec.build.ownership import LocalImage
from mlspec.errors import ToolError
from mlspec.host.command_output import read_output
from mlspec.host.files.bounded import read_file

# The folders of the Container Device Interface that podman reads by default: containers.conf(5), cdi_spec_dirs.
_DEVICE_FOLDERS = ("/etc/cdi", "/var/run/cdi")


def read_podman_version() -> str:
    """Return the version of podman on this host; empty without podman."""
    found = re.search(r"\d+(?:\.\d+)+", read_output("podman", "--version") or "")
    return found[0] if found else ""


def examine_podman() -> PodmanFacts:
    """Return the facts of podman on this host; never raises."""
    version = read_podman_version()
    info = _read_json("podman", "info", "--format", "json") if version else None
    host = info.get("host") if isinstance(info, dict) else None
    host = host if isinstance(host, dict) else {}
    security = host.get("security") or {}
    return PodmanFacts(
        version=version,
        answers=bool(host),
        platform=f"{host.get('os', '')}/{host.get('arch', '')}" if host else "",
        is_rootless=bool(security.get("rootless")),
        has_ids=len((host.get("idMappings") or {}).get("uidmap") or ()) != 1 or not security.get("rootless"),
        has_gpus=any(_device_files()),
    )


def require_podman() -> PodmanFacts:
    """Return the facts of podman; raises ToolError if it is missing, too old, or does not start."""
    found = examine_podman()
    if problem := podman_rules.podman_problem(found):
        raise ToolError(problem)
    return found


def read_podman_image(name: str) -> dict[str, Any] | None:
    """Return podman's answer about an image; None without such an image or an answer."""
    found = _read_json("podman", "image", "inspect", name)
    return found[0] if isinstance(found, list) and found and isinstance(found[0], dict) else None


def find_podman_image(name: str) -> LocalImage | None:
    """Return the image that podman has under a name; None if it has none. Raises ToolError if podman is unusable."""
    image = read_podman_image(name)
    if image is None:
        require_podman()
        return None
    config = image.get("Config") or {}
    return LocalImage(
        id=f"sha256:{image.get('Id', '')}",
        platform=f"{image.get('Os', 'linux')}/{image.get('Architecture', '')}",
        user=str(config.get("User") or ""),
        labels=image.get("Labels") or {},
    )


def _device_files() -> Iterator[Path]:
    """Yield the files that describe NVIDIA's devices."""
    for folder in map(Path, _DEVICE_FOLDERS):
        with contextlib.suppress(OSError):
            for path in folder.iterdir():
                if path.suffix in {".yaml", ".json"} and b"nvidia.com/gpu" in read_file(path):
                    yield path


def _read_json(*words: str) -> Any:  # noqa: ANN401 - as json has it
    try:
        # Podman warns on stderr, also where it answers.
        done = subprocess.run(words, capture_output=True, encoding="utf-8", errors="replace", timeout=30)
        return json.loads(done.stdout) if done.returncode == 0 else None
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
