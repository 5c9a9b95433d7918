"""OCI archives of images in memory, in the format of builders."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence

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
