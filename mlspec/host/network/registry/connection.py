"""Requests to one registry, with the login that it asks for."""

from __future__ import annotations

import base64
import contextlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlsplit

from mlspec.facts.image_reference import ImageReference
from mlspec.host.known_secrets import remember_secret
from mlspec.host.machine import is_loopback
from mlspec.host.network.registry.endpoints import Endpoint
from mlspec.host.network.registry.refusals import Refusals
from mlspec.host.network.user_configuration import certificate_file

if TYPE_CHECKING:
    import requests


# Seconds to connect, and to wait for each part of an answer.
_TIMEOUT = (10, 30)


# The distribution specification lets a registry refuse larger manifests; real config blobs have some kilobytes.
_LARGEST = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class RegistryResponse:
    """What a registry answered, whole."""

    status_code: int
    headers: Mapping[str, str]
    content: bytes


class Connection:
    """One image at one endpoint: requests with the login the endpoint asks for."""

    def __init__(self, endpoint: Endpoint, image: ImageReference) -> None:
        self.endpoint = endpoint
        self.image = image
        self.refusals = Refusals(endpoint, image)
        self.base = f"{endpoint.url}/v2/{endpoint.path}{image.repository}"
        self.authorization = ""
        self.login_trouble = ""
        self.session = _session()

    def get(self, path: str, accept: str) -> bytes:
        """Return what stands at ``path`` below the image's repository; raises ToolError."""
        response = self._answer(path, accept)
        if response.status_code != 200:
            self._check_status(response)
        return response.content

    def _answer(self, path: str, accept: str) -> RegistryResponse:
        response = self._ask(path, accept)
        if response.status_code == 401 and self._log_in(response.headers.get("WWW-Authenticate", "")):
            response = self._ask(path, accept)
        return response

    def _ask(self, path: str, accept: str) -> RegistryResponse:
        headers = {"Accept": accept} | ({"Authorization": self.authorization} if self.authorization else {})
        return self._send(f"{self.base}/{path}", headers)

    def _send(
        self,
        url: str,
        headers: Mapping[str, str],
        params: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
    ) -> RegistryResponse:
        import requests

        host = urlsplit(url).netloc
        # Engines reach loopback registries past any proxy, so this does too.
        proxies = {"no_proxy": urlsplit(url).hostname or ""} if is_loopback(host) else None
        method = "POST" if form else "GET"
        try:
            response = self.session.request(
                method,
                url,
                params,
                form,
                dict(headers),
                auth=_keep_request,
                proxies=proxies,
                timeout=_TIMEOUT,
                # Said here, it wins over REQUESTS_CA_BUNDLE, which is a part of it.
                verify=self.session.verify,
                stream=True,
            )
            return RegistryResponse(response.status_code, response.headers, self._body(response))
        except requests.exceptions.SSLError as error:
            self.refusals.fail_untrusted(host, error)
        except (OSError, ValueError) as error:
            self.refusals.fail_unreached(host, error)

    def _body(self, response: requests.Response) -> bytes:
        """Return what was answered; raises ToolError where it has no end."""
        body = bytearray()
        for part in response.iter_content(1 << 16):
            body += part
            if len(body) > _LARGEST:
                self.refusals.fail_odd(f"{self.endpoint.place} sent more than a manifest can hold")
        return bytes(body)

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
            self.refusals.fail_odd(f'{self.endpoint.place} wants logins sent in the clear, to "{realm}"')
        scope = challenge.get("scope") or f"repository:{self.endpoint.path}{self.image.repository}:pull"
        params = {"scope": scope} | ({"service": challenge["service"]} if "service" in challenge else {})
        if "identitytoken" in login:
            form = {"grant_type": "refresh_token", "client_id": "mlspec", "refresh_token": login["identitytoken"]}
            response = self._send(realm, {}, form={**params, **form})
        else:
            headers = {"Authorization": _basic(login["username"], login["password"])} if "password" in login else {}
            response = self._send(realm, headers, params)
        if response.status_code != 200:
            self._check_status(response)
        answer = mapping(response.content)
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
        login = {key.lower(): value for key, value in found.items() if value}
        for key in {"password", "identitytoken"} & login.keys():
            remember_secret(login[key])
        return login

    # Failing

    def _check_status(self, response: RegistryResponse) -> NoReturn:
        status = response.status_code
        if status == 404:
            self.refusals.fail_missing(self._tags())
        if status in {401, 403}:
            self.refusals.fail_denied(self.login_trouble)
        if status == 429:
            self.refusals.fail_limited(response.headers.get("Retry-After", ""))
        self.refusals.fail_odd(f"{self.endpoint.place} failed with status {status}")

    def _tags(self) -> list[str]:
        with contextlib.suppress(Exception):
            response = self._answer("tags/list", "application/json")
            return [str(tag) for tag in mapping(response.content).get("tags") or ()]
        return []


def mapping(body: bytes) -> dict[str, Any]:
    """Return the JSON object in ``body``; raises ValueError or TypeError where it holds anything else."""
    try:
        data = json.loads(body)
    except RecursionError:
        raise ValueError("nested too deep") from None
    if not isinstance(data, dict):
        raise TypeError
    return data


_PARAMETER = re.compile(r'(?<!\w)(\w+)="([^"]*)"')


def _session() -> requests.Session:
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.util import Retry

    session = requests.Session()
    session.verify = certificate_file() or True
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
def _keep_request(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _basic(username: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode('ascii')}"
