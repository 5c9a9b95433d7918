"""The contents of an image that an export hands to another tool."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from mlspec.facts.versions import minor_version
from mlspec.lock.image_requirements import indexes_of
from mlspec.lock.pins import Pin, RequirementsLock
from mlspec.lock.requirements.indexes import Index
from mlspec.lock.requirements.local_packages.local_package import LocalPackage
from mlspec.lock.requirements.local_packages.local_wheel import LocalWheel
from mlspec.plan.compiled_spec import CompiledSpec
from mlspec.plan.plan import Plan

ExportForm = Literal["requirements", "pylock", "conda"]

EXPORT_FORMS: Mapping[ExportForm, str] = {
    "requirements": "requirements.txt",
    "pylock": "pylock.toml",
    "conda": "environment.yml",
}
"""The name that each form of an export usually has."""

EXPORT_MARK = "Exported by mlspec from "


@dataclass(frozen=True, kw_only=True)
class ExportFacts:
    """The packages of one image on one platform, their indexes, and the Python that they are for.

    ``python`` is the version in the image, and ``asked_python`` the one in the spec. ``environment`` has the variables
    of the spec that have values.
    """

    name: str
    spec_file: str
    platform: str
    python: str
    asked_python: str
    packages: RequirementsLock
    indexes: tuple[Index, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    local: tuple[LocalPackage, ...] = ()
    wheels: tuple[LocalWheel, ...] = ()
    """The packages in folders of the project."""

    @cached_property
    def pins(self) -> tuple[Pin, ...]:
        """The packages with hashes, by name."""
        return tuple(sorted(self.packages.pins, key=lambda pin: pin.name))

    @cached_property
    def git_pins(self) -> tuple[Pin, ...]:
        """The packages that only a commit pins, by name."""
        return tuple(sorted(self.packages.vcs, key=lambda pin: pin.name))

    @property
    def minor(self) -> str:
        """The minor version of Python."""
        return minor_version(self.python)

    @property
    def machine(self) -> str:
        """The platform as ``platform_machine`` of a marker."""
        return {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}[self.platform]

    @property
    def title(self) -> str:
        """The first line of an export."""
        return f"{EXPORT_MARK}{self.spec_file}: {self.name} for Python {self.minor} on {self.platform}"

    def index_of(self, pin: Pin) -> Index | None:
        """Return the index that serves a package; None for the default index, and for a package from an address."""
        if " @ " in pin.requirement:
            return None
        return next((index for index in self.indexes if index.serves(pin.name)), None)

    @cached_property
    def used_indexes(self) -> tuple[Index, ...]:
        """The indexes that serve any of the packages, without the default index."""
        used = {index.url for pin in self.pins if (index := self.index_of(pin))}
        return tuple({index.url: index for index in self.indexes if index.url in used}.values())

    @property
    def index_options(self) -> tuple[str, ...]:
        """The options for pip that name the indexes; hashes decide which file is taken, from whichever index."""
        options = {True: "--extra-index-url", False: "--index-url"}
        return tuple(f"{options[bool(index.packages)]} {index.url}" for index in self.used_indexes)

    @property
    def source_options(self) -> tuple[str, ...]:
        """The options for pip that build from source what the lock builds from source."""
        sources = (pin for pin in self.pins if pin.is_source and " @ " not in pin.requirement)
        return tuple(f"--no-binary {pin.name}" for pin in sources)


def export_facts(compiled: CompiledSpec, plan: Plan) -> ExportFacts:
    """Return the contents of one image of a spec, on the platform of its plan."""
    contents, image = compiled.locked.contents[plan.key], compiled.spec.image(plan.key)
    return ExportFacts(
        name=plan.image,
        spec_file=plan.files.spec,
        platform=plan.platform,
        python=contents.base.python,
        asked_python=image.settings.python,
        packages=compiled.packages(plan),
        indexes=indexes_of(image, contents.requirements),
        environment=dict(plan.container.variables),
        local=contents.requirements.local,
        wheels=contents.requirements.wheels,
    )


def pip_line(pin: Pin) -> str:
    """Return a package with its marker and hashes, in one line of pip's format."""
    marker = f" ; {pin.marker}" if pin.marker else ""
    return " ".join((f"{pin.requirement}{marker}", *(f"--hash={value}" for value in pin.hashes)))


def git_command(pin: Pin) -> str:
    """Return the command that installs a package from git into an environment with the other packages."""
    return f"pip install --no-deps {shlex.quote(pin.requirement)}"
