"""Typed rows of ``data/frameworks.toml`` and ``data/gpus.toml``: Pythons with wheels, GPUs, and builds with kernels."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from mlspec.facts.tables import frozen, table
from mlspec.facts.versions import major_version, parse_release
from mlspec.text import nearest

_SIZE = re.compile(
    r"(?<![\s_-])[\s_-]*\b(?:\d+\s*gb?|pcie|sxm\d*|nvl\d*|hbm\d\w*|generation|edition|workstation|server|max-?q)\b"
)
_MAKER = re.compile(r"\b(?:nvidia|geforce|tesla|quadro|blackwell|jetson(?! t))\b|[\s_-]+")
_ARCHITECTURE = re.compile(r"(?:sm_?)(\d+)(\d)[a-z]?")


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameworkRelease:
    """A minor version of a framework, and the first and last minor version of Python with wheels for it."""

    version: str
    first: str
    last: str

    def has(self, python: str) -> bool:
        """Return whether there are wheels for this Python."""
        return parse_release(self.first) <= parse_release(python)[:2] <= parse_release(self.last)


@dataclass(frozen=True, slots=True, kw_only=True)
class TorchBuild:
    """Builds of torch, from one minor version to another, and the compute capabilities of their kernels."""

    cuda: str
    platform: str
    first: str
    last: str
    architectures: tuple[str, ...]
    ptx: str = ""

    def has(self, torch: str) -> bool:
        """Return whether the minor version of ``torch`` is one of these builds."""
        return parse_release(self.first) <= parse_release(torch)[:2] <= parse_release(self.last)

    def runs_on(self, capability: str) -> bool:
        """Return whether a GPU of this compute capability runs the kernels.

        Kernels run on GPUs of the same major version and of the same or a later minor version. PTX runs on all later
        GPUs: docs.nvidia.com/cuda/cuda-c-programming-guide, binary compatibility and PTX compatibility.
        """
        gpu = parse_release(capability)
        same = any(parse_release(a)[0] == gpu[0] and parse_release(a) <= gpu for a in self.architectures)
        return same or (bool(self.ptx) and parse_release(self.ptx) <= gpu)


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """A range of a package's releases, with the CUDA version (such as 12.5 or 12) and cuDNN major version of each."""

    package: str
    first: str
    last: str = ""
    cuda: str = ""
    cudnn: str = ""

    def has(self, version: str) -> bool:
        """Return whether a version of the package is one of these releases."""
        minor = parse_release(version)[:2]
        return parse_release(self.first) <= minor and (not self.last or minor <= parse_release(self.last))


@cache
def releases(framework: str) -> tuple[FrameworkRelease, ...]:
    """Return the known minor versions of a framework, oldest first; none for an unknown framework."""
    rows = table("frameworks").get(framework, {}).get("releases", ())
    return tuple(FrameworkRelease(**row) for row in rows)


@cache
def builds(platform: str) -> tuple[TorchBuild, ...]:
    """Return the known builds of torch for CUDA on a platform, by CUDA version, oldest first."""
    rows = table("frameworks")["kernels"]["builds"]
    made = (TorchBuild(**frozen(row)) for row in rows)
    return tuple(build for build in made if build.platform == platform)


def find_builds(cuda: str, torch: str, platform: str) -> tuple[TorchBuild, ...]:
    """Return the known builds of a torch version for a CUDA version; of all torch versions if ``torch`` is empty."""
    return tuple(build for build in builds(platform) if build.cuda == cuda and (not torch or build.has(torch)))


@cache
def _libraries() -> tuple[Library, ...]:
    return tuple(Library(**row) for row in table("frameworks")["libraries"]["builds"])


def library(package: str, version: str) -> Library | None:
    """Return the build facts of a version of a package; None if unknown."""
    return next((row for row in _libraries() if version and row.package == package and row.has(version)), None)


def built_for(package: str, cuda: str = "", *, cudnn: str = "") -> tuple[str, ...]:
    """Return requirements for releases of a package that are built for a CUDA version or a cuDNN version.

    Other names of the same package count too. Only the major version of CUDA counts. The newest releases come first.
    """
    names = (package, *table("frameworks")["libraries"]["names"].get(package, ()))
    rows = [row for row in reversed(_libraries()) if row.package in names]
    major = major_version(cuda)
    fitting = (
        row for row in rows if (not major or major_version(row.cuda) == major) and (not cudnn or row.cudnn == cudnn)
    )
    return tuple(f"{row.package}{_range(row)}" for row in fitting)


def _range(row: Library) -> str:
    if not row.last:
        return f">={row.first}" if row.package in {other.package for other in _libraries() if other.last} else ""
    return f"=={row.last}.*"


def torch_has_cuda(version: str, platform: str) -> bool:
    """Return whether torch's wheels on the main index are known, or assumed, to be for CUDA on a platform."""
    return platform != "linux/arm64" or parse_release(version)[:2] >= parse_release(first_with_cuda())


def first_with_cuda() -> str:
    """Return the first minor version of torch whose wheels for arm64 on the main index are for CUDA."""
    return str(table("frameworks")["arm"]["cuda_since"])


@cache
def _capabilities() -> Mapping[str, str]:
    rows = table("gpus")["capabilities"].items()
    return {name: capability for capability, names in rows for name in names}


def capability(gpu: str) -> str:
    """Return the compute capability of a GPU, named as rtx5090, NVIDIA L40S or sm_120; empty if unknown."""
    if found := _ARCHITECTURE.fullmatch(gpu.lower()):
        return f"{found[1]}.{found[2]}"
    return _capabilities().get(plain_gpu(gpu), "")


def near_gpus(gpu: str) -> tuple[str, ...]:
    """Return the known GPU names nearest to an unknown one, best first."""
    return nearest(plain_gpu(gpu), _capabilities(), most=3)


def plain_gpu(gpu: str) -> str:
    """Return the name of a GPU as in the table: NVIDIA GeForce RTX 5090 and RTX_5090 are rtx5090."""
    return _MAKER.sub("", _SIZE.sub("", gpu.lower()))


def architecture(capability: str) -> str:
    """Return a compute capability in the spelling of compilers and torch: 12.0 is sm_120."""
    return f"sm_{capability.replace('.', '')}"
