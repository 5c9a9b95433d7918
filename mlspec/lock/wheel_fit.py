"""Check that the wheels of the project are for the Python and the platforms of an image."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from packaging.specifiers import SpecifierSet
from packaging.tags import Tag
from packaging.utils import parse_wheel_filename

from mlspec.errors import Problem
from mlspec.facts.versions import minor_version
from mlspec.lock.mlspec_lock import BaseLock
from mlspec.lock.requirements.local_packages.local_wheel import LocalWheel
from mlspec.lock.requirements.markers import machine_of
from mlspec.lock.requirements.tool_locks.wheel_choice import find_rank, rank_tags


def find_unfit_wheels(wheels: Iterable[LocalWheel], base: BaseLock, platforms: Iterable[str]) -> Iterator[Problem]:
    """Yield a problem for each wheel that a base cannot install on one of the platforms."""
    python = base.python if base.python.count(".") > 1 else f"{base.python}.99"
    platforms = tuple(platforms)
    for wheel in wheels:
        if not SpecifierSet(wheel.requires_python).contains(python, prereleases=True):
            message = f"{wheel.file} requires Python {wheel.requires_python}, and the image has {base.python}"
            yield wheel.place.problem("MLS226", message, "choose such a `python`, or name another wheel")
            continue
        for platform in platforms:
            if find_rank(wheel.file, rank_tags(python, platform, base.glibc)) is None:
                where = f"Python {minor_version(python)} on {platform} with glibc {base.glibc}"
                yield wheel.place.problem("MLS226", f"{wheel.file} is not for {where}", _advise(wheel, base, platform))
                break


def _advise(wheel: LocalWheel, base: BaseLock, platform: str) -> str:
    tags = parse_wheel_filename(wheel.file)[3]
    for version in sorted(set(map(_python_of, tags)) - {""}):
        if find_rank(wheel.file, rank_tags(f"{version}.99", platform, base.glibc)) is not None:
            return f"python: {version}"
    digits = minor_version(base.python).replace(".", "")
    fitting = f"cp{digits}-cp{digits}-manylinux_{base.glibc.replace('.', '_')}_{machine_of(platform)}.whl"
    return (
        f"name a wheel that was built for the image, such as {wheel.name.replace('-', '_')}-{wheel.version}-{fitting}"
    )


def _python_of(tag: Tag) -> str:
    """Return the version of Python in a tag such as ``cp312``; empty if the tag has no minor version."""
    digits = tag.interpreter.removeprefix("cp").removeprefix("py")
    return f"{digits[0]}.{digits[1:]}" if digits.isdigit() and len(digits) > 1 else ""
