"""The values of environment markers in an image, independent of the host."""

from __future__ import annotations

from packaging.markers import Marker

from mlspec.facts.versions import minor_version

_MACHINES = {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}


def machine_of(platform: str) -> str:
    """Return the value of ``platform_machine`` on a platform of images."""
    return _MACHINES.get(platform, platform.partition("/")[2])


def marker_environment(python: str, platform: str) -> dict[str, str]:
    """Return the values of all markers for CPython on Linux; ``python`` may lack its patch version."""
    whole = python if python.count(".") > 1 else f"{python}.0"
    return {
        "implementation_name": "cpython",
        "implementation_version": whole,
        "os_name": "posix",
        "platform_machine": machine_of(platform),
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        "python_full_version": whole,
        "python_version": minor_version(whole),
        "sys_platform": "linux",
        "extra": "",
    }


def is_true(marker: Marker | str, python: str, platform: str) -> bool:
    """Return whether a marker is true in an image; raises InvalidMarker."""
    read = Marker(marker) if isinstance(marker, str) else marker
    return read.evaluate(marker_environment(python, platform))
