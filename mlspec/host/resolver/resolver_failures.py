"""Problems for failures of the resolver."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import Version

from mlspec.errors import LockError, Problem
from mlspec.host.resolver.conflicts import Conflict
from mlspec.host.resolver.failed_builds import FailedBuild
from mlspec.host.resolver.package_names import INSTALL_NAMES
from mlspec.host.resolver.unreachable import describe_unreachable
from mlspec.lock.pins import LockTarget
from mlspec.lock.requirements.indexes import Index
from mlspec.lock.requirements.requirement_types import Requirement, Requirements
from mlspec.text import without_login

_OLDEST_PIP = Version("24.0")


def check_pip(requirements: Requirements) -> None:
    """Raise LockError if pip is too old to resolve for another machine."""
    version = importlib.metadata.version("pip")
    if Version(version) < _OLDEST_PIP:
        message = f"pip {version} is too old to resolve for another machine; mlspec needs {_OLDEST_PIP} or newer"
        raise LockError(requirements.problem("MLS241", message, f"{sys.executable} -m pip install --upgrade pip"))


def no_report(requirements: Requirements, stderr: str) -> Problem:
    """Return the problem for a resolver that ended without a report."""
    said = next((line.strip() for line in reversed(stderr.splitlines()) if line.strip()), "it said nothing")
    if re.match(r"(ImportError|ModuleNotFoundError|AttributeError)", said):
        message = f"this pip and pip-tools are not compatible: {said}"
        return requirements.problem(
            "MLS241", message, f'{sys.executable} -m pip install --upgrade pip "pip-tools>=7.6.2,<8"'
        )
    return requirements.problem("MLS259", f"the resolver did not run: {without_login(said)}")


@dataclass(frozen=True)
class ResolverFailure:
    """The resolver's report of a failure, with the requirements, target and indexes of the run."""

    requirements: Requirements
    target: LockTarget
    error: Mapping[str, Any]
    tools: Mapping[str, str]
    stderr: str
    indexes: tuple[Index, ...] = ()

    def problems(self) -> Iterator[Problem]:
        """Yield the problems for the user."""
        kind = self.error["kind"]
        if kind == "conflict":
            yield from Conflict(self.requirements, self.target, self.error).problems()
        elif kind == "mismatch":
            pair = " and ".join(f"{name} {version}" for name, version in self.tools.items())
            message = f"{pair} cannot resolve for another machine: {self.error['message']}"
            yield self.requirements.problem(
                "MLS241", message, f'{sys.executable} -m pip install "pip-tools>=7.6.2,<8" "pip<27"'
            )
        elif kind == "build":
            yield self._failed_build(self.error["name"])
        elif kind == "pins":
            for error in self.error["errors"]:
                yield from dataclasses.replace(self, error=error).problems()
        elif kind == "hashes":
            message = f"no given hash belongs to a file of {self.error['message']} that fits the target"
            yield self.requirements.problem(
                "MLS247", message, "remove them; the lock has its own", self._requirement_of(self.error["name"])
            )
        elif kind == "changed":
            name = self.error["name"] or "a package"
            message = f"the index served a file for {name} that is not the one on its page: the hashes differ"
            yield self.requirements.problem(
                "MLS254", message, "try again later; the error is on its side", self._requirement_of(name)
            )
        elif kind == "unreadable":
            message = f"an index answered with something other than a package page ({self.error['message']})"
            hint = "\n".join(("try again later; the error is on its side", *self.error["notes"][-3:]))
            yield self.requirements.problem("MLS254", message, hint)
        elif kind == "other":
            message = f"the resolver failed: {without_login(str(self.error['message']).splitlines()[0])}"
            yield self.requirements.problem("MLS259", message, self._tail())
        else:
            yield self._index_problem(kind)

    def _failed_build(self, name: str) -> Problem:
        # If newer releases have wheels only for other Pythons, pip falls back to an old source, and its build fails.
        # The missing wheel is the real problem.
        if lacking := Conflict(self.requirements, self.target, self.error).without_wheel(name):
            return lacking
        found = FailedBuild.of(self.error).problem(self.requirements, self._requirement_of(name))
        meant = f"did you mean: {INSTALL_NAMES[name]}" if name in INSTALL_NAMES else ""
        return dataclasses.replace(found, hint=meant or found.hint)

    def _requirement_of(self, name: str) -> Requirement | None:
        return self.requirements.find_requirement(name) if name else None

    def _tail(self) -> str:
        return "\n".join(without_login(line) for line in self.stderr.splitlines()[-8:])

    def _index_problem(self, kind: str) -> Problem:
        url = str(self.error["url"])
        name = canonicalize_name(url.rstrip("/").rpartition("/")[2]) if url.endswith("/") else ""
        host = re.sub(r"^(\w+://[^/]+).*$", r"\1", url) or "the package index"
        if kind == "connect":
            words = str(self.error["message"])
            return self.requirements.problem(
                "MLS253", *describe_unreachable(url, name, words, self.indexes), self._requirement_of(name)
            )
        code, message, hint = _NETWORK[kind]
        status = self.error.get("status")
        written = next((r for r in self.requirements.requirements if url in r.text), None)
        if written and status in {404, 410}:
            return self.requirements.problem("MLS242", f"there is nothing at {url}", "correct the address", written)
        name = self.error.get("name") or name
        message = message.format(host=host, status=status, name=name or "a file")
        hint = hint.format(name=name)
        return self.requirements.problem(code, message, hint, self._requirement_of(name))


# Code, message and hint for each kind of error.
_NETWORK = {
    "timeout": ("MLS253", "{host} did not answer in time", "check the network, and try again"),
    "endless": (
        "MLS310",
        "{host} sends an endless answer about {name}",
        "correct its address; those of indexes end in /simple",
    ),
    "garbage": (
        "MLS310",
        "the answer of {host} about {name} is not an index page",
        "correct its address; those of indexes end in /simple",
    ),
    "times": (
        "MLS275",
        "{host} does not say when the files of {name} were uploaded, so their age is unknown",
        "take them at any age: below cooldown, write exclude: [{name}]",
    ),
    "proxy": ("MLS253", "the proxy on the way to {host} refuses the request", "check HTTPS_PROXY and NO_PROXY"),
    "http": ("MLS254", "{host} answered {status} when asked for {name}", "try again later; the error is on its side"),
    "tls": (
        "MLS255",
        "the certificate of {host} is not trusted here",
        "behind a company proxy, set its certificates: export SSL_CERT_FILE=/path/to/ca.pem",
    ),
    "login": (
        "MLS256",
        "{host} refused access to {name} ({status})",
        "check the login that its entry under `indexes` takes from the environment",
    ),
}
