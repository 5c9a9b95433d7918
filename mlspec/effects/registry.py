"""Image registries to what a reference stands for today: its digest, and what the image says of itself."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlsplit

from mlspec import catalog
from mlspec.catalog import DOCKER_HUB, ImageReference
from mlspec.effects.host import is_loopback
from mlspec.errors import Problem, ToolError
from mlspec.spelling import nearest

if TYPE_CHECKING:
    import requests

MIRROR_VARIABLE = "MLSPEC_REGISTRY_MIRROR"
HUB_URL = "https://registry-1.docker.io"
# The name under which Docker keeps its hub's login.
_HUB_LOGIN = "https://index.docker.io/v1/"

_INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
_MANIFESTS = ("application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json")
_ACCEPT = ", ".join((*_INDEXES, *_MANIFESTS))
# Seconds to connect, and to wait for each part of an answer.
_TIMEOUT = (10, 30)
_ENGINE_TIMEOUT = 2
# The distribution specification lets a registry refuse larger manifests; real config blobs have some kilobytes.
_LARGEST = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """What a reference stands for on one platform.

    ``digest`` is what ``FROM`` carries: of the index, where the image has several platforms, else of the manifest.
    ``codename`` and ``glibc`` are none where neither the image nor its tag tells.
    """

    reference: str
    digest: str
    platform: str
    platforms: tuple[str, ...] = ()
    python: str | None = None
    codename: str | None = None
    glibc: str | None = None
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    user: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Endpoint:
    """A place to ask for an image; ``path`` stands before the repository, as mirrors inside a larger registry want."""

    url: str
    login: str
    path: str = ""

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc


def resolve(reference: str, platform: str) -> Resolved:
    """Return what ``reference`` stands for on ``platform`` today; raises ToolError with what a person can do."""
    image = catalog.parse_reference(reference)
    if not image:
        hint = "a reference is NAME:TAG, such as python:3.12-slim-bookworm"
        _fail("MLS308", f'"{reference}" is not an image reference', hint)
    failures: list[ToolError] = []
    for endpoint in _endpoints(image):
        try:
            return _Registry(endpoint, image).resolve(platform)
        except ToolError as error:
            failures.append(error)
    raise _worth_telling(failures)


def manifest(reference: str, platform: str) -> tuple[str, bytes]:
    """Return the digest and the text of the manifest that ``reference`` names for ``platform`` in its own registry.

    No mirror is asked: they pull from there, and nobody pushes to them. Raises ToolError.
    """
    image = catalog.parse_reference(reference)
    if not image:
        _fail("MLS308", f'"{reference}" is not an image reference', "a reference is NAME:TAG")
    return _Registry(_own(image), image).manifest(platform)


def _worth_telling(failures: list[ToolError]) -> ToolError:
    """Return the registry's own failure; but where only mirrors can be reached, what the first that answered said."""
    last = failures[-1]
    if not _is_unreached(last):
        return last
    return next((failure for failure in failures if not _is_unreached(failure)), last)


def _is_unreached(failure: ToolError) -> bool:
    return failure.problems[0].code in {"MLS301", "MLS306"}


# Where to ask


def addresses(reference: str) -> tuple[str, ...]:
    """Return the addresses that are asked for an image, mirrors first; none where ``reference`` is not one."""
    image = catalog.parse_reference(reference)
    return tuple(f"{endpoint.url}/v2/" for endpoint in _endpoints(image)) if image else ()


def _endpoints(image: ImageReference) -> Iterator[_Endpoint]:
    if image.registry != DOCKER_HUB:
        yield _own(image)
        return
    asked = set()
    for mirror in _mirrors():
        endpoint = _endpoint(mirror)
        if endpoint not in asked:
            yield endpoint
        asked.add(endpoint)
    yield _own(image)


def _own(image: ImageReference) -> _Endpoint:
    """Return the image's own registry, which is no mirror."""
    if image.registry != DOCKER_HUB:
        return _endpoint(image.registry)
    return _Endpoint(url=HUB_URL, login=_HUB_LOGIN)


def _mirrors() -> Iterator[str]:
    yield from filter(None, (mirror.strip() for mirror in os.environ.get(MIRROR_VARIABLE, "").split(",")))
    yield from _engine_mirrors()


def _endpoint(address: str) -> _Endpoint:
    scheme, has_scheme, rest = address.partition("://")
    if not has_scheme:
        scheme, rest = ("http" if is_loopback(address) else "https"), address
    host, _, path = rest.strip("/").partition("/")
    # Logins are docker's to keep: one in the address would be printed with it.
    host = host.rpartition("@")[2]
    return _Endpoint(url=f"{scheme}://{host}", login=host, path=f"{path}/" if path else "")


def _engine_mirrors() -> tuple[str, ...]:
    """Return the mirrors of the engine in reach; none without an engine, and none by way of a slow ssh tunnel."""
    if os.environ.get("DOCKER_HOST", "").startswith("ssh:"):
        return ()
    import docker
    import requests

    try:
        with contextlib.closing(docker.from_env(timeout=_ENGINE_TIMEOUT)) as client:
            config = client.info().get("RegistryConfig") or {}
    except (docker.errors.DockerException, requests.RequestException, OSError, ValueError):
        return ()
    return tuple(config.get("Mirrors") or ())


# Asking


class _Registry:
    """One image at one endpoint: requests with the login the endpoint asks for, and failures in a person's words."""

    def __init__(self, endpoint: _Endpoint, image: ImageReference) -> None:
        self.endpoint = endpoint
        self.image = image
        self.name = image.familiar
        self.base = f"{endpoint.url}/v2/{endpoint.path}{image.repository}"
        self.authorization = ""
        self.login_trouble = ""
        self.place = "Docker Hub" if endpoint.login == _HUB_LOGIN else endpoint.host
        self.session = _session()

    def resolve(self, platform: str) -> Resolved:
        """Return the image for ``platform``."""
        with self._read():
            return self._resolve(platform)

    def manifest(self, platform: str) -> tuple[str, bytes]:
        """Return the digest and the text of the manifest for ``platform``."""
        with self._read():
            body = self._get(f"manifests/{self.image.digest or self.image.tag}", _ACCEPT)
            if "manifests" in (top := _mapping(body)):
                body = self._get(f"manifests/{self._of_platform(top['manifests'], platform)[1]}", _ACCEPT)
        return f"sha256:{hashlib.sha256(body).hexdigest()}", body

    @contextlib.contextmanager
    def _read(self) -> Iterator[None]:
        try:
            with self.session:
                yield
        except (AttributeError, KeyError, TypeError, ValueError):
            # JSON of another shape than a manifest's: a login page, or a proxy's own answer.
            self._odd(f"{self.place} did not answer as an image registry does")

    def _resolve(self, platform: str) -> Resolved:
        digest, top = self._manifest(self.image.digest or self.image.tag)
        if "manifests" in top:
            platforms, chosen = self._of_platform(top["manifests"], platform)
            config = self._config(self._manifest(chosen)[1])
            return _resolved(self, digest, platform, platforms, config)
        config = self._config(top)
        found = _platform_of(config)
        if not _matches(found, platform):
            self._no_platform(platform, (found,))
        return _resolved(self, digest, platform, (found,), config)

    def _manifest(self, what: str) -> tuple[str, dict[str, Any]]:
        body = self._get(f"manifests/{what}", _ACCEPT)
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        if what.startswith("sha256:") and what != digest:
            self._odd(f"{self.place} sent something else than {what}")
        return digest, _mapping(body)

    def _config(self, manifest: Mapping[str, Any]) -> dict[str, Any]:
        digest = (manifest.get("config") or {}).get("digest")
        if not digest:
            self._odd(f"{self.name} is in an old or foreign format that has no config")
        return _mapping(self._get(f"blobs/{digest}", "*/*"))

    def _of_platform(self, entries: list[dict[str, Any]], platform: str) -> tuple[tuple[str, ...], str]:
        known = {_platform_of(entry.get("platform") or {}): entry["digest"] for entry in entries}
        # Attestations stand in the index too, as platform unknown/unknown.
        platforms = tuple(name for name in known if not name.startswith("unknown"))
        matching = [name for name in platforms if _matches(name, platform)]
        if not matching:
            self._no_platform(platform, platforms)
        return platforms, known[min(matching, key=len)]

    def _get(self, path: str, accept: str) -> bytes:
        response = self._ask(path, accept)
        if response.status_code == 401 and self._log_in(response.headers.get("WWW-Authenticate", "")):
            response = self._ask(path, accept)
        if response.status_code != 200:
            self._refused(response)
        if len(response.content) > _LARGEST:
            self._odd(f"{self.place} sent more than a manifest can hold")
        return response.content

    def _ask(self, path: str, accept: str) -> requests.Response:
        headers = {"Accept": accept} | ({"Authorization": self.authorization} if self.authorization else {})
        return self._send(f"{self.base}/{path}", headers)

    def _send(
        self,
        url: str,
        headers: Mapping[str, str],
        params: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
    ) -> requests.Response:
        import requests

        host = urlsplit(url).netloc
        # Engines reach loopback registries past any proxy, so this does too.
        proxies = {"no_proxy": urlsplit(url).hostname or ""} if is_loopback(host) else None
        method = "POST" if form else "GET"
        try:
            return self.session.request(
                method, url, params, form, dict(headers), auth=_unchanged, proxies=proxies, timeout=_TIMEOUT
            )
        except requests.exceptions.SSLError as error:
            self._untrusted(host, error)
        except (OSError, ValueError) as error:
            self._unreached(host, error)

    # Logging in

    def _log_in(self, challenge: str) -> bool:
        """Set what to send from now on, as the ``WWW-Authenticate`` header asks; False where there is nothing to."""
        scheme, _, rest = challenge.partition(" ")
        login = self._login()
        if scheme.lower() == "basic" and "password" in login and not self.authorization:
            self.authorization = _basic(login["username"], login["password"])
            return True
        if scheme.lower() == "bearer":
            self.authorization = f"Bearer {self._token(dict(_PARAMETER.findall(rest)), login)}"
            return True
        return False

    def _token(self, challenge: Mapping[str, str], login: Mapping[str, str]) -> str:
        realm = challenge.get("realm", "")
        # In the clear only to this machine, or back to a mirror that was itself given as http://.
        if not realm.startswith(("https://", f"{self.endpoint.url}/")) and not is_loopback(urlsplit(realm).netloc):
            self._odd(f'{self.place} wants logins sent in the clear, to "{realm}"')
        scope = challenge.get("scope") or f"repository:{self.endpoint.path}{self.image.repository}:pull"
        params = {"scope": scope} | ({"service": challenge["service"]} if "service" in challenge else {})
        if "identitytoken" in login:
            form = {"grant_type": "refresh_token", "client_id": "mlspec", "refresh_token": login["identitytoken"]}
            response = self._send(realm, {}, form={**params, **form})
        else:
            headers = {"Authorization": _basic(login["username"], login["password"])} if "password" in login else {}
            response = self._send(realm, headers, params)
        if response.status_code != 200:
            self._refused(response)
        answer = _mapping(response.content)
        return str(answer.get("token") or answer.get("access_token") or "")

    def _login(self) -> dict[str, str]:
        """Return what Docker's own store holds for this endpoint; a store that fails is none, and is told later."""
        import docker.auth
        import docker.errors

        try:
            found = docker.auth.load_config().resolve_authconfig(self.endpoint.login) or {}
        except (docker.errors.DockerException, OSError, ValueError) as error:
            self.login_trouble = str(error)
            return {}
        return {key.lower(): value for key, value in found.items() if value}

    # Failing

    def _refused(self, response: requests.Response) -> NoReturn:
        status = response.status_code
        if status == 404:
            self._missing()
        if status in {401, 403}:
            self._denied()
        if status == 429:
            wait = response.headers.get("Retry-After", "")
            when = f"try again in {wait} seconds, or " if wait.isdigit() else ""
            hint = f"{when}log in for a higher limit: {self._login_command}"
            hint += f"; or name a mirror in {MIRROR_VARIABLE}" if self.image.registry == DOCKER_HUB else ""
            _fail("MLS305", f"{self.place} answers no more requests from here for now", hint)
        self._odd(f"{self.place} failed with status {status}")

    def _missing(self) -> NoReturn:
        tags, message = self._tags(), f"{self.place} has no image {self.name}"
        if not tags:
            _fail("MLS302", message, f"check the name; a private one may show only after: {self._login_command}")
        if self.image.digest:
            _fail("MLS302", message, "the digest may have been removed: leave it out")
        near = list(nearest(self.image.tag, tags, most=3)) or sorted(tags)[:5]
        _fail("MLS302", message, f"its nearest tags: {', '.join(near)}")

    def _tags(self) -> list[str]:
        with contextlib.suppress(Exception):
            response = self._ask("tags/list", "application/json")
            if response.status_code == 401 and self._log_in(response.headers.get("WWW-Authenticate", "")):
                response = self._ask("tags/list", "application/json")
            return [str(tag) for tag in response.json().get("tags") or ()]
        return []

    def _denied(self) -> NoReturn:
        trouble = f"\nDocker's login store failed: {self.login_trouble}" if self.login_trouble else ""
        hint = f"check the name; for a private image: {self._login_command}{trouble}"
        _fail("MLS303", f"{self.place} does not give {self.name} without a login that may read it", hint)

    @property
    def _login_command(self) -> str:
        return "docker login" if self.endpoint.login == _HUB_LOGIN else f"docker login {self.endpoint.login}"

    def _no_platform(self, platform: str, platforms: tuple[str, ...]) -> NoReturn:
        hint = f"it has {', '.join(platforms) or 'none'}: name one of these in platforms, or take another base"
        _fail("MLS304", f"{self.name} has no image for {platform}", hint)

    def _place(self, host: str) -> str:
        return self.place if host == self.endpoint.host else host

    def _untrusted(self, host: str, error: Exception) -> NoReturn:
        hint = f"behind a proxy that opens TLS, name its certificate in SSL_CERT_FILE\n{_innermost(error)}"
        _fail("MLS306", f"the certificate of {self._place(host)} cannot be verified", hint)

    def _unreached(self, host: str, error: Exception) -> NoReturn:
        mirror = f", or name a mirror in {MIRROR_VARIABLE}" if self.image.registry == DOCKER_HUB else ""
        hint = f"check the network and HTTPS_PROXY{mirror}\n{_innermost(error)}"
        _fail("MLS301", f"{self._place(host)} cannot be reached to look up {self.name}", hint)

    def _odd(self, message: str) -> NoReturn:
        _fail("MLS307", message, f"is {self.endpoint.url} an image registry? try again later if it is")


_PARAMETER = re.compile(r'(\w+)="([^"]*)"')


def _fail(code: str, message: str, hint: str) -> NoReturn:
    raise ToolError(Problem(code=code, message=message, hint=hint)) from None


def _innermost(error: BaseException) -> str:
    """Return the last words of an error, which requests and urllib3 wrap in several others."""
    words = str(error.args[0] if error.args else error)
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    return (str(reason) if reason else words).rpartition(">: ")[2].strip() or type(error).__name__


def _session() -> requests.Session:
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.util import Retry

    session = requests.Session()
    # requests knows REQUESTS_CA_BUNDLE by itself, and lets it win over this.
    session.verify = os.environ.get("SSL_CERT_FILE") or True
    # Left to itself, urllib3 sleeps for as long as a Retry-After header says, and does so for 429 too.
    retry = Retry(
        total=2,
        connect=0,
        backoff_factor=0.2,
        status_forcelist=(502, 503, 504),
        respect_retry_after_header=False,
        raise_on_status=False,
    )
    for scheme in ("https://", "http://"):
        session.mount(scheme, HTTPAdapter(max_retries=retry))
    return session


# Without an auth of any kind, requests would put a login from ~/.netrc in place of the Authorization header.
def _unchanged(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _basic(username: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode('ascii')}"


# Reading


def _mapping(body: bytes) -> dict[str, Any]:
    """Return the JSON object in ``body``; raises ValueError or TypeError where it holds anything else."""
    data = json.loads(body)
    if not isinstance(data, dict):
        raise TypeError
    return data


def _platform_of(data: Mapping[str, Any]) -> str:
    parts = (data.get("os", "unknown"), data.get("architecture", "unknown"), data.get("variant", ""))
    return "/".join(filter(None, parts))


def _matches(found: str, wanted: str) -> bool:
    # linux/arm64 and linux/arm64/v8 are one; of linux/arm, whose variants differ, the first listed is as good as any.
    return found == wanted or found.startswith(f"{wanted}/") or (wanted == f"{found}/v8" and found.endswith("/arm64"))


def _resolved(
    registry: _Registry, digest: str, platform: str, platforms: tuple[str, ...], config: Mapping[str, Any]
) -> Resolved:
    settings = config.get("config") or {}
    environment = dict(entry.partition("=")[::2] for entry in settings.get("Env") or ())
    codename = _codename(config, registry.image)
    release = catalog.debian_release(codename) if codename else None
    return Resolved(
        reference=registry.name,
        digest=digest,
        platform=platform,
        platforms=platforms,
        python=environment.get("PYTHON_VERSION"),
        codename=codename,
        glibc=(release.glibc or None) if release else None,
        entrypoint=tuple(settings.get("Entrypoint") or ()),
        command=tuple(settings.get("Cmd") or ()),
        user=settings.get("User") or "",
        environment=environment,
        source=registry.endpoint.host,
    )


# Debian's own images say it in their history: RUN # debian.sh --arch 'amd64' out/ 'bookworm' '@1787529600'
_DEBIAN_LAYER = re.compile(r"debian\.sh --arch '\w+' out/ '(\w+)'")


def _codename(config: Mapping[str, Any], image: ImageReference) -> str | None:
    history = (str(entry.get("created_by", "")) for entry in config.get("history") or ())
    built_on = next((found[1] for step in history if (found := _DEBIAN_LAYER.search(step))), None)
    in_tag = (word for word in image.tag.split("-") if catalog.debian_release(word))
    return built_on or next(in_tag, None)
