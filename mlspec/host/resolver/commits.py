"""The commits of git requirements, for their branches and tags."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass

from packaging.requirements import Requirement as Pep508

from mlspec.errors import LockError
from mlspec.host.files.scratch import scratch
from mlspec.host.resolver.process_environment import environment
from mlspec.host.resolver.upgrades import package_name
from mlspec.lock.pins import RequirementsLock
from mlspec.lock.requirements.requirement_types import Requirement
from mlspec.text import nearest

_COMMIT = re.compile(r"^[0-9a-f]{40}$")


@dataclass(frozen=True, slots=True)
class Commit:
    """A git requirement with a full commit: its address for pip, its commit, and its branch or tag in the spec."""

    address: str
    commit: str
    ref: str


def pin_commit(
    requirement: Requirement, previous: RequirementsLock | None, upgrade: bool, upgrade_packages: Iterable[str]
) -> Commit:
    """Return the commit of a git requirement: the commit in the previous lock, or the newest commit of its ref."""
    url, ref, fragment = _git_parts(requirement)
    asked = upgrade or requirement.name in map(package_name, upgrade_packages)
    for pin in previous.vcs if previous and not asked else ():
        address = pin.requirement.partition(" @ ")[2]
        base, _, tail = address.partition("#")
        before, _, commit = base.rpartition("@")
        if (before, tail, pin.ref) == (f"git+{url}", fragment, "" if _COMMIT.match(ref) else ref or "HEAD"):
            return Commit(address, commit, pin.ref)
    commit = ref if _COMMIT.match(ref) else _resolved_ref(requirement, url, ref)
    address = f"git+{url}@{commit}" + (f"#{fragment}" if fragment else "")
    return Commit(address, commit, "" if commit == ref else ref or "HEAD")


def _git_parts(requirement: Requirement) -> tuple[str, str, str]:
    """Return address of the repository, ref and fragment of a git requirement; ref and fragment may be empty."""
    parsed = Pep508(requirement.text).url if requirement.name else requirement.text
    base, _, fragment = str(parsed).removeprefix("git+").partition("#")
    # Split off host and login first: git@host contains an @, too. A ref follows the @ in the path.
    scheme, _, rest = base.partition("://")
    host, slash, path = rest.partition("/")
    path, _, ref = path.partition("@")
    return f"{scheme}://{host}{slash}{path}", ref, fragment


def _resolved_ref(requirement: Requirement, url: str, ref: str) -> str:
    rows = [line.split("\t") for line in _git(requirement, url, "ls-remote", url).splitlines() if "\t" in line]
    refs = {name: commit for commit, name in rows}
    # pip prefers a branch to a tag, and takes the commit of an annotated tag, not the tag object.
    names = (f"refs/heads/{ref}", f"refs/tags/{ref}^{{}}", f"refs/tags/{ref}", ref) if ref else ("HEAD",)
    if found := next((refs[name] for name in names if name in refs), ""):
        return found
    if re.match(r"^[0-9a-f]{7,39}$", ref) and (found := _whole_commit(requirement, url, ref)):
        return found
    known = [name.removeprefix("refs/heads/").removeprefix("refs/tags/") for name in refs if not name.endswith("^{}")]
    close = nearest(ref, known)
    hint = (
        f"did you mean: {close[0]}" if close else f"it has: {', '.join(sorted(set(known) - {'HEAD'})[:8]) or 'no refs'}"
    )
    raise LockError(requirement.problem("MLS250", f'{url} has no branch, tag or commit "{ref or "HEAD"}"', hint))


def _whole_commit(requirement: Requirement, url: str, short: str) -> str:
    with scratch() as folder:
        clone = str(folder / "clone")
        _git(requirement, url, "clone", "--quiet", "--bare", "--filter=blob:none", url, clone)
        command = ["git", "-C", clone, "rev-parse", "--quiet", "--verify", f"{short}^{{commit}}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment())
        return done.stdout.strip()


def _git(requirement: Requirement, url: str, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
            env=environment(),
            stdin=subprocess.DEVNULL,
        )
    except FileNotFoundError:
        message = "git is not installed here, and this requirement needs it"
        raise LockError(
            requirement.problem("MLS251", message, "install git, or take a release from an index")
        ) from None
    except subprocess.TimeoutExpired:
        raise LockError(requirement.problem("MLS251", f"{url} did not answer within 5 minutes")) from None
    if done.returncode == 0:
        return done.stdout
    said = _reason_in(done.stderr)
    if re.search(r"Authentication failed|Permission denied|could not read Username|terminal prompts", done.stderr):
        hint = "git must be able to log in by itself: a deploy key, or a credential helper"
        raise LockError(requirement.problem("MLS252", f"{url} asks for a login", hint))
    hint = f"try: git ls-remote {url}"
    if "Host key verification failed" in said:
        hint = f"check its key, and accept it: ssh -T {_ssh_host(url)}"
    raise LockError(requirement.problem("MLS251", f"{url} cannot be read: {said}", hint))


# git prints this advice after the reason of any failure.
_ADVICE = re.compile(
    r"Please make sure you have the correct access rights|and the repository exists"
    r"|Could not read from remote repository"
)


def _reason_in(stderr: str) -> str:
    """Return the reason in git's error output: its last line that is not advice."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    telling = [line for line in lines if not _ADVICE.search(line)]
    return next(iter(reversed(telling or lines)), "git said nothing").rstrip(".")


def _ssh_host(url: str) -> str:
    """Return the arguments of ssh for an address: user and host, and the port as an option."""
    found = re.match(r"^\w+://([^/:]+)(?::(\d+))?/", url)
    return f"{f'-p {found[2]} ' if found[2] else ''}{found[1]}" if found else url
