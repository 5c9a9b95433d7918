"""Convert pylock.toml to packages (PEP 751); `packaging.pylock` reads it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from packaging.markers import Marker
from packaging.pylock import Package, PackageSdist, PackageWheel, Pylock, PylockValidationError
from packaging.utils import canonicalize_name

from mlspec.lock.requirements.markers import marker_environment
from mlspec.lock.requirements.sources.choices import is_pypi
from mlspec.lock.requirements.tool_locks.lock_model import (
    LockChoice,
    LockedFile,
    LockedPackage,
    LockReadError,
    PackageSet,
    ProjectLock,
    normalise,
)

# Python's hashlib has more kinds; pip's options support only these.
_KINDS = ("sha256", "sha384", "sha512")


def read_pylock(data: Mapping[str, Any]) -> ProjectLock:
    """Return the lock in a pylock.toml; raises LockReadError if it breaks the specification."""
    try:
        found = Pylock.from_dict(data)
    except PylockValidationError as error:
        message = f"this is not a lock of PEP 751: {str(error)[:1].lower()}{str(error)[1:]}"
        raise LockReadError("MLS270", (), message) from None
    default_groups = normalise(found.default_groups or ())

    def take(choice: LockChoice) -> tuple[LockedPackage, ...]:
        environment = marker_environment(choice.python, choice.platform)
        _check_environments(found.environments or (), environment, choice)
        chosen = {"extras": choice.extras, "dependency_groups": choice.groups | default_groups}
        taken = PackageSet()
        for number, package in enumerate(found.packages):
            marker = package.marker
            if marker and not marker.evaluate({**environment, **chosen}, context="lock_file"):
                continue
            if package.directory and package.directory.path in {".", "./"}:
                continue
            taken.add(_package(package), ("packages", number))
            for other in package.dependencies or ():
                taken.ask(canonicalize_name(str(other.get("name", ""))), package.name)
        return taken.finish()

    return ProjectLock(
        take=take,
        extras=normalise(found.extras or ()),
        groups=normalise(found.dependency_groups or ()) | default_groups,
        python=str(found.requires_python or ""),
    )


def _check_environments(markers: Any, environment: Mapping[str, str], choice: LockChoice) -> None:  # noqa: ANN401
    listed: list[Marker] = list(markers)
    if listed and not any(marker.evaluate(environment, context="requirement") for marker in listed):
        message = f"this lock is not for {choice.platform} with Python {choice.python}"
        raise LockReadError("MLS272", ("environments",), message, "lock it for that environment too")


def _package(package: Package) -> LockedPackage:
    address, ref, hashes, local = "", "", tuple[str, ...](), ""
    if package.vcs:
        folder = f"#subdirectory={package.vcs.subdirectory}" if package.vcs.subdirectory else ""
        address = f"{package.vcs.type}+{package.vcs.url or package.vcs.path}@{package.vcs.commit_id}{folder}"
        ref = package.vcs.requested_revision or "HEAD"
        ref = "" if ref == package.vcs.commit_id else ref
    elif package.directory:
        local = package.directory.path
    elif package.archive:
        folder = f"#subdirectory={package.archive.subdirectory}" if package.archive.subdirectory else ""
        address = f"{package.archive.url}{folder}" if package.archive.url else ""
        local = "" if address else str(package.archive.path)
        hashes = _hashes(package.archive.hashes)
    files = () if address or local else tuple(_files(package))
    return LockedPackage(
        name=package.name,
        version=str(package.version or ""),
        files=files,
        hashes=hashes,
        index=str(package.index) if package.index and not is_pypi(str(package.index)) else "",
        address=address,
        ref=ref,
        local=local,
    )


def _files(package: Package) -> Iterator[LockedFile]:
    listed: list[PackageSdist | PackageWheel] = [*([package.sdist] if package.sdist else []), *(package.wheels or ())]
    for file in listed:
        for value in _hashes(file.hashes):
            yield LockedFile(name=file.filename, hash=value, size=file.size)


def _hashes(told: Mapping[str, str]) -> tuple[str, ...]:
    """Return the best hash of a file as pip writes it; none if pip supports no kind of hash in the lock."""
    kind = next((kind for kind in _KINDS if kind in told), "")
    return (f"{kind}:{told[kind]}",) if kind else ()
