"""The accelerator of an image, and the labels of accelerators in torch's indexes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from mlspec.facts.versions import major_version

PATTERN = re.compile(r"cpu|cuda(?:[0-9]+\.[0-9]+)?|rocm[0-9]+\.[0-9]+")
"""The accelerators that a spec may name."""

Kind = Literal["cpu", "cuda", "rocm"]


@dataclass(frozen=True, slots=True)
class Accelerator:
    """The CPU only, NVIDIA's CUDA (any version if ``version`` is empty), or AMD's ROCm; ``str`` is as in specs."""

    kind: Kind = "cpu"
    version: str = ""

    def __str__(self) -> str:
        """Return the spelling in a spec: ``cpu``, ``cuda``, ``cuda12.8``, ``rocm6.3``."""
        return f"{self.kind}{self.version}"

    @property
    def is_cpu(self) -> bool:
        """Whether the accelerator is the CPU only."""
        return self.kind == "cpu"

    @property
    def is_cuda(self) -> bool:
        """Whether the accelerator is CUDA, of any version."""
        return self.kind == "cuda"

    @property
    def is_rocm(self) -> bool:
        """Whether the accelerator is ROCm."""
        return self.kind == "rocm"

    @property
    def is_any_cuda(self) -> bool:
        """Whether the accelerator is CUDA without a version; then the packages of the default index decide on it."""
        return self.is_cuda and not self.version

    @property
    def major(self) -> str:
        """The major version; empty if there is none."""
        return major_version(self.version)

    @property
    def label(self) -> str | None:
        """The label of torch's index, ``cu128`` for CUDA 12.8; None for CUDA without a version."""
        if self.is_any_cuda:
            return None
        return f"cu{self.version.replace('.', '')}" if self.is_cuda else str(self)

    def covers(self, other: Accelerator) -> bool:
        """Return whether packages for another accelerator fit this one."""
        return self == other or (self.is_any_cuda and other.is_cuda)


CPU = Accelerator()


def parse_accelerator(text: str) -> Accelerator:
    """Return the accelerator that a text names; raises ValueError for any other text."""
    if found := re.fullmatch(r"(cpu|cuda|rocm)([0-9.]*)", text):
        kind: Kind = found[1]  # type: ignore[assignment]
        return Accelerator(kind, found[2])
    raise ValueError(text)


def from_label(label: str) -> Accelerator | None:
    """Return the accelerator of one of torch's labels, ``cpu``, ``cu128`` or ``rocm6.3``; None for another text."""
    if cuda := re.fullmatch(r"cu([0-9]+)([0-9])", label):
        return Accelerator("cuda", f"{cuda[1]}.{cuda[2]}")
    if re.fullmatch(r"cpu|rocm[0-9]+(?:\.[0-9]+)*", label):
        return parse_accelerator(label)
    return None
