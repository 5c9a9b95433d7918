"""Typed rows of ``data/*.toml``, and what follows from them alone: base images, references, support dates."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Literal

from mlspec.facts.tables import frozen, table
from mlspec.text import nearest

Support = Literal["planned", "supported", "ending", "ended", "unknown"]
"""Where a release stands on a day; ``ending`` is within six months of its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DebianRelease:
    """A Debian release; dates are ISO text, empty where there is none yet."""

    codename: str
    version: int
    glibc: str = ""
    released: str = ""
    end_of_life: str = ""
    long_term: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonVersion:
    """A minor version of CPython; dates are ISO text."""

    python: str
    status: str
    released: str
    end_of_life: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonVariant:
    """A ``slim-CODENAME`` of the official image, and the patch versions built on it; no ``last`` while rebuilt."""

    python: str
    codename: str
    first: str
    last: str = ""

    @property
    def is_rebuilt(self) -> bool:
        """Whether the image still gets Debian's security fixes."""
        return not self.last

    def has(self, patch: str) -> bool:
        """Return whether the patch version was built on this release."""
        return _number(self.first) <= _number(patch) and (not self.last or _number(patch) <= _number(self.last))


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallerWheel:
    """One wheel of the installer, for a platform and a C library."""

    platform: str
    libc: str
    file: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Installer:
    """The program that installs the locked wheels during a build.

    ``glibcs`` are the versions of the C library whose wheels it can be told to take, oldest first.
    """

    name: str
    version: str
    wheels: tuple[InstallerWheel, ...]
    glibcs: tuple[str, ...]

    def hashes(self, platform: str) -> tuple[str, ...]:
        """Return the sha256 of every wheel that may be taken on ``platform``; none where pip has to install."""
        return tuple(wheel.sha256 for wheel in self.wheels if wheel.platform == platform)

    def manylinux(self, glibc: str) -> str:
        """Return the kind of wheels that it takes for a C library, or for the newest before it: ``manylinux_2_36``."""
        fitting = [known for known in self.glibcs if _number(known) <= _number(glibc)]
        return f"manylinux_{(fitting or self.glibcs[:1])[-1].replace('.', '_')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TorchIndex:
    """A package index of the torch family, by the local version label of its wheels."""

    kind: str
    label: str
    url: str
    version: str = ""
    first: str = ""
    last: str = ""
    driver: str = ""

    def has(self, torch: str) -> bool:
        """Return whether the minor version of ``torch`` is known to be built for this label."""
        minor = _number(torch)[:2]
        return bool(self.first) and _number(self.first) <= minor and (not self.last or minor <= _number(self.last))


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageReference:
    """Where an image is: ``docker.io``, ``library/python``, ``3.12-slim``, and the digest where one is given."""

    registry: str
    repository: str
    tag: str = ""
    digest: str = ""

    def __str__(self) -> str:
        """Return the reference in full, such as ``docker.io/library/python:3.12-slim``."""
        tag, digest = (f":{self.tag}" if self.tag else ""), (f"@{self.digest}" if self.digest else "")
        return f"{self.registry}/{self.repository}{tag}{digest}"

    @property
    def familiar(self) -> str:
        """The reference as people write it, such as ``python:3.12-slim``."""
        return str(self).removeprefix(f"{DOCKER_HUB}/").removeprefix("library/")


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseChoice:
    """A base image: its reference without the digest, the digest the user wrote, and what the reference tells.

    ``python`` is the version in the tag of an official Python image.
    """

    reference: str
    digest: str = ""
    codename: str | None = None
    glibc: str | None = None
    python: str | None = None
    is_official: bool

    @property
    def pinned(self) -> str:
        """The reference with the digest, where there is one."""
        return f"{self.reference}@{self.digest}" if self.digest else self.reference


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseRefusal:
    """Why a base cannot be used, and what to write instead, best first."""

    message: str
    hint: str
    suggestions: tuple[str, ...] = ()


# The tables


@cache
def debian_releases() -> tuple[DebianRelease, ...]:
    """Return the known Debian releases, oldest first."""
    return tuple(DebianRelease(**frozen(row)) for row in table("debian")["release"])


@cache
def python_versions() -> tuple[PythonVersion, ...]:
    """Return the known minor versions of Python, oldest first."""
    return tuple(PythonVersion(**frozen(row)) for row in table("python")["version"])


@cache
def python_variants() -> tuple[PythonVariant, ...]:
    """Return the ``slim-CODENAME`` variants of the official image, by Python and then by Debian release."""
    return tuple(PythonVariant(**row) for row in table("python")["variant"])


@cache
def installer() -> Installer:
    """Return the pinned installer."""
    found = table("installer")
    wheels = tuple(InstallerWheel(**row) for row in found["wheel"])
    return Installer(name=found["name"], version=found["version"], wheels=wheels, glibcs=tuple(found["glibcs"]))


@cache
def torch_indexes() -> tuple[TorchIndex, ...]:
    """Return the known indexes of the torch family: cpu, then cuda and rocm, oldest first."""
    found = table("accelerators")
    return tuple(TorchIndex(**row, url=found["url"].format(label=row["label"])) for row in found["index"])


@cache
def torch_packages() -> tuple[str, ...]:
    """Return the names of the packages that the torch indexes serve."""
    return tuple(table("accelerators")["packages"])


# Rows by name


def debian_release(codename: str) -> DebianRelease | None:
    """Return the Debian release of that codename."""
    return next((release for release in debian_releases() if release.codename == codename), None)


def default_codename() -> str:
    """Return the Debian release that a Python nothing is known of stands on."""
    return str(table("debian")["default"])


def apt_sources(codename: str, day: str) -> tuple[str, ...]:
    """Return the lines of a deb822 file of apt's sources: the archives of a release as they were on an ISO day."""
    stamp = f"{day.replace('-', '')}T000000Z"
    archives = (("debian", f"{codename} {codename}-updates"), ("debian-security", f"{codename}-security"))
    blocks = (
        (
            "Types: deb",
            f"URIs: {table('debian')['snapshot'].format(archive=archive, stamp=stamp)}",
            f"Suites: {suites}",
            "Components: main",
            # What was said of an archive is valid for a week; an older one is asked for by name here.
            "Check-Valid-Until: no",
        )
        for archive, suites in archives
    )
    first, second = blocks
    return (*first, "", *second)


def python_version(python: str) -> PythonVersion | None:
    """Return the row of a minor (or patch) version of Python."""
    minor = _minor(python)
    return next((version for version in python_versions() if version.python == minor), None)


def python_variant(python: str, codename: str) -> PythonVariant | None:
    """Return the row of the official image of that Python on that Debian release."""
    minor = _minor(python)
    return next((row for row in python_variants() if (row.python, row.codename) == (minor, codename)), None)


def torch_label(accelerator: str) -> str | None:
    """Return the label of an accelerator (``cuda12.8`` is ``cu128``); none for ``cuda``, which names no version."""
    if accelerator == "cuda":
        return None
    return re.sub(r"^cuda(\d+)\.(\d+)$", r"cu\1\2", accelerator)


def torch_index(label: str) -> TorchIndex:
    """Return the index of a label; one that is not known follows the pattern of the others."""
    known = next((index for index in torch_indexes() if index.label == label), None)
    kind = "cuda" if label.startswith("cu") else label.rstrip("0123456789.")
    return known or TorchIndex(kind=kind, label=label, url=table("accelerators")["url"].format(label=label))


def least_driver(cuda: str) -> str:
    """Return the oldest Linux driver that runs a version of CUDA; empty for a major version that is not known."""
    major = _number(cuda)[:1]
    return next((row.driver for row in torch_indexes() if row.driver and _number(row.version)[:1] == major), "")


def support(end: str, today: str, *, released: str = "") -> Support:
    """Return where a release that ends on ``end`` stands on the ISO day ``today``."""
    if released > today:
        return "planned"
    if not end:
        return "unknown"
    if end < today:
        return "ended"
    return "ending" if _months(end) - _months(today) < 6 or end[:7] == today[:7] else "supported"


def _months(day: str) -> int:
    year, month, *_ = day.split("-")
    return int(year) * 12 + int(month)


def _minor(python: str) -> str:
    return ".".join(python.split(".")[:2])


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version.partition("+")[0]))


# References

DOCKER_HUB = "docker.io"
_HUB_NAMES = {"docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"}
_HOST_PART = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_HOST = rf"(?:{_HOST_PART}(?:\.{_HOST_PART})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_PATH_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
# The grammar of github.com/distribution/reference; of digests only sha256, which is what registries answer with.
_REFERENCE = re.compile(
    rf"(?P<host>{_HOST})/(?P<path>{_PATH_PART}(?:/{_PATH_PART})*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(?P<digest>sha256:[a-f0-9]{64}))?"
)
_LONGEST_NAME = 255


def parse_reference(text: str) -> ImageReference | None:
    """Return the image that ``text`` names, with Docker's defaults; none where it is not a reference."""
    found = _REFERENCE.fullmatch(_with_host(text))
    if not found or len(found["host"] + found["path"]) > _LONGEST_NAME:
        return None
    host, path = found["host"], found["path"]
    if host in _HUB_NAMES:
        host, path = DOCKER_HUB, path if "/" in path else f"library/{path}"
    tag = found["tag"] or ("" if found["digest"] else "latest")
    return ImageReference(registry=host, repository=path, tag=tag, digest=found["digest"] or "")


def names_registry(text: str) -> bool:
    """Tell whether a reference says the registry that it belongs to, and that is not the default one."""
    found = parse_reference(text)
    return found is not None and found.registry != DOCKER_HUB


def _with_host(text: str) -> str:
    # Docker's rule: a first part that could not be a folder of Docker Hub is a host.
    first, slash, _ = text.partition("/")
    is_host = bool(slash) and ("." in first or ":" in first or first == "localhost" or first.lower() != first)
    return text if is_host else f"{DOCKER_HUB}/{text}"


# Bases

_MUSL = re.compile(r"(alpine|musl)[0-9.]*")


def base_reference(python: str, base: str | None = None) -> BaseChoice | BaseRefusal:
    """Return the base image of a spec's ``python`` and ``base``: slim, on the newest Debian known, unless it says."""
    if base and any(character in base for character in "/:@"):
        return _whole(base)
    variant = (base or "slim").strip().lower().removeprefix("slim").strip("-")
    if _MUSL.fullmatch(variant.split("-")[0]):
        return _musl(base or "")
    codename = variant or _newest_codename(python)
    release = debian_release(codename)
    if not release:
        return _unknown(python, base or "")
    return BaseChoice(
        reference=f"python:{python}-slim-{codename}",
        codename=codename,
        glibc=release.glibc or None,
        python=python,
        is_official=True,
    )


def base_names(python: str) -> tuple[str, ...]:
    """Return what ``base`` may say for a Python, newest first: what is still rebuilt, or else all there was."""
    rows = [row for row in python_variants() if row.python == _minor(python)]
    if len(_number(python)) > 2:
        rows = [row for row in rows if row.has(python)] or rows
    else:
        rows = [row for row in rows if row.is_rebuilt] or rows
    codenames = [row.codename for row in rows] or [default_codename()]
    order = [release.codename for release in debian_releases()]
    return tuple(f"slim-{codename}" for codename in sorted(codenames, key=order.index, reverse=True))


def _newest_codename(python: str) -> str:
    return base_names(python)[0].removeprefix("slim-")


def _whole(base: str) -> BaseChoice | BaseRefusal:
    image = parse_reference(base)
    if not image:
        hint = "a reference is NAME:TAG, such as python:3.12-slim-bookworm or registry.example.com/team/base:1.2"
        return BaseRefusal(message=f'"{base}" is not an image reference', hint=hint)
    words = image.tag.split("-")
    if any(_MUSL.fullmatch(word) for word in (*words, image.repository.rpartition("/")[2])):
        return _musl(base)
    release = next((found for word in words if (found := debian_release(word))), None)
    is_official = (image.registry, image.repository) == (DOCKER_HUB, "library/python")
    python = re.match(r"\d+\.\d+(\.\d+)?(?=-|$)", image.tag) if is_official else None
    return BaseChoice(
        reference=base.partition("@")[0],
        digest=image.digest,
        codename=release.codename if release else None,
        glibc=(release.glibc or None) if release else None,
        python=python[0] if python else None,
        is_official=is_official,
    )


def _musl(base: str) -> BaseRefusal:
    return BaseRefusal(
        message=f'"{base}" has the musl C library, for which torch and many others have no wheels',
        hint="leave base out for a slim Debian image, or write: base: slim-bookworm",
        suggestions=("slim-bookworm",),
    )


def _unknown(python: str, base: str) -> BaseRefusal:
    names = base_names(python)
    known = (*names, *(release.codename for release in debian_releases()), "slim")
    near = nearest(base, known, most=3)
    return BaseRefusal(
        message=f'"{base}" is not a variant of the official Python image',
        hint=f"use one of {', '.join(near or names)}; or name a whole image, such as python:{python}-bookworm",
        suggestions=tuple(near or names),
    )
