"""Built images: their layers, from buildx, the engine or a registry, and the cached facts of the last build."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mlspec.build.report.built import (
    BuiltImage,
    BuiltLayer,
    lacks_last_step,
    of_history,
    of_manifest,
    of_metadata,
)
from mlspec.host.cache import proofs

if TYPE_CHECKING:
    from mlspec.build.ownership import BuildMemory

_FORMAT = "mlspec build 1"


def read_built_image(manifest: str, name: str, metadata_file: str | None = None) -> BuiltImage | None:
    """Return the image of the last build; None if neither buildx nor the engine describes it.

    The ``metadata_file`` of buildx lists the layers with their compressed sizes, as in a push. An older buildx lists no
    layers. An engine without containerd's image store makes no manifest, so the digest ``manifest`` is empty. In both
    cases, the engine describes the image called ``name``, with uncompressed sizes.
    """
    text = _read_metadata(metadata_file) if manifest else b""
    return of_metadata(text, manifest) or _from_engine(name)


def is_incomplete(metadata_file: str | None) -> bool:
    """Return whether the metadata file of buildx lacks layers that a second run of the same build would list."""
    return lacks_last_step(_read_metadata(metadata_file))


def _read_metadata(file: str | None) -> bytes:
    if file:
        with contextlib.suppress(OSError):
            return Path(file).read_bytes()
    return b""


def _from_engine(name: str) -> BuiltImage | None:
    import docker
    import requests

    from mlspec.errors import ToolError
    from mlspec.host.engine import engine

    try:
        with contextlib.closing(engine.connect()) as client:
            image = client.images.get(name)
            layers = tuple(image.attrs["RootFS"]["Layers"])
            return of_history(str(image.id), layers, tuple(image.history()))
    except (ToolError, docker.errors.DockerException, requests.RequestException, KeyError, TypeError):
        return None


def in_registry(reference: str, platform: str) -> BuiltImage | None:
    """Return the current image of a reference in its registry; None if there is no such image or no answer."""
    from mlspec.errors import ToolError
    from mlspec.host.network import registry

    try:
        digest, text = registry.manifest(reference, platform)
    except ToolError:
        return None
    return of_manifest(text, digest)


# The last build of an image


def last(folder: Path, image: str) -> BuiltImage | None:
    """Return the image of the last build in a folder from the user's cache; None if the cache does not have it."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        kept = json.loads(_place(folder, image).read_bytes())
        layers = tuple(BuiltLayer(str(digest), int(size)) for digest, size in kept["layers"])
        if kept["format"] == _FORMAT:
            return BuiltImage(digest=str(kept["digest"]), layers=layers, is_compressed=bool(kept["compressed"]))
    return None


def keep(folder: Path, image: str, found: BuiltImage) -> None:
    """Store the image of a build in the user's cache."""
    layers = [[layer.digest, layer.size] for layer in found.layers]
    kept = {"format": _FORMAT, "digest": found.digest, "compressed": found.is_compressed, "layers": layers}
    with contextlib.suppress(OSError):
        proofs.remember(str(_place(folder, image)), json.dumps(kept))


# The folders that built an image: many folders may use a name such as "api", but the engine has one image of that name.


def remember_built(folder: Path, image: str, ids: Sequence[str]) -> None:
    """Store the IDs of ``image`` for ``folder``, and for each ID that ``folder`` built it."""
    here = str(folder.resolve())
    with contextlib.suppress(OSError):
        proofs.remember(str(_place(folder, image, "last")), json.dumps(list(ids)))
        for name in ids:
            others = [other for other in _read_list(_place(Path(), name, "built")) if other != here]
            proofs.remember(str(_place(Path(), name, "built")), json.dumps([*others, here]))


def recall(folder: Path, image: str, name: str) -> BuildMemory:
    """Return the IDs from the last build of ``image`` in ``folder``, and the folders that built the ID ``name``."""
    from mlspec.build.ownership import BuildMemory

    here = str(folder.resolve())
    try:
        last, builders = _place(folder, image, "last"), _place(Path(), name, "built")
    except FileNotFoundError:
        return BuildMemory(folder=here)
    return BuildMemory(folder=here, last=frozenset(_read_list(last)), builders=tuple(_read_list(builders)))


def _read_list(place: Path) -> list[str]:
    try:
        found = json.loads(place.read_bytes())
    except (OSError, ValueError):
        return []
    return [str(item) for item in found] if isinstance(found, list) else []


def _place(folder: Path, image: str, kind: str = "builds") -> Path:
    """Return the path of the cache file for an image; raises FileNotFoundError if there is no cache folder."""
    cache = proofs.cache_folder()
    if not cache:
        raise FileNotFoundError
    owner = "" if kind == "built" else folder.resolve()
    return Path(cache, kind, hashlib.sha256(os.fsencode(f"{owner}\0{image}")).hexdigest())
