"""Limits for answers of indexes: the lowest rate of a connection and the largest size of a page."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pip._internal.index.collector
from pip._internal.models.link import Link

from mlspec.host.resolver.child.child_errors import IndexFailureError
from mlspec.host.resolver.child.patching import check, replace, replace_everywhere

# Bytes. The largest page of PyPI has 30 MB.
_LARGEST_PAGE = 256_000_000
# Lowest rate in bytes per second, measured over at least so many seconds and reads; a modem had 4,000.
_SLOWEST, _SECONDS, _PARTS = 100, 30, 10


class _Rate:
    """The rate of one connection: bytes received, by the seconds that reads had to wait."""

    def __init__(self) -> None:
        self._seconds, self._bytes, self._parts = 0.0, 0, 0

    def count(self, seconds: float, size: int) -> None:
        """Count one read; raises TimeoutError if the last reads were slower than 100 bytes per second."""
        self._seconds, self._bytes, self._parts = self._seconds + seconds, self._bytes + size, self._parts + 1
        if self._seconds < _SECONDS or self._parts < _PARTS:
            return
        if self._bytes < _SLOWEST * self._seconds:
            raise TimeoutError(f"timed out: {self._bytes} bytes in {self._seconds:.0f} seconds")
        self._seconds, self._bytes, self._parts = 0.0, 0, 0


class _Page(threading.local):
    """The bytes received of the current page of this thread; None while it reads no page."""

    size: int | None = None


_page = _Page()


def replace_reading() -> None:
    """Replace functions of pip and of sockets, so that the limits apply to each connection and each page."""
    replace(socket.SocketIO, "readinto", _watch_reads)
    replace(pip._internal.index.collector, "_get_simple_response", _limit_page)
    check(hasattr(pip._internal.index.collector, "parse_links"), "the collector has no parse_links")
    links = pip._internal.index.collector.parse_links
    replace_everywhere({links: _limit_links(links)})


def _watch_reads(original: Callable[[Any, Any], int | None]) -> Callable[[Any, Any], int | None]:
    def readinto(self: Any, buffer: Any) -> int | None:  # noqa: ANN401
        began = time.monotonic()
        size = original(self, buffer)
        if not hasattr(self, "_mlspec_rate"):
            self._mlspec_rate = _Rate()
        self._mlspec_rate.count(time.monotonic() - began, size or 0)
        if _page.size is not None:
            _page.size += size or 0
            if _page.size > _LARGEST_PAGE:
                raise _EndlessError(f"more than {_LARGEST_PAGE // 1_000_000} MB")
        return size

    return readinto


def _limit_page(original: Callable[..., Any]) -> Callable[..., Any]:
    def page(url: str, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        try:
            with _count_bytes():
                return original(url, *arguments, **options)
        except Exception as error:
            if _is_endless(error):
                raise IndexFailureError("endless", url, str(error)) from error
            raise

    return page


def _limit_links(original: Callable[..., Iterable[Link]]) -> Callable[..., Iterable[Link]]:
    def parse_links(page: Any) -> Iterable[Link]:  # noqa: ANN401
        try:
            return list(original(page))
        except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
            raise IndexFailureError("garbage", page.url, str(error)) from error

    return parse_links


class _EndlessError(OSError):
    """A page that exceeds the largest allowed size."""


@contextlib.contextmanager
def _count_bytes() -> Iterator[None]:
    _page.size = 0
    try:
        yield
    finally:
        _page.size = None


def _is_endless(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, _EndlessError):
            return True
        error = error.__cause__ or error.__context__
    return False
