"""The packages of an image as a pylock.toml of PEP 751, with the addresses of their files.

The format: https://packaging.python.org/en/latest/specifications/pylock-toml/
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import tomli_w
from packaging.markers import Marker
from packaging.pylock import Package, PackageArchive, PackageSdist, PackageVcs, PackageWheel, Pylock
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from mlspec.lock.pins import Pin
from mlspec.targets.exports.export_facts import ExportFacts

DEFAULT_INDEX = "https://pypi.org/simple"


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """One file of a package on an index: its name, address, and size in bytes if the index has it."""

    name: str
    url: str
    size: int | None = None


PackageFiles = Mapping[str, ExportedFile]
"""The files of a package by their hashes, such as ``sha256:…``."""


def export_pylock(facts: ExportFacts, files: Mapping[str, PackageFiles]) -> str:
    """Return a pylock.toml; ``files`` has the files of each package that comes from an index.

    Raises KeyError if no file of a package has one of its hashes: see :func:`has_file`.
    """
    every = sorted((*facts.pins, *facts.git_pins), key=lambda pin: pin.name)
    below = {pin.name: [other.name for other in every if pin.name in other.via] for pin in every}
    machine = f"sys_platform == 'linux' and platform_machine == '{facts.machine}'"
    lock = Pylock(
        lock_version=Version("1.0"),
        environments=[Marker(f"{machine} and implementation_name == 'cpython'")],
        requires_python=SpecifierSet(f"=={facts.minor}.*"),
        created_by="mlspec",
        packages=[_package(facts, pin, files.get(pin.name, {}), below[pin.name]) for pin in every],
    )
    lock.validate()
    return f"# {facts.title}\n\n{tomli_w.dumps(dict(lock.to_dict()), multiline_strings=False)}"


def has_file(pin: Pin, files: PackageFiles) -> bool:
    """Tell whether a package comes from an address, or one of its hashes is that of a file of an index."""
    return " @ " in pin.requirement or any(value in files for value in pin.hashes)


def _package(facts: ExportFacts, pin: Pin, files: PackageFiles, below: Iterable[str]) -> Package:
    _, _, address = pin.requirement.partition(" @ ")
    origin: dict[str, Any]
    if address.startswith("git+"):
        origin = {"vcs": _repository(pin, address)}
    elif address:
        origin = {"archive": _archive(pin, address)}
    else:
        index = facts.index_of(pin)
        found = {value: files[value] for value in pin.hashes if value in files}
        origin = {"index": index.url if index else DEFAULT_INDEX, **_distributions(found)}
    return Package(
        name=canonicalize_name(pin.name),
        # PEP 751 forbids the version of a source that a build may change, as for a repository.
        version=Version(pin.version) if pin.version and not address.startswith("git+") else None,
        marker=Marker(pin.marker) if pin.marker else None,
        dependencies=[{"name": name} for name in below] or None,
        **origin,
    )


def _repository(pin: Pin, address: str) -> PackageVcs:
    url, _, fragment = address.removeprefix("git+").partition("#")
    repository, _, commit = url.rpartition("@")
    folder = re.search(r"(?:^|&)subdirectory=([^&]+)", fragment)
    return PackageVcs(
        type="git",
        url=repository,
        requested_revision=pin.ref or None,
        commit_id=commit,
        subdirectory=folder[1] if folder else None,
    )


def _archive(pin: Pin, address: str) -> PackageArchive:
    url, _, fragment = address.partition("#")
    folder = re.search(r"(?:^|&)subdirectory=([^&]+)", fragment)
    hashes = dict(value.split(":", 1) for value in pin.hashes)
    return PackageArchive(url=url, hashes=hashes, size=None, subdirectory=folder[1] if folder else None)


def _distributions(found: PackageFiles) -> dict[str, Any]:
    """Return the source and the wheels among the files of a package."""
    rows = {value: file for value, file in sorted(found.items(), key=lambda row: row[1].name)}
    wheels = [PackageWheel(**_file(value, file)) for value, file in rows.items() if file.name.endswith(".whl")]
    sources = [PackageSdist(**_file(value, file)) for value, file in rows.items() if not file.name.endswith(".whl")]
    return {"sdist": sources[0] if sources else None, "wheels": wheels or None}


def _file(value: str, file: ExportedFile) -> dict[str, Any]:
    algorithm, _, content = value.partition(":")
    # A reader takes the name from the address, unless that ends in something else.
    is_plain = urlsplit(file.url).path.rpartition("/")[2] == file.name
    return {
        "name": None if is_plain else file.name,
        "url": file.url,
        "size": file.size,
        "hashes": {algorithm: content},
    }
