"""Typed rows of ``data/accelerators.toml``: the package indexes of the torch family."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from mlspec.facts.accelerator import from_label
from mlspec.facts.tables import table
from mlspec.facts.versions import parse_release


@dataclass(frozen=True, slots=True, kw_only=True)
class TorchIndex:
    """A package index of the torch family, and the local version label of its wheels."""

    kind: str
    label: str
    url: str
    version: str = ""
    first: str = ""
    last: str = ""
    driver: str = ""

    def has(self, torch: str) -> bool:
        """Return whether the minor version of ``torch`` is known to have builds with this label."""
        minor = parse_release(torch)[:2]
        if not self.first or minor < parse_release(self.first):
            return False
        return not self.last or minor <= parse_release(self.last)


@cache
def torch_indexes() -> tuple[TorchIndex, ...]:
    """Return the known indexes of the torch family: cpu, then cuda and rocm, oldest first."""
    found = table("accelerators")
    return tuple(TorchIndex(**row, url=found["url"].format(label=row["label"])) for row in found["index"])


@cache
def torch_packages() -> tuple[str, ...]:
    """Return the names of the packages that the torch indexes serve."""
    return tuple(table("accelerators")["packages"])


def torch_index(label: str) -> TorchIndex:
    """Return the index of a label; an unknown label gets an index by the pattern of the others."""
    known = next((index for index in torch_indexes() if index.label == label), None)
    accelerator = from_label(label)
    kind = accelerator.kind if accelerator else label
    return known or TorchIndex(kind=kind, label=label, url=table("accelerators")["url"].format(label=label))


def least_driver(cuda: str) -> str:
    """Return the oldest Linux driver for a CUDA version; empty if its major version is unknown."""
    major = parse_release(cuda)[:1]
    return next((row.driver for row in torch_indexes() if row.driver and parse_release(row.version)[:1] == major), "")
