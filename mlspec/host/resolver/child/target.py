"""The target for pip: marker environment and wheel tags."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import cached_property

from pip._internal.models.target_python import TargetPython
from pip._vendor.packaging.specifiers import InvalidSpecifier, SpecifierSet
from pip._vendor.packaging.tags import Tag, compatible_tags, cpython_tags
from pip._vendor.packaging.version import Version

from mlspec.facts.manylinux import list_manylinux
from mlspec.facts.python import python_versions
from mlspec.host.resolver.child.index_files import IndexFile


class ResolverTarget:
    """A target in the form of pip's host: marker environment, and wheel tags, best first."""

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
        self._ranks: dict[str, int | None] = {}
        self._allowed: dict[str, bool] = {}
        self.tags = list(self._tags([*list_manylinux(glibc, self.machine), f"linux_{self.machine}"]))

    def _tags(self, platforms: list[str]) -> Iterator[Tag]:
        python = (self.version.major, self.version.minor)
        interpreter = f"cp{python[0]}{python[1]}"
        # Name the ABI: by default, packaging takes the ABI of the host, which may be free-threaded or a debug build.
        abi = interpreter if python >= (3, 8) else f"{interpreter}m"
        yield from cpython_tags(python_version=python, abis=[abi], platforms=platforms)
        yield from compatible_tags(python_version=python, interpreter=interpreter, platforms=platforms)

    @cached_property
    def other_pythons(self) -> tuple[ResolverTarget, ...]:
        """The same target with each other known Python, newest first."""
        others = (row.python for row in reversed(python_versions()) if row.python != self.short)
        return tuple(ResolverTarget(f"{python}.0", self.platform, self.glibc) for python in others)

    def takes(self, wheel: IndexFile) -> bool:
        """Return whether a wheel is for this target."""
        return self.rank(wheel) is not None

    def rank(self, wheel: IndexFile) -> int | None:
        """Return the place of a wheel's best tag in the tags of the target, 0 for the best; None without such a tag."""
        tags = wheel.tags
        if tags not in self._ranks:
            places = (
                self._places.get("-".join(tag)) for tag in itertools.product(*(t.split(".") for t in tags.split("-")))
            )
            self._ranks[tags] = min((place for place in places if place is not None), default=None)
        return self._ranks[tags]

    def may_take(self, file: IndexFile) -> bool:
        """Return False if neither pip nor another reader could take a file: by its tags, or by its Requires-Python."""
        return (not file.is_wheel or self.takes(file)) and self._allows(file.requires_python)

    def _allows(self, requires_python: str) -> bool:
        if requires_python not in self._allowed:
            try:
                allowed = SpecifierSet(requires_python).contains(self.version.base_version, prereleases=True)
            except InvalidSpecifier:
                # pip ignores a value that it cannot read.
                allowed = True
            self._allowed[requires_python] = allowed
        return self._allowed[requires_python]

    @cached_property
    def _places(self) -> dict[str, int]:
        return {str(tag): place for place, tag in reversed(list(enumerate(self.tags)))}

    @property
    def python(self) -> TargetPython:
        """The target for pip's finder, with preset tags, so that pip does not compute them from the host."""
        python = TargetPython(py_version_info=self.version.release[:3])
        python._valid_tags = list(self.tags)
        python._valid_tags_set = set(self.tags)
        return python
