"""Two builds of one image, laid side by side."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence

import pytest

from mlspec.comparison import Difference, LayerDifference, compared, layer_count

Files = Mapping[str, bytes | tarfile.TarInfo]


def packed(files: Files) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            if isinstance(content, tarfile.TarInfo):
                archive.addfile(content)
                continue
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def image(*layers: Files, config: bytes = b"{}") -> io.BytesIO:
    blobs = [gzip.compress(packed(layer), mtime=0) for layer in layers]
    digests = [hashlib.sha256(blob).hexdigest() for blob in blobs]
    listed: Sequence[dict[str, str]] = [{"digest": f"sha256:{digest}"} for digest in digests]
    manifest = json.dumps({"config": hashlib.sha256(config).hexdigest(), "layers": listed}).encode()
    name = hashlib.sha256(manifest).hexdigest()
    index = json.dumps({"manifests": [{"digest": f"sha256:{name}"}]}).encode()
    files = {f"blobs/sha256/{digest}": blob for digest, blob in zip(digests, blobs, strict=True)}
    return io.BytesIO(packed({**files, f"blobs/sha256/{name}": manifest, "index.json": index}))


def link(name: str, **values: object) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.SYMTYPE, "a"
    for key, value in values.items():
        setattr(info, key, value)
    return info


BASE: Files = {"etc/passwd": b"root"}


def test_the_same_image_differs_in_nothing() -> None:
    assert compared(image(BASE, {"a": b"1"}), image(BASE, {"a": b"1"})) == ()


@pytest.mark.parametrize(
    ("one", "other", "difference"),
    [
        ({"a": b"1"}, {"a": b"2"}, Difference("a", ("content",))),
        ({"a": b"1"}, {}, Difference("a", ("missing in the second",))),
        ({}, {"a": b"1"}, Difference("a", ("missing in the first",))),
        ({"b": link("b")}, {"b": link("b", linkname="c")}, Difference("b", ("content",))),
        ({"b": link("b")}, {"b": link("b", mode=0o700)}, Difference("b", ("mode",))),
        ({"b": link("b")}, {"b": link("b", uid=5)}, Difference("b", ("owner",))),
        ({"b": link("b")}, {"b": link("b", mtime=5)}, Difference("b", ("time",))),
        ({"b": link("b")}, {"b": link("b", type=tarfile.DIRTYPE, linkname="")}, Difference("b", ("kind", "content"))),
    ],
    ids=["content", "second", "first", "link", "mode", "owner", "time", "kind"],
)
def test_a_difference_is_named_by_its_path_and_what_differs(one: Files, other: Files, difference: Difference) -> None:
    assert compared(image(BASE, one), image(BASE, other)) == (LayerDifference(1, (difference,)),)


def test_the_order_of_files_makes_another_layer_of_the_same_files() -> None:
    found = compared(image({"a": b"1", "b": b"2"}), image({"b": b"2", "a": b"1"}))

    assert found == (LayerDifference(0, ()),)


def test_a_layer_more_is_a_difference() -> None:
    found = compared(image(BASE), image(BASE, {"a": b"1"}))

    assert found == (LayerDifference(1, (Difference("a", ("missing in the first",)),)),)


def test_images_of_the_same_layers_may_differ_in_their_configuration() -> None:
    assert compared(image(BASE), image(BASE, config=b"[]")) == (LayerDifference(-1, ()),)


def test_the_layers_of_an_image_are_counted() -> None:
    assert layer_count(image(BASE, {"a": b"1"})) == 2
