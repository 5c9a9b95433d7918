"""The files of packages on package indexes, by their hashes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import unquote, urldefrag, urljoin, urlsplit, urlunsplit

from mlspec.errors import LockError, Problem, ToolError
from mlspec.host.network.user_configuration import certificate_file, configuration
from mlspec.lock.pins import Pin
from mlspec.lock.requirements.indexes import Index
from mlspec.targets.exports.export_facts import ExportFacts
from mlspec.targets.exports.pylock_export import DEFAULT_INDEX, ExportedFile, PackageFiles, has_file
from mlspec.text import without_login

if TYPE_CHECKING:
    import requests

_SECONDS = 60.0
_AT_ONCE = 8
# https://packaging.python.org/en/latest/specifications/simple-repository-api/
_ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"


def find_package_files(facts: ExportFacts, indexes: tuple[Index, ...]) -> Mapping[str, PackageFiles]:
    """Return the files of each package that comes from an index; ``indexes`` are those of the image, with logins.

    Raises ToolError if an index does not answer, LockError if an index has no file of a package with a known hash.
    """
    known = {index.url: index for index in indexes}
    pins = [pin for pin in facts.pins if " @ " not in pin.requirement]
    homes = {pin.name: facts.index_of(pin) for pin in pins}
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        asked = {name: pool.submit(_read_page, name, known[home.url] if home else None) for name, home in homes.items()}
        files = {name: page.result() for name, page in asked.items()}
    if problems := [_missing(pin, homes[pin.name]) for pin in pins if not has_file(pin, files[pin.name])]:
        raise LockError(*problems)
    return files


def _missing(pin: Pin, index: Index | None) -> Problem:
    message = f"{index.url if index else DEFAULT_INDEX} has no file of {pin.requirement} with a hash of the lock"
    hint = f"take a release that is there: mlspec lock --upgrade-package {pin.name}"
    return Problem(code="MLS247", message=message, hint=hint)


def _read_page(name: str, index: Index | None) -> PackageFiles:
    """Return the files of a package by their hashes; empty if the index does not have the package."""
    import requests

    own = configuration()
    base = own.index(index.url) if index else own.index_url or DEFAULT_INDEX
    login = (index.username, index.password) if index and index.username else None
    url = f"{base.rstrip('/')}/{name}/"
    try:
        answer = requests.get(
            url, headers={"Accept": _ACCEPT}, auth=login, timeout=_SECONDS, verify=certificate_file() or True
        )
    except (requests.exceptions.RequestException, ValueError) as error:
        raise ToolError(_silent(base, f"cannot be reached ({type(error).__name__})")) from None
    if answer.status_code == 404:
        return {}
    if answer.status_code >= 400:
        raise ToolError(_silent(base, f"answers {answer.status_code}"))
    return {value: file for value, file in _list_files(answer, base) if value}


def _silent(url: str, words: str) -> Problem:
    hint = "check the network and HTTPS_PROXY; or name a mirror: export MLSPEC_INDEX_URL=https://MIRROR/simple"
    message = f"{without_login(url)} {words}, and only an index has the addresses of files"
    return Problem(code="MLS253", message=message, hint=hint)


def _list_files(answer: requests.Response, base: str) -> Iterator[tuple[str, ExportedFile]]:
    if "json" in answer.headers.get("Content-Type", ""):
        try:
            rows = json.loads(answer.text)["files"]
            for row in rows:
                file = ExportedFile(row["filename"], _address(answer.url, row["url"]), row.get("size"))
                yield from ((f"{kind}:{value}", file) for kind, value in row["hashes"].items())
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ToolError(_silent(base, "gives an answer that is no page of an index")) from None
        return
    page = _Links()
    page.feed(answer.text)
    for link in page.links:
        address, fragment = urldefrag(urljoin(answer.url, link))
        kind, _, value = fragment.partition("=")
        name = unquote(urlsplit(address).path.rpartition("/")[2])
        yield f"{kind}:{value}", ExportedFile(name, _address(answer.url, address))


def _address(page: str, url: str) -> str:
    """Return the whole address of a file, without a login, a token in its query, or a fragment."""
    parts = urlsplit(urljoin(page, url))
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


class _Links(HTMLParser):
    """The links of a page of PEP 503."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.links += [value for name, value in attrs if name == "href" and value]
