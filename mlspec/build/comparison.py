"""A comparison of two builds of one image: the layers and files that differ."""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class TarEntry:
    """One entry of a layer: its kind, its metadata, and the sha256 of its content or the target of its link."""

    kind: str
    mode: int
    owner: tuple[int, int]
    time: int
    content: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """A path of a layer and its differing aspects: content, kind, mode, owner, time, or missing in one build."""

    path: str
    aspects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LayerDifference:
    """A layer that differs between two builds; ``index`` is its place in the image, -1 for the configuration."""

    index: int
    files: tuple[Difference, ...]


def read_entries(layer: IO[bytes]) -> dict[str, TarEntry]:
    """Return the entries of a layer by path. The layer is a tar stream, which may be compressed.

    The function reads files in small pieces. Raises tarfile.TarError if the stream is not a tar stream.
    """
    found: dict[str, TarEntry] = {}
    with tarfile.open(fileobj=layer, mode="r|*") as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isreg() else None
            found[member.name] = TarEntry(
                kind=member.type.decode(),
                mode=member.mode,
                owner=(member.uid, member.gid),
                time=int(member.mtime),
                content=_digest(file) if file else member.linkname,
            )
    return found


def _digest(file: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def compare_entries(one: Mapping[str, TarEntry], other: Mapping[str, TarEntry]) -> tuple[Difference, ...]:
    """Return the differences between the entries of two layers, in the order of their paths."""
    paths = sorted(one.keys() | other.keys())
    found = (Difference(path, tuple(_aspects(one.get(path), other.get(path)))) for path in paths)
    return tuple(difference for difference in found if difference.aspects)


def _aspects(one: TarEntry | None, other: TarEntry | None) -> Iterator[str]:
    if one is None or other is None:
        yield f"missing in the {'first' if one is None else 'second'}"
        return
    for aspect in ("kind", "content", "mode", "owner", "time"):
        if getattr(one, aspect) != getattr(other, aspect):
            yield aspect


def compare_archives(one: IO[bytes], other: IO[bytes]) -> tuple[LayerDifference, ...]:
    """Return the layers that differ between two OCI archives of one image, with their differing files.

    The result is empty for equal images. The function does not read layers with equal digests. Raises ValueError,
    KeyError or tarfile.TarError if a file is not an OCI archive of one image.
    """
    with tarfile.open(fileobj=one, mode="r:") as first, tarfile.open(fileobj=other, mode="r:") as second:
        manifests = _manifest(first), _manifest(second)
        layers = [[str(layer["digest"]) for layer in manifest["layers"]] for manifest in manifests]
        found = tuple(_layers(first, second, *layers))
        is_same = manifests[0] == manifests[1]
    return found if found or is_same else (LayerDifference(-1, ()),)


def _layers(
    first: tarfile.TarFile, second: tarfile.TarFile, one: Sequence[str], other: Sequence[str]
) -> Iterator[LayerDifference]:
    for index in range(max(len(one), len(other))):
        pair = one[index : index + 1], other[index : index + 1]
        if pair[0] != pair[1]:
            mine, theirs = _entries(first, pair[0]), _entries(second, pair[1])
            yield LayerDifference(index, compare_entries(mine, theirs))


def _entries(archive: tarfile.TarFile, digests: Iterable[str]) -> dict[str, TarEntry]:
    return {path: entry for digest in digests for path, entry in read_entries(_blob(archive, digest)).items()}


def _blob(archive: tarfile.TarFile, digest: str) -> IO[bytes]:
    file = archive.extractfile(f"blobs/{digest.replace(':', '/')}")
    if file is None:
        raise ValueError(f"no blob {digest}")
    return file


def _manifest(archive: tarfile.TarFile) -> dict[str, list[dict[str, object]]]:
    return _read_image(archive)[1]


def _read_image(archive: tarfile.TarFile) -> tuple[str, dict[str, list[dict[str, object]]]]:
    """Return the digest and the manifest of the only image in an archive.

    The format is that of https://github.com/opencontainers/image-spec.
    """
    index = archive.extractfile("index.json")
    if index is None:
        raise ValueError("no index.json")
    (descriptor,) = json.load(index)["manifests"]
    digest = str(descriptor["digest"])
    found: dict[str, list[dict[str, object]]] = json.load(_blob(archive, digest))
    if len(found.get("manifests", [])) == 1:
        digest = str(found["manifests"][0]["digest"])
        found = json.load(_blob(archive, digest))
    return digest, found


def layer_count(archive: IO[bytes]) -> int:
    """Count the layers of the image in an OCI archive; raises the errors of :func:`compare_archives`."""
    with tarfile.open(fileobj=archive, mode="r:") as opened:
        return len(_manifest(opened)["layers"])


def digest(archive: IO[bytes]) -> str:
    """Return the digest that a push of the image in an OCI archive has.

    Raises the errors of :func:`compare_archives`.
    """
    with tarfile.open(fileobj=archive, mode="r:") as opened:
        return _read_image(opened)[0]
