"""A built image as an engine or a registry lists it: the digests and sizes of its layers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class BuiltLayer:
    """One layer: its digest, and its size in bytes."""

    digest: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltImage:
    """A built image: its digest and its layers, the lowest first.

    A push uploads compressed layers, which have digests of their own. Sizes of uncompressed layers are those on the
    engine's disk, and their digests are those of their contents.
    """

    digest: str
    layers: tuple[BuiltLayer, ...]
    is_compressed: bool

    @property
    def size(self) -> int:
        """The total size of all layers in bytes."""
        return sum(layer.size for layer in self.layers)


def of_manifest(text: bytes, digest: str) -> BuiltImage | None:
    """Parse a manifest, or return None if ``text`` is not the manifest of an image.

    https://github.com/opencontainers/image-spec/blob/main/manifest.md; Docker's own format has the same fields.
    """
    try:
        layers = json.loads(text)["layers"]
        found = tuple(BuiltLayer(str(layer["digest"]), int(layer["size"])) for layer in layers)
    except (ValueError, KeyError, TypeError):
        return None
    return BuiltImage(digest=digest, layers=found, is_compressed=True)


def of_metadata(text: bytes, digest: str) -> BuiltImage | None:
    """Return the image from the metadata of its build, or None if the metadata lists no layers.

    The metadata lists layers if it holds the full provenance: BUILDX_METADATA_PROVENANCE=max, since buildx 0.14. For
    each step of the build, the provenance lists all layers from the lowest to the step's own.
    https://github.com/moby/buildkit/blob/master/docs/attestations/slsa-definitions.md
    """
    try:
        chains, last = _read_chains(text)
        layers = tuple(BuiltLayer(str(layer["digest"]), int(layer["size"])) for layer in chains[last][0])
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        return None
    return BuiltImage(digest=digest, layers=layers, is_compressed=True) if layers else None


def lacks_last_step(text: bytes) -> bool:
    """Tell whether the metadata of a build lists the layers of some steps, but not those of the last step.

    BuildKit omits a step that a simultaneous build did for this one.
    """
    try:
        chains, last = _read_chains(text)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        return False
    return bool(chains) and last not in chains


def _read_chains(text: bytes) -> tuple[Mapping[str, Any], str]:
    """Return the layers up to each step, and the step that made the image: the only input of the graph's last node."""
    provenance = json.loads(text)["buildx.build.provenance"]
    chains = provenance["metadata"]["https://mobyproject.org/buildkit@v1#metadata"]["layers"]
    return dict(chains), str(provenance["buildConfig"]["llbDefinition"][-1]["inputs"][0])


# BuildKit and the classic builder write the instruction to CreatedBy. These instructions make a layer, even an empty
# one.
_MAKES_LAYER = ("RUN ", "COPY ", "ADD ", "WORKDIR ")


def of_history(digest: str, layers: tuple[str, ...], history: tuple[Mapping[str, Any], ...]) -> BuiltImage:
    """Return an image from the engine's data.

    ``layers`` are digests of uncompressed contents, the lowest layer first. ``history`` is that of ``docker history``,
    the newest entry first, with uncompressed sizes.
    """
    sizes = [
        int(entry.get("Size") or 0)
        for entry in history
        if entry.get("Size") or str(entry.get("CreatedBy", "")).startswith(_MAKES_LAYER)
    ]
    # An entry of the base may be an empty layer in another notation. The entries of this build come first.
    sizes = (sizes + [0] * len(layers))[: len(layers)][::-1]
    found = tuple(BuiltLayer(layer, size) for layer, size in zip(layers, sizes, strict=True))
    return BuiltImage(digest=digest, layers=found, is_compressed=False)
