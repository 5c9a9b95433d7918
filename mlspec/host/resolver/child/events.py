"""Progress events of the resolver for the parent process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pip._internal.index.collector
from pip._internal.network.session import PipSession
from pip._vendor.packaging.utils import canonicalize_name

from mlspec.host.resolver.child.channel import Channel
from mlspec.host.resolver.child.patching import replace

_FILES = (".whl", ".tar.gz", ".tgz", ".tar.bz2", ".zip")


def replace_silence(channel: Channel) -> None:
    """Replace functions of pip, so that each request of a page and each download of a file sends an event."""
    names: set[str] = set()

    def page_with_event(original: Callable[..., Any]) -> Callable[..., Any]:
        def fetch_page(url: str, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401
            name = canonicalize_name(url.rstrip("/").rpartition("/")[2])
            names.add(name)
            channel.tell("page", name=name, known=len(names))
            return original(url, *arguments, **options)

        return fetch_page

    replace(pip._internal.index.collector, "_get_simple_response", page_with_event)

    def request(original: Callable[..., Any]) -> Callable[..., Any]:
        def send_request(self: PipSession, method: str, url: str, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401
            response = original(self, method, url, *arguments, **options)
            name = url.partition("#")[0].partition("?")[0].rpartition("/")[2]
            length = str(response.headers.get("Content-Length", ""))
            if method == "GET" and response.status_code == 200 and name.endswith(_FILES):
                channel.tell("file", name=name, size=int(length) if length.isdigit() else 0)
            return response

        return send_request

    replace(PipSession, "request", request)
