"""A registry on the loopback address that accepts pushes, counts their bytes, and keeps only manifests."""

from __future__ import annotations

import hashlib
import http.server
import json
import threading
import uuid
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

_PIECE = 1 << 20


@dataclass
class Sink:
    """The pushes so far: digests of each repository, uploaded bytes of layers and configurations, and manifests."""

    address: str = ""
    bytes: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    digests: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    manifests: dict[str, dict[str, object]] = field(default_factory=dict)
    started: dict[str, int] = field(default_factory=dict)


class _Handler(http.server.BaseHTTPRequestHandler):
    """The push half of the distribution specification 1.1, without mounts of blobs from other repositories."""

    protocol_version = "HTTP/1.1"
    # Engines try TLS first; an answer with a status line shows them that this server speaks plain HTTP.
    default_request_version = "HTTP/1.0"
    sink: Sink

    def _where(self) -> tuple[str, str, str]:
        """Return the repository, the kind of the object, and its name."""
        path = urlsplit(self.path).path.removeprefix("/v2/")
        for kind in ("blobs/uploads", "blobs", "manifests"):
            if f"/{kind}/" in path:
                repository, _, name = path.partition(f"/{kind}/")
                return repository, kind, name
        return path, "", ""

    def _answer(self, code: int, **headers: str) -> None:
        self.send_response(code)
        for name, value in {"Content-Length": "0", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def _received(self) -> tuple[int, str, bytes]:
        """Return the size, the digest and the first piece of the request's body."""
        digest, size, start = hashlib.sha256(), 0, b""
        for piece in self._pieces():
            digest.update(piece)
            size += len(piece)
            start = start or piece
        return size, f"sha256:{digest.hexdigest()}", start

    def _pieces(self) -> Iterator[bytes]:
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            while length := int(self.rfile.readline(), 16):
                yield self.rfile.read(length)
                self.rfile.readline()
            self.rfile.readline()
            return
        left = int(self.headers.get("Content-Length", 0))
        while left > 0:
            piece = self.rfile.read(min(_PIECE, left))
            left -= len(piece)
            yield piece

    def do_GET(self) -> None:
        """Confirm that this is a registry."""
        self._answer(200)

    def do_HEAD(self) -> None:
        """Answer whether the repository has a digest or a tag."""
        repository, _, name = self._where()
        self._answer(200 if name in self.sink.digests[repository] else 404)

    def do_POST(self) -> None:
        """Begin an upload."""
        repository, _, _ = self._where()
        name = uuid.uuid4().hex
        self.sink.started[name] = 0
        self._received()
        self._answer(202, Location=f"/v2/{repository}/blobs/uploads/{name}", Docker_Upload_UUID=name)

    def do_PATCH(self) -> None:
        """Receive a part of an upload."""
        repository, _, name = self._where()
        self.sink.started[name] += self._received()[0]
        place = f"/v2/{repository}/blobs/uploads/{name}"
        self._answer(202, Location=place, Range=f"0-{self.sink.started[name] - 1}")

    def do_PUT(self) -> None:
        """Receive the last part of an upload, or a manifest."""
        repository, kind, name = self._where()
        size, digest, start = self._received()
        if kind == "manifests":
            self.sink.manifests[digest] = json.loads(start)
            self.sink.digests[repository] |= {digest, name}
        else:
            digest = parse_qs(urlsplit(self.path).query)["digest"][0]
            self.sink.bytes[repository] += self.sink.started.pop(name) + size
            self.sink.digests[repository].add(digest)
        self._answer(201, Docker_Content_Digest=digest)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextmanager
def listening() -> Iterator[Sink]:
    """Run a registry that accepts pushes, and yield its sink."""
    sink = Sink()
    handler = type("Handler", (_Handler,), {"sink": sink})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    sink.address = f"127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield sink
    finally:
        server.shutdown()
        server.server_close()
