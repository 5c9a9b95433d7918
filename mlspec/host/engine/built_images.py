"""Images that were built: their layers as the builder, the engine or a registry tells, and those of the last build."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

from mlspec.build.ownership import BuildMemory
from mlspec.build.report.built import BuiltImage, BuiltLayer, of_history, of_manifest, of_metadata
from mlspec.errors import ToolError
from mlspec.host.cache import proofs
from mlspec.host.engine import engine
from mlspec.host.network import registry

_FORMAT = "mlspec build 1"


def read_built_image(manifest: str, name: str, metadata_file: str | None = None) -> BuiltImage | None:
    """Return the image that was just built; None where nobody tells of it.

    What buildx wrote into its ``metadata_file`` lists the layers with the sizes that a push has. It does not where it
    is older, or where the engine does not keep images in containerd's store, and so no ``manifest``, a digest: then
    the engine is asked for the image called ``name``, and counts uncompressed.
    """
    text = b""
    if manifest and metadata_file:
        with contextlib.suppress(OSError):
            text = Path(metadata_file).read_bytes()
    return of_metadata(text, manifest) or _from_engine(name)


def _from_engine(name: str) -> BuiltImage | None:
    import docker
    import requests

    try:
        with contextlib.closing(engine.connect()) as client:
            image = client.images.get(name)
            layers = tuple(image.attrs["RootFS"]["Layers"])
            return of_history(str(image.id), layers, tuple(image.history()))
    except (ToolError, docker.errors.DockerException, requests.RequestException, KeyError, TypeError):
        return None


def in_registry(reference: str, platform: str) -> BuiltImage | None:
    """Return what a registry has under a name now; None where there is nothing, or no answer."""
    try:
        digest, text = registry.manifest(reference, platform)
    except ToolError:
        return None
    return of_manifest(text, digest)


# The last build


def last(folder: Path, image: str) -> BuiltImage | None:
    """Return what the last build of an image in a folder made, as far as the user's cache remembers."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        kept = json.loads(_place(folder, image).read_bytes())
        layers = tuple(BuiltLayer(str(digest), int(size)) for digest, size in kept["layers"])
        if kept["format"] == _FORMAT:
            return BuiltImage(digest=str(kept["digest"]), layers=layers, is_compressed=bool(kept["compressed"]))
    return None


def keep(folder: Path, image: str, found: BuiltImage) -> None:
    """Remember what a build made."""
    layers = [[layer.digest, layer.size] for layer in found.layers]
    kept = {"format": _FORMAT, "digest": found.digest, "compressed": found.is_compressed, "layers": layers}
    with contextlib.suppress(OSError):
        proofs.remember(str(_place(folder, image)), json.dumps(kept))


# Who built an image: a name such as "api" is used in many folders, and the engine has one image of it.


def remember_built(folder: Path, image: str, ids: Sequence[str]) -> None:
    """Remember the IDs of the image called ``image`` in ``folder``, and for each of them that this folder built it."""
    here = str(folder.resolve())
    with contextlib.suppress(OSError):
        proofs.remember(str(_place(folder, image, "last")), json.dumps(list(ids)))
        for name in ids:
            others = [other for other in _read_list(_place(Path(), name, "built")) if other != here]
            proofs.remember(str(_place(Path(), name, "built")), json.dumps([*others, here]))


def recall(folder: Path, image: str, name: str) -> BuildMemory:
    """Return what is remembered of the builds of an image in ``folder``, and of those that made the ID ``name``."""
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
    """Return the file for an image; raises FileNotFoundError where nothing is to be remembered."""
    cache = proofs.cache_folder()
    if not cache:
        raise FileNotFoundError
    owner = "" if kind == "built" else folder.resolve()
    return Path(cache, kind, hashlib.sha256(os.fsencode(f"{owner}\0{image}")).hexdigest())
