"""A table of common causes of failed builds, recognised by the output of the step or by BuildKit's error."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from mlspec.build.steps import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One cause of failed builds: a regular expression, a message and a hint.

    ``says`` is searched in the step's output and in BuildKit's error. Its groups and values of the step fill
    ``message`` and ``hint``. ``about`` is the kind of thing that the group ``name`` names and that has a place in the
    spec. ``only`` are the kinds of steps that the cause can stop; empty for all kinds.
    """

    code: str
    says: str
    message: str
    hint: str
    about: Literal["step", "apt", "package", "hash"] = "step"
    only: frozenset[Kind] = frozenset()

    def match(self, kind: Kind, lines: Iterable[str]) -> Mapping[str, str] | None:
        """Return the groups of the first of ``lines`` that matches this cause, or None if no line matches."""
        if self.only and kind not in self.only:
            return None
        found = (re.search(self.says, line, re.IGNORECASE) for line in lines)
        match = next(filter(None, found), None)
        # A regular expression cannot use a group's name in two alternatives, so the second group is name2.
        return {name.rstrip("2345"): value for name, value in match.groupdict("").items() if value} if match else None

    def list_named(self, lines: Iterable[str]) -> tuple[str, ...]:
        """Return the first group of each of ``lines`` that matches this cause, without duplicates."""
        found = (re.search(self.says, line, re.IGNORECASE) for line in lines)
        names = (next(filter(None, match.groups()), "") for match in found if match)
        return tuple(dict.fromkeys(filter(None, names)))


_APT_INSTALLS: frozenset[Kind] = frozenset({"apt", "run"})
_BASE: frozenset[Kind] = frozenset({"base"})
_COPIES: frozenset[Kind] = frozenset({"code", "copy", "other", "requirements"})

_ROOM = "free disk space: docker builder prune removes the cache of older builds, docker system df shows the usage"
_ASK_WITHOUT = "is it reachable from a container? docker run --rm {base} getent hosts {host}"
_PROXY = (
    'set it for builds in ~/.docker/config.json: {{"proxies": {{"default": {{"httpsProxy": "http://HOST:PORT"}}}}}}'
)
_CERTIFICATE = (
    "a network that inspects TLS uses its own certificate: for the engine, put it below /etc/docker/certs.d;"
    "\nfor steps, name a base image that trusts it, or copy it in with a step at before_install"
)
_KEYS = "add a key with read access, ssh-add, and check it: ssh-add -l"

_NO_NETWORK = (
    r"Temporary failure in name resolution|Name or service not known|failed to lookup address|dns error"
    r"|Network is unreachable|No route to host|Connection timed out|i/o timeout|TLS handshake timeout"
    r"|connection refused|Connection reset by peer|Read timed out|operation timed out"
)
_COMPILERS = r"(?:[\w-]+-linux-gnu-)?(?:gcc|g\+\+)|cc|c\+\+|clang|cmake|ninja|make|gfortran|rustc|cargo|nvcc|pkg-config"

# The first matching row wins, so a cause stands above the causes that it leads to: an unreachable package index also
# has no packages.
CAUSES: tuple[Cause, ...] = (
    Cause(
        code="MLS538",
        says=r"error reading from server: EOF|code = Unavailable|Cannot connect to the Docker daemon|closing transport",
        message="the engine stopped during the build",
        hint="check that it runs: docker info; then build again: finished steps are cached",
    ),
    Cause(
        code="MLS687",
        # BuildKit sends the names of files as protobuf strings, which must be UTF-8.
        says=r"string field contains invalid UTF-8",
        message="a file or folder beside the spec has a name that is not UTF-8, which every builder refuses",
        hint="mlspec check names it; in a large project: find . | grep --text --line-regexp --invert-match '.*'",
    ),
    Cause(
        code="MLS525",
        says=r"no space left on device|disk quota exceeded|not enough free space|ENOSPC",
        message="the disk of the engine is full",
        hint=_ROOM,
    ),
    Cause(
        code="MLS535",
        says=r"toomanyrequests|429 Too Many Requests|rate limit",
        message="the registry refuses more requests for now: this host reached its rate limit",
        hint="log in, which allows more: docker login; or wait, or name a mirror in the engine's registry-mirrors",
    ),
    Cause(
        code="MLS527",
        says=r"407 Proxy Authentication|ProxyError|Cannot connect to proxy|Tunnel connection failed"
        r"|proxyconnect|Could not resolve proxy",
        message="the proxy refuses the requests of the build",
        hint=_PROXY,
    ),
    Cause(
        code="MLS528",
        says=r"CERTIFICATE_VERIFY_FAILED|certificate verif\w+ failed|self[- ]signed certificate|x509: certificate"
        r"|unable to get local issuer|invalid peer certificate|SSL certificate problem|UnknownIssuer",
        message="a certificate is not trusted during the build",
        hint=_CERTIFICATE,
    ),
    Cause(
        code="MLS530",
        says=r"Permission denied \(publickey|Host key verification failed|unset ssh forward key|invalid empty ssh agent"
        r"|Could not read from remote repository|could not read Username|Authentication failed for"
        r"|fatal: repository '?(?P<host>\S+?)'? not found",
        message="a git repository refuses the login of the build",
        hint=_KEYS,
    ),
    Cause(
        code="MLS526",
        says=rf"{_NO_NETWORK}|no such host",
        message="the registry of the base image {base} cannot be reached",
        hint="does the engine reach it? docker pull {base}; behind a proxy, set it for the engine, in "
        "/etc/docker/daemon.json",
        only=_BASE,
    ),
    Cause(
        code="MLS526",
        says=r"(?:Could not resolve host: |Temporary failure resolving |Failed to resolve |Could not resolve |lookup )"
        r"['\"]?(?P<host>[\w-]+(?:\.[\w-]+)+)",
        message="the build cannot resolve the host name {host}",
        hint=f"{_ASK_WITHOUT}\nbehind a proxy, {_PROXY}",
    ),
    Cause(
        code="MLS526",
        says=_NO_NETWORK,
        message="the build cannot reach the network",
        hint=f"has a container one? docker run --rm {{base}} getent hosts debian.org\nbehind a proxy, {_PROXY}",
    ),
    Cause(
        code="MLS534",
        says=r"pull access denied|insufficient_scope|unauthorized|access to the resource is denied|403 Forbidden",
        message="the registry denies access to the base image {base}",
        hint="log in to it: docker login{registry}; or correct its name below base",
        only=_BASE,
    ),
    Cause(
        code="MLS536",
        says=r"no match for platform in manifest|does not match the specified platform",
        message="the base image {base} is not built for {platform}",
        hint="name one that is, or another platform below platforms",
    ),
    Cause(
        code="MLS534",
        says=r": not found|manifest unknown|name unknown|repository does not exist",
        message="there is no image {base}",
        hint="correct its name and tag below base; see what there is: docker buildx imagetools inspect {base}",
        only=_BASE,
    ),
    Cause(
        code="MLS536",
        says=r"exec format error",
        message="this host cannot run programs of {platform}",
        hint="enable it: docker run --privileged --rm tonistiigi/binfmt --install all; or build for its own platform",
    ),
    Cause(
        code="MLS531",
        says=r"secret (?P<secret>\S+): not found",
        message="the secret {secret} did not reach the build",
        hint="build with mlspec build, which passes it, or add: docker build --secret id={secret},env={secret}",
    ),
    Cause(
        code="MLS533",
        says=r"\"/?(?P<file>[^\"]+)\": not found",
        message="{file} is not in the build context",
        hint="check that it exists and that no ignore file excludes it; to write generated files: mlspec render",
        only=_COPIES,
    ),
    Cause(
        code="MLS521",
        says=r"E: Unable to locate package (?P<name>\S+)|E: Package '(?P<name2>[^']+)' has no installation candidate",
        message='{release} has no package "{name}"',
        hint="search for its name there: docker run --rm {base} sh -c 'apt-get update -qq; apt-cache search WORD'",
        about="apt",
        only=_APT_INSTALLS,
    ),
    Cause(
        code="MLS523",
        says=r"hash mismatch for `?(?P<name>[\w.-]+)==(?P<version>[^`\s]+)",
        message="the file of {name} {version} is not the one that was locked",
        hint="lock it again: mlspec lock -P {name}; if it happens again, ask who serves the file why it changes",
        about="hash",
    ),
    Cause(
        code="MLS523",
        says=r"THESE PACKAGES DO NOT MATCH THE HASHES",
        message="a file is not the one that was locked",
        hint="lock again: mlspec lock --upgrade; if it happens again, ask who serves the file why it changes",
    ),
    Cause(
        code="MLS522",
        says=r"Because (?P<name>[\w.-]+)==(?P<version>\S+) has no (?:usable )?(?:wheels|source distribution)",
        message="{name} {version} has no wheel for Python {python} on {platform}",
        hint="take a version that has one: mlspec lock -P {name}; or change python, or platforms",
        about="package",
    ),
    Cause(
        code="MLS522",
        says=r"No matching distribution found for (?P<name>[\w.-]+)",
        message="pip finds no {name} for Python {python} on {platform}",
        hint="correct its name and version; better, write it below requirements, which are locked",
    ),
    Cause(
        code="MLS537",
        says=r"(?:status code|error|status:?) \(?(?:401|403)|(?:401|403) (?:Client Error|Unauthorized|Forbidden)",
        message="the package index refuses the login of the build",
        hint="check that the login is right and has not expired; it is the secret of its entry below indexes",
        only=frozenset({"requirements"}),
    ),
    Cause(
        code="MLS524",
        says=r"fatal error: (?P<header>\S+\.h(?:pp)?): No such file",
        message="{label}: compiling this needs the header {header}, which is missing",
        hint="add the Debian package that contains it below {key}, often lib…-dev: docker run --rm {base} sh -c "
        "'apt-get update -qq; apt-get install -yqq apt-file; apt-file update; apt-file search {header}'",
    ),
    Cause(
        code="MLS524",
        says=rf"(?:No such file or directory: '|unable to execute '|linker `)(?P<tool>{_COMPILERS})['`]"
        rf"|command '(?P<tool2>{_COMPILERS})' failed: No such file"
        rf"|(?:^|[\s/])(?P<tool3>{_COMPILERS})(?:: (?:command )?not found| is not installed)",
        message="{label}: compiling this needs {tool}, which is missing",
        hint="add it: {key}: [{package}]; or take a version that has a wheel",
        only=frozenset({"requirements", "run"}),
    ),
    Cause(
        code="MLS529",
        says=r": \d+: (?P<tool>uv|conda|mamba|micromamba|poetry|pdm|pipenv): not found"
        r"|: (?P<tool2>uv|conda|mamba|micromamba|poetry|pdm|pipenv): command not found",
        message="a step installs packages with {tool}, which is not in the image",
        hint="write the packages under requirements, and remove the step: mlspec explain MLS637",
        only=frozenset({"run"}),
    ),
    Cause(
        code="MLS529",
        says=r": \d+: (?P<tool>[\w.+/-]+): not found|: (?P<tool2>[\w.+/-]+): command not found"
        r"|No such file or directory: '(?P<tool3>git|ssh)'|(?P<tool4>git) executable not found",
        message="a step needs {tool}, which is not in the image",
        hint="add it: {key}: [{package}]",
    ),
    Cause(
        code="MLS532",
        says=r"exit code: 137|cannot allocate memory|MemoryError|virtual memory exhausted|signal: killed|OOMKilled",
        message="the kernel killed this step, most likely because memory ran out",
        hint="give the engine more memory (Docker Desktop: Settings, Resources); or run fewer jobs: MAX_JOBS=2, make "
        "-j2",
    ),
)
"""All causes, in the order of their search."""

# Programs whose Debian package has another name.
PACKAGES: Mapping[str, str] = {
    **dict.fromkeys(("gcc", "g++", "cc", "c++", "make"), "build-essential"),
    **{"ninja": "ninja-build", "ssh": "openssh-client", "nvcc": "nvidia-cuda-toolkit", "ps": "procps"},
    **{"ping": "iputils-ping", "ip": "iproute2", "gpg": "gnupg", "xz": "xz-utils", "7z": "p7zip-full"},
    **{"java": "default-jre-headless", "node": "nodejs", "convert": "imagemagick"},
}
"""The Debian package of each program whose package has another name."""
