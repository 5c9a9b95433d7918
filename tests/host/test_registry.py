from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from mlspec.errors import Problem, ToolError
from mlspec.host.network import registry
from mlspec.host.network.registry import endpoints
from tests.support import servers

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DEBIAN_STEP = "RUN # debian.sh --arch 'amd64' out/ 'bookworm' '@1787529600' "


@dataclass
class Store:
    """The contents and the behaviour of the fake registry; ``asked`` are the received requests, in order."""

    documents: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    login: str = ""
    scheme: str = ""
    realm: str = ""
    status: int = 0
    asked: list[str] = field(default_factory=list)

    def add(self, path: str, media_type: str, document: object) -> str:
        body = json.dumps(document).encode()
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        kind = "blobs" if media_type == "config" else "manifests"
        for name in (path, f"{path.partition('/manifests/')[0].partition('/blobs/')[0]}/{kind}/{digest}"):
            self.documents[name] = (media_type, body)
        return digest

    def add_image(self, repository: str, tag: str, *platforms: str, indexed: bool = True) -> str:
        entries = []
        digest = ""
        for platform in platforms:
            os_name, architecture, *variant = platform.split("/")
            place = {"os": os_name, "architecture": architecture} | ({"variant": variant[0]} if variant else {})
            config = {
                **place,
                "config": {"Env": ["PYTHON_VERSION=3.12.15", "X=a=b"], "Cmd": ["python3"], "User": "1000"},
                "history": [{"created_by": DEBIAN_STEP}],
            }
            blob = self.add(f"{repository}/blobs/config", "config", config)
            digest = self.add(f"{repository}/manifests/{tag}", MANIFEST, {"config": {"digest": blob}})
            entries.append({"digest": digest, "platform": place})
        entries.append({"digest": "sha256:0", "platform": {"os": "unknown", "architecture": "unknown"}})
        self.tags.append(tag)
        if not indexed:
            return digest
        return self.add(f"{repository}/manifests/{tag}", INDEX, {"mediaType": INDEX, "manifests": entries})


class Handler(BaseHTTPRequestHandler):
    server: FakeRegistry

    def do_GET(self) -> None:
        store, url = self.server.store, urlsplit(self.path)
        store.asked.append(url.path)
        if url.path == "/token":
            self.token(parse_qs(url.query), self.headers.get("Authorization", ""))
        elif store.status:
            self.answer(store.status, b"{}", {"Retry-After": "60"})
        elif not self.may_read():
            realm = store.realm or f"{self.server.url}/token"
            challenge = {"basic": 'Basic realm="x"', "bearer": f'Bearer realm="{realm}",service="fake"'}[store.scheme]
            self.answer(401, b"{}", {"WWW-Authenticate": challenge})
        elif url.path.endswith("/tags/list"):
            self.answer(200, json.dumps({"tags": store.tags}).encode(), {})
        else:
            media_type, body = store.documents.get(url.path.removeprefix("/v2/"), ("", b""))
            self.answer(200 if body else 404, body, {"Content-Type": media_type})

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.server.store.asked.append(f"refresh {form['refresh_token'][0]}")
        self.answer(200, json.dumps({"access_token": "secret"}).encode(), {})

    def token(self, query: dict[str, list[str]], authorization: str) -> None:
        login = self.server.store.login
        if login and authorization != basic(login):
            self.answer(401, b"{}", {})
        else:
            self.answer(
                200, json.dumps({"token": "secret" if query["scope"][0].endswith(":pull") else ""}).encode(), {}
            )

    def may_read(self) -> bool:
        wanted = {"": "", "basic": basic(self.server.store.login), "bearer": "Bearer secret"}[self.server.store.scheme]
        return not wanted or self.headers.get("Authorization") == wanted

    def answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


class FakeRegistry(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.store = Store()
        self.host = f"127.0.0.1:{self.server_address[1]}"
        self.url = f"http://{self.host}"


def basic(login: str) -> str:
    return f"Basic {base64.b64encode(login.encode()).decode()}"


@pytest.fixture
def serve() -> Iterator[Callable[[], FakeRegistry]]:
    running: list[FakeRegistry] = []

    def start() -> FakeRegistry:
        server = FakeRegistry()
        servers.start(server)
        running.append(server)
        return server

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


@pytest.fixture
def fake(serve: Callable[[], FakeRegistry]) -> FakeRegistry:
    return serve()


@pytest.fixture(autouse=True)
def docker_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration without the host's: no engine, no logins, no mirrors, no proxies, an unreachable Docker Hub."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name in {registry.MIRROR_VARIABLE, "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"}:
            monkeypatch.delenv(name)
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(endpoints, "HUB_URL", "http://127.0.0.1:1")
    return tmp_path


def problem(reference: str, platform: str = "linux/amd64") -> Problem:
    with pytest.raises(ToolError) as caught:
        registry.resolve(reference, platform)
    assert caught.value.exit_code == 3
    return caught.value.problems[0]


# Facts about an image


def test_an_index_gives_its_own_digest(fake: FakeRegistry) -> None:
    digest = fake.store.add_image("team/base", "1", "linux/amd64", "linux/arm64/v8")

    found = registry.resolve(f"{fake.host}/team/base:1", "linux/arm64")

    assert (found.digest, found.platforms) == (digest, ("linux/amd64", "linux/arm64/v8"))


def test_a_single_manifest_gives_its_digest(fake: FakeRegistry) -> None:
    digest = fake.store.add_image("team/base", "1", "linux/amd64", indexed=False)

    assert registry.resolve(f"{fake.host}/team/base:1", "linux/amd64").digest == digest


def test_the_image_says_what_is_in_it(fake: FakeRegistry) -> None:
    fake.store.add_image("team/base", "1", "linux/amd64")

    found = registry.resolve(f"{fake.host}/team/base:1", "linux/amd64")

    assert (found.python, found.codename, found.glibc) == ("3.12.15", "bookworm", "2.36")
    assert (found.command, found.user, found.environment["X"]) == (("python3",), "1000", "a=b")


def test_a_reference_by_digest_is_answered_by_that_digest(fake: FakeRegistry) -> None:
    digest = fake.store.add_image("team/base", "1", "linux/amd64")

    assert registry.resolve(f"{fake.host}/team/base@{digest}", "linux/amd64").digest == digest


def test_another_body_than_the_digest_s_is_refused(fake: FakeRegistry) -> None:
    wanted = f"sha256:{'0' * 64}"
    fake.store.documents[f"team/base/manifests/{wanted}"] = (MANIFEST, b"{}")

    assert problem(f"{fake.host}/team/base@{wanted}").code == "MLS307"


@pytest.mark.parametrize("indexed", [True, False])
def test_a_platform_that_is_not_there_names_those_that_are(fake: FakeRegistry, indexed: bool) -> None:
    fake.store.add_image("team/base", "1", "linux/amd64", indexed=indexed)

    found = problem(f"{fake.host}/team/base:1", "linux/arm64")

    assert (found.code, "it has linux/amd64:" in found.hint) == ("MLS304", True)


@pytest.mark.parametrize("body", [b"<html>log in</html>", b"[]", b"{}", b'{"manifests": 1}', b'{"config": []}'])
def test_what_is_no_registry_is_told_as_such(fake: FakeRegistry, body: bytes) -> None:
    fake.store.documents["team/base/manifests/1"] = (MANIFEST, body)

    assert problem(f"{fake.host}/team/base:1").code == "MLS307"


def test_what_is_no_reference_is_told_as_such() -> None:
    assert problem("a..b").code == "MLS308"


# Missing images


def test_a_missing_tag_names_the_nearest(fake: FakeRegistry) -> None:
    fake.store.add_image("team/base", "3.12-slim-bookworm", "linux/amd64")

    found = problem(f"{fake.host}/team/base:3.12-slim-bokworm")

    assert (found.code, found.hint) == ("MLS302", "similar tags: 3.12-slim-bookworm")


def test_a_missing_image_asks_for_the_name(fake: FakeRegistry) -> None:
    found = problem(f"{fake.host}/team/base:1")

    assert (found.code, found.hint.partition(";")[0]) == ("MLS302", "check the name")


def test_an_unreachable_registry_is_told_once_and_plainly() -> None:
    found = problem("127.0.0.1:1/team/base:1")

    assert (found.code, found.message) == ("MLS301", "127.0.0.1:1 cannot be reached to look up 127.0.0.1:1/team/base:1")
    assert found.hint.endswith("Connection refused")


def test_too_many_requests_say_how_long_to_wait(fake: FakeRegistry) -> None:
    fake.store.status = 429

    found = problem(f"{fake.host}/team/base:1")

    assert (found.code, found.hint.partition(",")[0]) == ("MLS305", "try again in 60 seconds")


def test_a_failing_registry_is_asked_again_and_then_told(fake: FakeRegistry) -> None:
    fake.store.status = 503

    assert (problem(f"{fake.host}/team/base:1").code, len(fake.store.asked)) == ("MLS307", 3)


def test_a_certificate_that_cannot_be_verified_names_the_variable(
    fake: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    import requests

    def refuse(*args: object, **kwargs: object) -> None:
        raise requests.exceptions.SSLError("certificate verify failed")

    monkeypatch.setattr(requests.Session, "request", refuse)

    found = problem("registry.example.com/team/base:1")

    assert (found.code, "SSL_CERT_FILE" in found.hint) == ("MLS306", True)


# Logging in


def test_an_anonymous_token_is_fetched(fake: FakeRegistry) -> None:
    fake.store.scheme = "bearer"
    fake.store.add_image("team/base", "1", "linux/amd64")

    registry.resolve(f"{fake.host}/team/base:1", "linux/amd64")

    assert fake.store.asked.count("/token") == 1


def test_a_registry_without_a_login_says_which_to_make(fake: FakeRegistry) -> None:
    fake.store.scheme, fake.store.login = "bearer", "me:pass"

    found = problem(f"{fake.host}/team/base:1")

    assert (found.code, found.hint.partition("image: ")[2]) == ("MLS303", f"docker login {fake.host}")


def test_a_wrong_basic_login_is_refused_once(fake: FakeRegistry, docker_config: Path) -> None:
    fake.store.scheme, fake.store.login = "basic", "me:pass"
    write_login(docker_config, fake.host, "me:wrong")

    assert (problem(f"{fake.host}/team/base:1").code, len(fake.store.asked)) == ("MLS303", 2)


@pytest.mark.parametrize("scheme", ["basic", "bearer"])
def test_a_login_is_read_from_docker_s_file(fake: FakeRegistry, docker_config: Path, scheme: str) -> None:
    fake.store.scheme, fake.store.login = scheme, "me:pass"
    write_login(docker_config, fake.host, "me:pass")
    digest = fake.store.add_image("team/base", "1", "linux/amd64")

    assert registry.resolve(f"{fake.host}/team/base:1", "linux/amd64").digest == digest


def write_login(folder: Path, host: str, login: str) -> None:
    entry = {"auth": base64.b64encode(login.encode()).decode()}
    (folder / "config.json").write_text(json.dumps({"auths": {host: entry}}), encoding="utf-8")


def write_helper(folder: Path, host: str, script: str) -> None:
    (folder / "config.json").write_text(json.dumps({"credHelpers": {host: "fake"}}), encoding="utf-8")
    helper = folder / "docker-credential-fake"
    helper.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    helper.chmod(0o755)


@pytest.fixture
def helper_path(docker_config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{docker_config}{os.pathsep}{os.environ['PATH']}")


@pytest.mark.usefixtures("helper_path")
def test_a_login_is_asked_of_a_credential_helper(fake: FakeRegistry, docker_config: Path) -> None:
    fake.store.scheme, fake.store.login = "basic", "me:pass"
    write_helper(docker_config, fake.host, """echo '{"ServerURL": "x", "Username": "me", "Secret": "pass"}'""")
    digest = fake.store.add_image("team/base", "1", "linux/amd64")

    assert registry.resolve(f"{fake.host}/team/base:1", "linux/amd64").digest == digest


@pytest.mark.usefixtures("helper_path")
def test_an_identity_token_of_a_helper_is_refreshed(fake: FakeRegistry, docker_config: Path) -> None:
    fake.store.scheme, fake.store.login = "bearer", "me:pass"
    write_helper(docker_config, fake.host, """echo '{"ServerURL": "x", "Username": "<token>", "Secret": "long"}'""")
    fake.store.add_image("team/base", "1", "linux/amd64")

    registry.resolve(f"{fake.host}/team/base:1", "linux/amd64")

    assert "refresh long" in fake.store.asked


@pytest.mark.usefixtures("helper_path")
def test_a_helper_that_fails_stops_no_public_image(fake: FakeRegistry, docker_config: Path) -> None:
    fake.store.scheme = "bearer"
    write_helper(docker_config, fake.host, "echo broken; exit 1")
    digest = fake.store.add_image("team/base", "1", "linux/amd64")

    assert registry.resolve(f"{fake.host}/team/base:1", "linux/amd64").digest == digest


@pytest.mark.usefixtures("helper_path")
def test_a_helper_that_fails_is_told_where_a_login_is_needed(fake: FakeRegistry, docker_config: Path) -> None:
    fake.store.scheme, fake.store.login = "bearer", "me:pass"
    write_helper(docker_config, fake.host, "echo the keyring is locked; exit 1")

    assert "the keyring is locked" in problem(f"{fake.host}/team/base:1").hint


def test_netrc_does_not_replace_a_token(fake: FakeRegistry, docker_config: Path) -> None:
    (docker_config / ".netrc").write_text("machine 127.0.0.1 login a password b\n", encoding="utf-8")
    fake.store.scheme = "bearer"
    digest = fake.store.add_image("team/base", "1", "linux/amd64")

    assert registry.resolve(f"{fake.host}/team/base:1", "linux/amd64").digest == digest


def test_a_login_is_never_sent_in_the_clear(fake: FakeRegistry, docker_config: Path) -> None:
    fake.store.scheme, fake.store.realm = "bearer", "http://token.example.com/token"
    write_login(docker_config, fake.host, "me:pass")

    found = problem(f"{fake.host}/team/base:1")

    assert (found.code, "over plain HTTP" in found.message) == ("MLS307", True)


# Mirrors


def test_mirrors_are_asked_in_their_order(serve: Callable[[], FakeRegistry], monkeypatch: pytest.MonkeyPatch) -> None:
    empty, full, third = serve(), serve(), serve()
    digest = full.store.add_image("library/python", "3.12-slim", "linux/amd64")
    monkeypatch.setenv(registry.MIRROR_VARIABLE, f"{empty.url}, {full.host},{third.url}/")

    found = registry.resolve("python:3.12-slim", "linux/amd64")

    assert (found.digest, found.source) == (digest, full.host)
    assert (bool(empty.store.asked), third.store.asked) == (True, [])


def test_a_mirror_may_be_a_folder_of_a_registry(fake: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = fake.store.add_image("hub/library/python", "3.12-slim", "linux/amd64")
    monkeypatch.setenv(registry.MIRROR_VARIABLE, f"{fake.url}/hub")

    assert registry.resolve("python:3.12-slim", "linux/amd64").digest == digest


def test_a_proxy_is_not_asked_for_loopback(fake: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    digest = fake.store.add_image("team/base", "1", "linux/amd64")

    assert registry.resolve(f"{fake.host}/team/base:1", "linux/amd64").digest == digest


def test_the_hub_comes_last(serve: Callable[[], FakeRegistry], monkeypatch: pytest.MonkeyPatch) -> None:
    mirror, hub = serve(), serve()
    digest = hub.store.add_image("library/python", "3.12-slim", "linux/amd64")
    monkeypatch.setenv(registry.MIRROR_VARIABLE, mirror.url)
    monkeypatch.setattr(endpoints, "HUB_URL", hub.url)

    assert (registry.resolve("python:3.12-slim", "linux/amd64").digest, len(mirror.store.asked)) == (digest, 2)


def test_mirrors_are_for_the_hub_alone(serve: Callable[[], FakeRegistry], monkeypatch: pytest.MonkeyPatch) -> None:
    mirror, own = serve(), serve()
    own.store.add_image("team/base", "1", "linux/amd64")
    monkeypatch.setenv(registry.MIRROR_VARIABLE, mirror.url)

    registry.resolve(f"{own.host}/team/base:1", "linux/amd64")

    assert mirror.store.asked == []


def test_behind_an_air_gap_the_mirror_s_answer_counts(fake: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    fake.store.add_image("library/python", "3.12-slim", "linux/amd64")
    monkeypatch.setenv(registry.MIRROR_VARIABLE, fake.url)

    found = problem("python:3.12-slm")

    assert (found.code, found.hint) == ("MLS302", "similar tags: 3.12-slim")


def test_without_mirror_and_network_the_hub_is_named() -> None:
    found = problem("python:3.12-slim")

    assert (found.code, found.message) == ("MLS301", "Docker Hub cannot be reached to look up python:3.12-slim")
    assert registry.MIRROR_VARIABLE in found.hint
