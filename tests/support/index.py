"""A package index for tests: wheels and sources made in memory and served on the loopback address."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import re
import ssl
import tarfile
import urllib.parse
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType

from packaging.utils import canonicalize_name

from tests.support import servers

_EPOCH = (2020, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class File:
    """One file of a release on an index."""

    name: str
    project: str
    data: bytes
    requires_python: str = ""
    yanked: bool = False
    metadata: str = ""
    uploaded: str = ""

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


def metadata(name: str, version: str, requires: Iterable[str] = (), requires_python: str = "") -> str:
    """Return static core metadata for a wheel or a source."""
    lines = ["Metadata-Version: 2.2", f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Python: {requires_python}"] if requires_python else []
    for requirement in requires:
        if "extra ==" in requirement:
            lines.append(f"Provides-Extra: {requirement.rpartition('extra ==')[2].strip(' )').strip(chr(34))}")
        lines.append(f"Requires-Dist: {requirement}")
    return "\n".join(lines) + "\n"


def wheel(
    name: str,
    version: str,
    requires: Iterable[str] = (),
    *,
    tag: str = "py3-none-any",
    requires_python: str = "",
    size: int = 0,
    yanked: bool = False,
    modules: Mapping[str, str] = MappingProxyType({}),
    entry_points: str = "",
) -> File:
    """Return a wheel of at least ``size`` bytes, with ``modules`` by name beside its own empty module."""
    stem = f"{name.replace('-', '_').replace('.', '_')}-{version}"
    text = metadata(name, version, requires, requires_python)
    contents = {
        f"{stem.partition('-')[0]}.py": b"",
        f"{stem}.dist-info/METADATA": text.encode(),
        f"{stem}.dist-info/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n".encode(),
    }
    contents |= {f"{module}.py": text.encode() for module, text in modules.items()}
    if entry_points:
        contents[f"{stem}.dist-info/entry_points.txt"] = entry_points.encode()
    if size:
        contents[f"{stem.partition('-')[0]}_data.bin"] = bytes(size)
    record = "".join(f"{path},{_record_hash(data)},{len(data)}\n" for path, data in contents.items())
    contents[f"{stem}.dist-info/RECORD"] = f"{record}{stem}.dist-info/RECORD,,\n".encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for path, data in contents.items():
            archive.writestr(zipfile.ZipInfo(path, _EPOCH), data)
    return File(f"{stem}-{tag}.whl", canonicalize_name(name), buffer.getvalue(), requires_python, yanked, text)


def _record_hash(data: bytes) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def sdist(
    name: str,
    version: str,
    requires: Iterable[str] = (),
    *,
    requires_python: str = "",
    contents: Mapping[str, str] | None = None,
) -> File:
    """Return a source with static metadata and ``contents``.

    Without contents, the source has a backend that fails, so nothing can build it.
    """
    stem = f"{name}-{version}"
    text = metadata(name, version, requires, requires_python)
    backend = '[build-system]\nrequires = []\nbuild-backend = "nothing"\nbackend-path = ["."]\n'
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        made = contents or {"pyproject.toml": backend, "nothing.py": "raise SystemExit(1)\n"}
        for path, content in {"PKG-INFO": text, **made}.items():
            member = tarfile.TarInfo(f"{stem}/{path}")
            member.size = len(content.encode())
            archive.addfile(member, io.BytesIO(content.encode()))
    return File(f"{stem}.tar.gz", canonicalize_name(name), buffer.getvalue(), requires_python)


def dynamic(name: str, version: str, told: str, *, build: Iterable[str] = (), asks: Iterable[str] = ()) -> File:
    """Return a source with dynamic metadata, so only its build gives the metadata.

    ``told`` is Python code that sets ``requires``. ``build`` are the build requirements in pyproject.toml, and ``asks``
    those that the backend returns.
    """
    project = f'[build-system]\nrequires = {list(build)!r}\nbuild-backend = "own"\nbackend-path = ["."]\n'
    lines = "".join(f"    {line}\n" for line in told.splitlines())
    head = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    backend = (
        "import os, zipfile\n"
        f"def get_requires_for_build_wheel(settings=None):\n    return {list(asks)!r}\n"
        f"def prepare_metadata_for_build_wheel(folder, settings=None):\n{lines}"
        f"    name = '{name.replace('-', '_')}-{version}.dist-info'\n"
        "    os.mkdir(os.path.join(folder, name))\n"
        "    with open(os.path.join(folder, name, 'METADATA'), 'w') as file:\n"
        f"        file.write({head!r} + ''.join(f'Requires-Dist: {{text}}\\n' for text in requires))\n"
        "    return name\n"
    )
    file = sdist(name, version, contents={"pyproject.toml": project, "own.py": backend})
    # Metadata 2.1 is the last version whose fields are not static in a source.
    old = gzip.compress(gzip.decompress(file.data).replace(b"Metadata-Version: 2.2", b"Metadata-Version: 2.1"))
    return File(file.name, file.project, old)


@dataclass
class PackageIndex:
    """A package index with files under ``url``; ``login`` is the required login, or "".

    ``requests`` are the received requests as (method, path), ``logins`` the logins in them, and ``agents``
    the programs that sent them.
    """

    files: list[File]
    as_json: bool = True
    with_hashes: bool = True
    login: str = ""
    status: int = 200
    host: str = "127.0.0.1"
    certificate: Path | None = None
    url: str = ""
    requests: list[tuple[str, str]] = field(default_factory=list)
    agents: set[str] = field(default_factory=set)
    logins: set[str] = field(default_factory=set)
    bytes_sent: int = 0

    def add(self, *files: File) -> None:
        """Add files to the index."""
        self.files.extend(files)

    @property
    def pages(self) -> set[str]:
        """The packages whose pages were requested."""
        return {path.split("/")[2] for _, path in self.requests if path.startswith("/simple/") and path.count("/") > 2}

    @property
    def downloads(self) -> set[str]:
        """The files that were downloaded."""
        return {path.rpartition("/")[2] for method, path in self.requests if method == "GET" and "/files/" in path}

    def answer(self, path: str, authorization: str) -> tuple[int, str, bytes]:
        """Return the status, the content type and the body for a path."""
        if self.status != 200:
            return self.status, "text/plain", b""
        if self.login and authorization != "Basic " + base64.b64encode(self.login.encode()).decode():
            return 401, "text/plain", b""
        parts = path.strip("/").split("/")
        if parts[0] == "files":
            return self._file(parts[1])
        files = [file for file in self.files if file.project == parts[1]]
        if not files:
            return 404, "text/plain", b""
        if self.as_json:
            return 200, "application/vnd.pypi.simple.v1+json", json.dumps(self._json(parts[1], files)).encode()
        return 200, "text/html", self._html(files).encode()

    def _file(self, name: str) -> tuple[int, str, bytes]:
        for file in self.files:
            if name == file.name:
                return 200, "application/octet-stream", file.data
            if file.metadata and name == f"{file.name}.metadata":
                return 200, "text/plain", file.metadata.encode()
        return 404, "text/plain", b""

    def _json(self, project: str, files: list[File]) -> dict[str, object]:
        rows = [
            {
                "filename": file.name,
                "url": f"../../files/{file.name}",
                "hashes": {"sha256": file.sha256} if self.with_hashes else {},
                "requires-python": file.requires_python or None,
                "yanked": file.yanked,
                "size": len(file.data),
                "core-metadata": bool(file.metadata),
                **({"upload-time": file.uploaded} if file.uploaded else {}),
            }
            for file in files
        ]
        return {"meta": {"api-version": "1.1"}, "name": project, "files": rows, "versions": []}

    def _html(self, files: list[File]) -> str:
        rows = []
        for file in files:
            fragment = f"#sha256={file.sha256}" if self.with_hashes else ""
            python = file.requires_python.replace("<", "&lt;").replace(">", "&gt;")
            attributes = f' data-requires-python="{python}"' if python else ""
            attributes += ' data-yanked=""' if file.yanked else ""
            attributes += ' data-core-metadata="true"' if file.metadata else ""
            rows.append(f'<a href="../../files/{file.name}{fragment}"{attributes}>{file.name}</a><br>')
        return "<!DOCTYPE html><html><body>" + "\n".join(rows) + "</body></html>"


def _listening(index: PackageIndex, handler: type[BaseHTTPRequestHandler]) -> ThreadingHTTPServer:
    server = ThreadingHTTPServer((index.host, 0), handler)
    if index.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(index.certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    return server


@contextmanager
def serving(*files: File, **options: object) -> Iterator[PackageIndex]:
    """Serve ``files`` as a package index on a free port of a loopback address."""
    index = PackageIndex(list(files), **options)  # type: ignore[arg-type]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def _answer(self, *, with_body: bool) -> None:
            path = urllib.parse.unquote(self.path)
            index.requests.append((self.command, path))
            index.agents.add(self.headers.get("User-Agent", ""))
            authorization = self.headers.get("Authorization", "")
            if authorization:
                index.logins.add(base64.b64decode(authorization.removeprefix("Basic ")).decode())
            status, kind, body = index.answer(path, authorization)
            wanted = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
            whole = len(body)
            if wanted and status == 200:
                start = int(wanted[1]) if wanted[1] else max(0, whole - int(wanted[2]))
                status, body = 206, body[start : int(wanted[2]) + 1 if wanted[1] and wanted[2] else whole]
            self.send_response(status)
            self.send_header("Accept-Ranges", "bytes")
            if status == 206:
                self.send_header("Content-Range", f"bytes {start}-{start + len(body) - 1}/{whole}")
            if status == 401:
                self.send_header("WWW-Authenticate", 'Basic realm="packages"')
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if with_body:
                index.bytes_sent += len(body)
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = _listening(index, Handler)
    servers.start(server)
    index.url = f"{'https' if index.certificate else 'http'}://{index.host}:{server.server_port}/simple/"
    try:
        yield index
    finally:
        server.shutdown()
        server.server_close()
