"""Answers of indexes: sizes of files are recorded, and an index that does not answer stops the resolution."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Any

import pip._internal.index.collector
import pip._internal.models.link
from pip._internal.models.link import Link

from mlspec.host.resolver.child.child_errors import IndexFailureError
from mlspec.host.resolver.child.patching import replace
from mlspec.host.resolver.child.routing import without_login
from mlspec.host.resolver.child.seen import Seen


def replace_links(seen: Seen) -> None:
    """Replace functions of pip: record the file sizes of an index (PEP 700), and fail if an index does not answer."""

    def note_size(original: Any) -> Any:  # noqa: ANN401
        def from_json(file_data: dict[str, Any], page_url: str) -> Link | None:
            link: Link | None = original(file_data, page_url)
            if link and isinstance(file_data.get("size"), int):
                seen.sizes[link.url] = file_data["size"]
            return link

        return staticmethod(from_json)

    replace(Link, "from_json", note_size)
    # Half of the time for a link. Another name than this one, in another pip, only costs that time.
    if hasattr(pip._internal.models.link, "_ensure_quoted_url"):
        replace(pip._internal.models.link, "_ensure_quoted_url", _pass_plain_addresses)

    def strict(_: object) -> Callable[..., None]:
        def fail(link: Link, reason: str | Exception, meth: object = None) -> None:
            if failure := index_failure(link, reason):
                raise failure

        return fail

    replace(pip._internal.index.collector, "_handle_get_simple_fail", strict)

    class Notes(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.notes.append(without_login(record.getMessage()))

    for name in ("pip._internal.index.collector", "pip._internal.network.session"):
        logging.getLogger(name).addHandler(Notes(logging.WARNING))
        # Set a level here, because pip-tools would silence the logger with its option --quiet.
        logging.getLogger(name).setLevel(logging.WARNING)


# Addresses that contain only characters which urllib.parse.quote leaves alone.
_PLAIN = re.compile(r"https?://[A-Za-z0-9.:-]+/[A-Za-z0-9_.~/-]*")


def _pass_plain_addresses(original: Callable[[str], str]) -> Callable[[str], str]:
    return lambda url: url if _PLAIN.fullmatch(url) else original(url)


def index_failure(link: Link, reason: str | Exception) -> IndexFailureError | None:
    """Return the error for a failed request of a page; None if the index only does not have the package."""
    status = getattr(getattr(reason, "response", None), "status_code", None)
    if status in {404, 410}:
        return None
    text = str(reason)
    # pip repeats a request with such a status. The final error has no response, only the status in its message.
    if repeated := re.search(r"too many (\d{3}) error responses", text):
        status = int(repeated[1])
    if status in {401, 403, 407}:
        return IndexFailureError("login", link.url, text, status)
    if status:
        return IndexFailureError("http", link.url, text, status)
    return IndexFailureError(network_kind(text), link.url, text)


def network_kind(text: str) -> str:
    """Return the kind of a network error, from its message."""
    words = text.lower()
    if "certificate" in words or "ssl" in words:
        return "tls"
    if "proxy" in words:
        return "proxy"
    return "timeout" if "timed out" in words or "timeout" in words else "connect"
