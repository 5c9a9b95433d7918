"""What was built, as an engine or a registry lists it: an image's layers by digest, with their sizes."""

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
    """An image by its layers, the lowest first.

    Compressed layers are those that a push uploads, under their own digests; the others are counted as they lie on the
    engine's disk, and their digests are of what they hold.
    """

    digest: str
    layers: tuple[BuiltLayer, ...]
    is_compressed: bool

    @property
    def size(self) -> int:
        """The bytes of all layers together."""
        return sum(layer.size for layer in self.layers)


def of_manifest(text: bytes, digest: str) -> BuiltImage | None:
    """Return the image that a manifest lists, or None where the text is that of no image.

    https://github.com/opencontainers/image-spec/blob/main/manifest.md; Docker's own format has the same fields.
    """
    try:
        layers = json.loads(text)["layers"]
        found = tuple(BuiltLayer(str(layer["digest"]), int(layer["size"])) for layer in layers)
    except (ValueError, KeyError, TypeError):
        return None
    return BuiltImage(digest=digest, layers=found, is_compressed=True)


def of_metadata(text: bytes, digest: str) -> BuiltImage | None:
    """Return the image whose layers the metadata of its build list, or None where they list none.

    They do where they hold the whole provenance: BUILDX_METADATA_PROVENANCE=max, since buildx 0.14. It lists, for each
    step of the build, all layers from the lowest to its own; the last step's are the image's.
    https://github.com/moby/buildkit/blob/master/docs/attestations/slsa-definitions.md
    """
    try:
        provenance = json.loads(text)["buildx.build.provenance"]
        steps = provenance["metadata"]["https://mobyproject.org/buildkit@v1#metadata"]["layers"]
        chains = {int(name.removeprefix("step").partition(":")[0]): chain[0] for name, chain in steps.items()}
        last = chains[max(chains)]
        layers = tuple(BuiltLayer(str(layer["digest"]), int(layer["size"])) for layer in last)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        return None
    is_whole = bool(layers) and len(layers) == max(map(len, chains.values()))
    return BuiltImage(digest=digest, layers=layers, is_compressed=True) if is_whole else None


# BuildKit and the classic builder write the instruction here; these make a layer, if only an empty one.
_MAKES_LAYER = ("RUN ", "COPY ", "ADD ", "WORKDIR ")


def of_history(digest: str, layers: tuple[str, ...], history: tuple[Mapping[str, Any], ...]) -> BuiltImage:
    """Return the image that an engine tells of: ``layers`` by the digests of what they hold, the lowest first, and the
    ``history`` of ``docker history``, the newest first. Its sizes are uncompressed.
    """
    sizes = [
        int(entry.get("Size") or 0)
        for entry in history
        if entry.get("Size") or str(entry.get("CreatedBy", "")).startswith(_MAKES_LAYER)
    ]
    # An entry below may be written in another way and weigh nothing; those of this build stand at the top.
    sizes = (sizes + [0] * len(layers))[: len(layers)][::-1]
    found = tuple(BuiltLayer(layer, size) for layer, size in zip(layers, sizes, strict=True))
    return BuiltImage(digest=digest, layers=found, is_compressed=False)
