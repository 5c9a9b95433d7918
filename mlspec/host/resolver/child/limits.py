"""How long and how large an answer of an index may be: one that drips, or has no end, is none."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pip._internal.index.collector
from pip._internal.models.link import Link

from mlspec.host.resolver.child.child_errors import IndexFailureError
from mlspec.host.resolver.child.patching import check, replace, replace_everywhere

# The largest page of PyPI has 30 MB.
_LARGEST_PAGE = 256_000_000
# Bytes a second that anything gives that is alive, over so many seconds and parts; a modem had 4,000.
_SLOWEST, _SECONDS, _PARTS = 100, 30, 10


class _Rate:
    """How fast one connection gives what it is read for, by the time that is spent in waiting for it."""

    def __init__(self) -> None:
        self._seconds, self._bytes, self._parts = 0.0, 0, 0

    def count(self, seconds: float, size: int) -> None:
        """Count a part that came; raises TimeoutError where the last ones took too long for what they were."""
        self._seconds, self._bytes, self._parts = self._seconds + seconds, self._bytes + size, self._parts + 1
        if self._seconds < _SECONDS or self._parts < _PARTS:
            return
        if self._bytes < _SLOWEST * self._seconds:
            raise TimeoutError(f"timed out: {self._bytes} bytes in {self._seconds:.0f} seconds")
        self._seconds, self._bytes, self._parts = 0.0, 0, 0


class _Page:
    """How much of a page came so far, while one is read."""

    size: int | None = None


def replace_reading() -> None:
    """Have each connection watched, and each page of an index."""
    replace(socket.SocketIO, "readinto", _watch_reads)
    replace(pip._internal.index.collector, "_get_simple_response", _limit_page)
    check(hasattr(pip._internal.index.collector, "parse_links"), "the collector has no parse_links")
    links = pip._internal.index.collector.parse_links
    replace_everywhere(links, _limit_links(links))


def _watch_reads(original: Callable[[Any, Any], int | None]) -> Callable[[Any, Any], int | None]:
    def readinto(self: Any, buffer: Any) -> int | None:  # noqa: ANN401
        began = time.monotonic()
        size = original(self, buffer)
        if not hasattr(self, "_mlspec_rate"):
            self._mlspec_rate = _Rate()
        self._mlspec_rate.count(time.monotonic() - began, size or 0)
        if _Page.size is not None:
            _Page.size += size or 0
            if _Page.size > _LARGEST_PAGE:
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
    """A page that is larger than any."""


@contextlib.contextmanager
def _count_bytes() -> Iterator[None]:
    _Page.size = 0
    try:
        yield
    finally:
        _Page.size = None


def _is_endless(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, _EndlessError):
            return True
        error = error.__cause__ or error.__context__
    return False
