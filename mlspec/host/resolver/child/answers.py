"""What indexes answer: the sizes they tell are kept, and one that does not answer stops the resolution."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Any

import pip._internal.index.collector
from pip._internal.models.link import Link

from mlspec.host.resolver.child.child_errors import IndexFailureError
from mlspec.host.resolver.child.patching import replace
from mlspec.host.resolver.child.routing import without_login
from mlspec.host.resolver.child.seen import Seen


def replace_links(seen: Seen) -> None:
    """Keep the sizes that an index tells (PEP 700), and stop where an index does not answer."""

    def sized(original: Any) -> Any:  # noqa: ANN401
        def from_json(file_data: dict[str, Any], page_url: str) -> Link | None:
            link: Link | None = original(file_data, page_url)
            if link and isinstance(file_data.get("size"), int):
                seen.sizes[link.url] = file_data["size"]
            return link

        return staticmethod(from_json)

    replace(Link, "from_json", sized)

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
        # Of its own, or pip-tools being quiet would silence it.
        logging.getLogger(name).setLevel(logging.WARNING)


def index_failure(link: Link, reason: str | Exception) -> IndexFailureError | None:
    """Return why an index gave no page; not having a package is an answer."""
    status = getattr(getattr(reason, "response", None), "status_code", None)
    if status in {404, 410}:
        return None
    text = str(reason)
    # Such an answer is asked for again, and only the number of attempts is told in the end.
    if repeated := re.search(r"too many (\d{3}) error responses", text):
        status = int(repeated[1])
    if status in {401, 403, 407}:
        return IndexFailureError("login", link.url, text, status)
    if status:
        return IndexFailureError("http", link.url, text, status)
    return IndexFailureError(network_kind(text), link.url, text)


def network_kind(text: str) -> str:
    """Return which kind of failure the words of a network error tell of."""
    words = text.lower()
    if "certificate" in words or "ssl" in words:
        return "tls"
    if "proxy" in words:
        return "proxy"
    return "timeout" if "timed out" in words or "timeout" in words else "connect"
