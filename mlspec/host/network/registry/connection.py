"""Requests to one registry, with the login that the registry demands."""

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
from mlspec.spec.place import Place

if TYPE_CHECKING:
    import requests


# Seconds to connect, and to wait for each part of an answer.
_TIMEOUT = (10, 30)


# The distribution specification lets a registry refuse larger manifests; real config blobs have some kilobytes.
_LARGEST = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class RegistryResponse:
    """A complete response of a registry."""

    status_code: int
    headers: Mapping[str, str]
    content: bytes


class Connection:
    """The requests for one image to one endpoint, with the login that the endpoint demands."""

    def __init__(self, endpoint: Endpoint, image: ImageReference, at: Place) -> None:
        self.endpoint = endpoint
        self.image = image
        self.refusals = Refusals(endpoint, image, at)
        self.base = f"{endpoint.url}/v2/{endpoint.path}{image.repository}"
        self.authorization = ""
        self.login_trouble = ""
        self.session = _session()

    def get(self, path: str, accept: str) -> bytes:
        """Return the body of a GET request to ``path`` below the image's repository; raises ToolError."""
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
        # Engines use no proxy for registries on a loopback address, so mlspec uses none, either.
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
                # As an argument, it has priority over REQUESTS_CA_BUNDLE, whose certificates it includes.
                verify=self.session.verify,
                stream=True,
            )
            return RegistryResponse(response.status_code, response.headers, self._body(response))
        except requests.exceptions.SSLError as error:
            self.refusals.fail_untrusted(host, error)
        except (OSError, ValueError) as error:
            self.refusals.fail_unreached(host, error)

    def _body(self, response: requests.Response) -> bytes:
        """Return the body of a response; raises ToolError if the body is larger than 4 MiB."""
        body = bytearray()
        for part in response.iter_content(1 << 16):
            body += part
            if len(body) > _LARGEST:
                self.refusals.fail_odd(f"{self.endpoint.place} sent more bytes than a manifest may have")
        return bytes(body)

    # Logins

    def _log_in(self, challenge: str) -> bool:
        """Set the authorization for the ``WWW-Authenticate`` header; return False if there is no login to send."""
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
        # Send a login over plain HTTP only to this host, or to a mirror that the user gave as http://.
        if not realm.startswith(("https://", f"{self.endpoint.url}/")) and not is_loopback(urlsplit(realm).netloc):
            self.refusals.fail_odd(f'{self.endpoint.place} asks for logins over plain HTTP, at "{realm}"')
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
        """Return the login for this endpoint from Docker's own store.

        If the store fails, the result is empty, and the message of the store is kept for a later refusal.
        """
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

    # Failures

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
    """Return the JSON object in ``body``; raises ValueError or TypeError if the body is anything else."""
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
    # By default, urllib3 sleeps for as long as a Retry-After header says, also for status 429.
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


# Without an auth argument, requests would replace the Authorization header by a login from ~/.netrc.
def _keep_request(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _basic(username: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode('ascii')}"
