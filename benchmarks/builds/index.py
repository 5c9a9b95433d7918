"""A package index on the loopback address that serves a folder of wheels, so that no network affects a measurement."""

from __future__ import annotations

import hashlib
import http.server
import json
import re
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, unquote

from packaging.utils import canonicalize_name, parse_wheel_filename

_JSON = "application/vnd.pypi.simple.v1+json"
_PIECE = 1 << 20


class Wheels:
    """The wheels of a folder, and the pages and metadata that an index serves for them (PEP 691, PEP 658)."""

    def __init__(self, folder: Path) -> None:
        self.files = {path.name: path for path in sorted(folder.glob("*.whl"))}
        digests = {name: _digest(path) for name, path in self.files.items()}
        self.metadata = {f"{name}.metadata": _metadata(path) for name, path in self.files.items()}
        self.pages: dict[str, list[dict[str, object]]] = {}
        for name, path in self.files.items():
            row = {
                "filename": name,
                "url": f"/files/{quote(name)}",
                "hashes": {"sha256": digests[name]},
                "size": path.stat().st_size,
                "core-metadata": {"sha256": hashlib.sha256(self.metadata[f"{name}.metadata"]).hexdigest()},
            }
            self.pages.setdefault(canonicalize_name(parse_wheel_filename(name)[0]), []).append(row)

    def page(self, project: str) -> bytes | None:
        """Return the JSON page of a project, or None for an unknown project."""
        if not (rows := self.pages.get(canonicalize_name(project))):
            return None
        versions = sorted({str(parse_wheel_filename(str(row["filename"]))[1]) for row in rows})
        page = {"meta": {"api-version": "1.1"}, "name": project, "files": rows, "versions": versions}
        return json.dumps(page).encode()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _metadata(path: Path) -> bytes:
    with zipfile.ZipFile(path) as wheel:
        return wheel.read(next(name for name in wheel.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", name)))


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wheels: Wheels

    def do_HEAD(self) -> None:
        """Answer with headers only."""
        self.do_GET()

    def do_GET(self) -> None:
        """Answer with a page, the metadata of a wheel, a wheel, or a range of a wheel."""
        place, _, name = unquote(self.path).strip("/").partition("/")
        if place == "files" and name in self.wheels.files:
            self._send_file(self.wheels.files[name])
        elif place == "files" and name in self.wheels.metadata:
            self._send(self.wheels.metadata[name], "application/octet-stream")
        elif place == "simple" and (page := self.wheels.page(name)):
            self._send(page, _JSON)
        else:
            self.send_error(404)

    def _send(self, body: bytes, kind: str) -> None:
        self._begin(200, kind, len(body))
        if self.command == "GET":
            self.wfile.write(body)

    def _send_file(self, path: Path) -> None:
        whole = path.stat().st_size
        first, last, code = 0, whole - 1, 200
        if wanted := re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", "")):
            code = 206
            first = int(wanted[1]) if wanted[1] else whole - int(wanted[2])
            last = int(wanted[2]) if wanted[1] and wanted[2] else last
        self._begin(code, "application/octet-stream", last - first + 1, f"bytes {first}-{last}/{whole}")
        left = last - first + 1 if self.command == "GET" else 0
        with path.open("rb") as file:
            file.seek(first)
            while left > 0 and (piece := file.read(min(_PIECE, left))):
                self.wfile.write(piece)
                left -= len(piece)

    def _begin(self, code: int, kind: str, length: int, part: str = "") -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(length))
        self.send_header("Accept-Ranges", "bytes")
        if code == 206:
            self.send_header("Content-Range", part)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Serve the wheels of ``folder``, and yield the address of the index, which ends in ``/simple/``."""
    handler = type("Handler", (_Handler,), {"wheels": Wheels(folder)})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/simple/"
    finally:
        server.shutdown()
        server.server_close()
