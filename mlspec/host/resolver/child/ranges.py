"""A remote file that is read in parts, by HTTP range requests."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

from pip._internal.models.link import Link

_TAIL = 64 * 1024


class Unsupported(Exception):
    """A server that does not support range requests."""


class RangedFile(io.RawIOBase):
    """A seekable remote file that fetches only the parts that are read; ``fetched`` counts their bytes.

    The constructor raises Unsupported if the server does not support range requests.
    """

    def __init__(self, session: Any, link: Link) -> None:  # noqa: ANN401 - pip's session
        super().__init__()
        self._session, self._link = session, link
        self._parts: list[tuple[int, bytes]] = []
        self._place = self.fetched = self.size = 0
        self._fetch(f"bytes=-{_TAIL}")

    def _fetch(self, wanted: str) -> None:
        if self._link.is_file:
            whole = Path(self._link.file_path).read_bytes()
            self.size, self._parts = len(whole), [(0, whole)]
            return
        headers = {"Range": wanted, "Accept-Encoding": "identity"}
        with self._session.get(self._link.url_without_fragment, headers=headers, stream=True) as response:
            told = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", response.headers.get("Content-Range", ""))
            # A server may send the whole file if it is shorter than the range.
            is_whole = response.status_code == 200 and int(response.headers.get("Content-Length", _TAIL)) < _TAIL
            if not is_whole and (response.status_code != 206 or not told):
                raise Unsupported(self._link.filename)
            data = response.content
        start, self.size = (int(told[1]), int(told[2])) if told else (0, len(data))
        self._parts.append((start, data))
        self.fetched += len(data)

    def prefetch(self, start: int, end: int) -> None:
        """Fetch a part in one request, before several reads of it."""
        if not self._find_part(start, end):
            self._fetch(f"bytes={start}-{min(end, self.size) - 1}")

    def _find_part(self, start: int, end: int) -> bytes | None:
        end = min(end, self.size)
        for place, data in self._parts:
            if place <= start and end <= place + len(data):
                return data[start - place : end - place]
        return None

    def seekable(self) -> bool:
        """Return True."""
        return True

    def readable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Set the position in the file, and return it."""
        self._place = offset + (0, self._place, self.size)[whence]
        return self._place

    def tell(self) -> int:
        """Return the position in the file."""
        return self._place

    def read(self, size: int = -1) -> bytes:
        """Return up to ``size`` bytes from the current position; a negative size reads to the end."""
        end = self.size if size < 0 else min(self._place + size, self.size)
        if self._place >= end:
            return b""
        self.prefetch(self._place, end)
        data = self._find_part(self._place, end) or b""
        self._place = end
        return data
