"""The target as pip sees a host: its marker environment and its wheel tags."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from pip._internal.models.target_python import TargetPython
from pip._internal.models.wheel import Wheel
from pip._vendor.packaging.tags import Tag, compatible_tags, cpython_tags
from pip._vendor.packaging.version import Version

from mlspec.facts.python import python_versions
from mlspec.facts.versions import parse_release


class ResolverTarget:
    """The target as pip sees a host: its marker environment and its wheel tags, best first."""

    def __init__(self, python: str, platform: str, glibc: str) -> None:
        self.version = Version(python)
        self.platform, self.glibc = platform, glibc
        self.short = f"{self.version.major}.{self.version.minor}"
        self.machine = {"amd64": "x86_64", "arm64": "aarch64"}[platform.partition("/")[2]]
        self.markers = {
            "implementation_name": "cpython",
            "implementation_version": python,
            "os_name": "posix",
            "platform_machine": self.machine,
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": "Linux",
            "platform_version": "",
            "python_full_version": python,
            "python_version": self.short,
            "sys_platform": "linux",
        }
        self.tags = list(self._tags([*_manylinux(glibc, self.machine), f"linux_{self.machine}"]))

    def _tags(self, platforms: list[str]) -> Iterator[Tag]:
        python = (self.version.major, self.version.minor)
        interpreter = f"cp{python[0]}{python[1]}"
        # The ABI is said aloud: left out, it is the host's, free-threaded or debug.
        abi = interpreter if python >= (3, 8) else f"{interpreter}m"
        yield from cpython_tags(python_version=python, abis=[abi], platforms=platforms)
        yield from compatible_tags(python_version=python, interpreter=interpreter, platforms=platforms)

    @cached_property
    def other_pythons(self) -> tuple[ResolverTarget, ...]:
        """The same target with each other Python that is known, the newest first."""
        others = (row.python for row in reversed(python_versions()) if row.python != self.short)
        return tuple(ResolverTarget(f"{python}.0", self.platform, self.glibc) for python in others)

    def takes(self, wheel: Wheel) -> bool:
        """Return whether a wheel is for this target."""
        return not self._tag_set.isdisjoint(wheel.file_tags)

    @cached_property
    def _tag_set(self) -> frozenset[Tag]:
        return frozenset(self.tags)

    @property
    def python(self) -> TargetPython:
        """The target as the finder takes it, its tags set rather than worked out."""
        python = TargetPython(py_version_info=self.version.release[:3])
        python._valid_tags = list(self.tags)
        python._valid_tags_set = set(self.tags)
        return python


# PEP 600: the older names of three of its versions.
_MANYLINUX_ALIASES = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}


def _manylinux(glibc: str, machine: str) -> Iterator[str]:
    """Yield the manylinux platforms that a C library runs, newest first."""
    major, minor = parse_release(glibc)[:2]
    # Nothing older than 2.17 was ever built for other machines than x86_64.
    for older in range(minor, (5 if machine == "x86_64" else 17) - 1, -1):
        yield f"manylinux_{major}_{older}_{machine}"
        if older in _MANYLINUX_ALIASES:
            yield f"{_MANYLINUX_ALIASES[older]}_{machine}"
