"""Check the values of another tool's lock: they reach lock files, a Dockerfile and command lines."""

from __future__ import annotations

import re
from collections.abc import Iterator

from packaging.version import InvalidVersion, Version

from mlspec.lock.requirements import requirement_syntax
from mlspec.lock.requirements.tool_locks.lock_model import LockedPackage

_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_HASH = re.compile(r"sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128}")
_ADDRESS = re.compile(r"[A-Za-z0-9+]+://[!-~]+")
_COMMIT = re.compile(r"git\+[^#]+@(?:[0-9a-f]{40}|[0-9a-f]{64})(?:#subdirectory=[\w./-]+)?")
_REF = re.compile(r"[\w./@+-]*")


def find_unsound(package: LockedPackage) -> Iterator[tuple[str, str, str]]:
    """Yield code, message and hint for each value of a package that no tool writes, or that a lock must not contain."""
    name = package.name if _NAME.fullmatch(package.name) else "a package"
    if name != package.name:
        yield "MLS270", f'"{package.name}" is not the name of a package', ""
    if not _is_version(package):
        yield "MLS270", f'"{package.version}" is not a version of {name}', ""
    if any(not _HASH.fullmatch(value) for value in package.all_hashes):
        yield "MLS270", f"pip cannot use a hash of {name}", "lock it from an index that has sha256 hashes"
    if not package.address:
        return
    is_git = package.address.startswith("git+")
    if refused := requirement_syntax.refusal(f"{name} @ {package.address}"):
        yield refused
    elif not _ADDRESS.fullmatch(package.address) or (is_git and not _COMMIT.fullmatch(package.address)):
        what = "a repository at a commit" if is_git else "an address"
        yield "MLS270", f"{name} comes from {package.address}, which is not {what}", ""
    elif not is_git and not package.all_hashes:
        yield "MLS270", f"{name} comes from {package.address}, and the lock has no hash for it", "lock it again"
    if not _REF.fullmatch(package.ref):
        yield "MLS270", f'"{package.ref}" is not a branch or tag of {name}', ""


def _is_version(package: LockedPackage) -> bool:
    try:
        return str(Version(package.version)) != "" and re.fullmatch(r"[\w.+!-]+", package.version) is not None
    except InvalidVersion:
        return not package.version
