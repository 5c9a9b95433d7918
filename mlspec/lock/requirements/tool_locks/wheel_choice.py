"""Choose the files of a locked package for a target, and make its pin."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache

from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from mlspec.facts.manylinux import list_manylinux
from mlspec.facts.versions import parse_release
from mlspec.lock.pins import LockTarget, Pin
from mlspec.lock.requirements.markers import machine_of
from mlspec.lock.requirements.tool_locks.lock_model import LockedFile, LockedPackage, LockReadError


def choose_files(package: LockedPackage, target: LockTarget, built: Collection[str] = ()) -> Pin:
    """Return the pin of a package on a target; packages in ``built`` are compiled from source.

    Raises LockReadError, without a path, if the lock has no file for the target.
    """
    if package.address:
        return _pin_address(package, target)
    if package.hashes:
        return _pin(package, package.hashes)
    ranks = rank_tags(target.python, target.platform, target.glibc)
    wheels = [file for file in package.files if file.name.endswith(".whl")]
    fitting = sorted((rank, file.name, file) for file in wheels if (rank := find_rank(file.name, ranks)) is not None)
    sources = [file for file in package.files if file not in wheels]
    if fitting and not (package.name in built and sources):
        files = [file for _, _, file in fitting]
        return _pin(package, (file.hash for file in files), files[0].size)
    if sources and (not wheels or package.name in built):
        return _pin(package, (file.hash for file in sources), sources[0].size, is_source=True)
    raise _refuse(package, wheels, sources, target)


def _pin_address(package: LockedPackage, target: LockTarget) -> Pin:
    base = package.address.partition("#")[0]
    is_wheel = base.endswith(".whl")
    name = base.rpartition("/")[2]
    if is_wheel and find_rank(name, rank_tags(target.python, target.platform, target.glibc)) is None:
        message = f"{name} is not for Python {target.python} on {target.platform}"
        raise LockReadError("MLS245", (), message, "choose one that is, with a marker in the project")
    size = next((file.size for file in package.files), None)
    hashes = () if package.address.startswith("git+") else package.all_hashes
    return Pin(
        name=package.name,
        version=package.version,
        requirement=f"{package.name} @ {package.address}",
        hashes=tuple(sorted(hashes)),
        size=size,
        via=package.via,
        is_source=not is_wheel,
        ref=package.ref,
    )


def _pin(package: LockedPackage, hashes: Iterable[str], size: int | None = None, *, is_source: bool = False) -> Pin:
    return Pin(
        name=package.name,
        version=package.version,
        requirement=f"{package.name}=={package.version}",
        hashes=tuple(sorted(set(hashes))),
        size=size,
        via=package.via,
        is_source=is_source,
    )


def _refuse(
    package: LockedPackage, wheels: Iterable[LockedFile], sources: Iterable[LockedFile], target: LockTarget
) -> LockReadError:
    shown = f"{package.name} {package.version}"
    if not wheels and not sources:
        return LockReadError("MLS270", (), f"{shown} has no hashes in the lock", "lock it from an index that has them")
    where = f"Python {target.python} on {target.platform}, glibc {target.glibc}"
    message = f"{shown} has no wheel in the lock for {where}"
    hint = "take a release that has one, or another `python` or `base`"
    hint += f'; or have it compiled: "--no-binary {package.name}" in requirements' if sources else ""
    return LockReadError("MLS245", (), message, hint)


@lru_cache(maxsize=16)
def rank_tags(python: str, platform: str, glibc: str) -> Mapping[Tag, int]:
    """Return the wheel tags of a target with their ranks, 0 for the best, as the resolver's child has them."""
    machine, version = machine_of(platform), parse_release(python)[:2]
    platforms = [*list_manylinux(glibc, machine), f"linux_{machine}"]
    interpreter = f"cp{version[0]}{version[1]}"
    tags = [
        *cpython_tags(python_version=version, abis=[interpreter], platforms=platforms),
        *compatible_tags(python_version=version, interpreter=interpreter, platforms=platforms),
    ]
    return {tag: rank for rank, tag in reversed(list(enumerate(tags)))}


def find_rank(name: str, ranks: Mapping[Tag, int]) -> int | None:
    """Return the rank of a wheel among the tags of a target; None if the wheel is not for the target."""
    try:
        found = [ranks[tag] for tag in parse_wheel_filename(name)[3] if tag in ranks]
    except InvalidWheelFilename:
        return None
    return min(found, default=None)
