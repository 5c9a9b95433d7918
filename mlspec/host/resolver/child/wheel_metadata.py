"""Metadata of wheels: read from the end of the file in one request, and kept in the user's cache."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pip._internal.metadata import BaseDistribution, get_metadata_distribution
from pip._internal.models.link import Link
from pip._internal.operations.prepare import RequirementPreparer
from pip._vendor.packaging.utils import canonicalize_name

from mlspec.host.resolver.child.once import Once
from mlspec.host.resolver.child.patching import replace
from mlspec.host.resolver.child.ranges import RangedFile
from mlspec.host.resolver.child.routing import without_login


class WheelMetadata:
    """The reader of metadata. Threads that ask for the same wheel share one answer."""

    def __init__(self, cache: Path) -> None:
        self._cache, self._answers = cache, Once[str, bytes]()

    def of(self, link: Link, session: Any) -> bytes:  # noqa: ANN401 - pip's session
        """Return the text of METADATA in a remote wheel; empty if only pip itself can find it."""
        return self._answers.get(link.url, lambda: self._read(link, session))

    def _read(self, link: Link, session: Any) -> bytes:  # noqa: ANN401
        digest = (getattr(link, "_hashes", None) or {}).get("sha256")
        if link.is_file or not link.is_wheel or not digest:
            return b""
        # The address is part of the key: an index must not answer for a file of another one by naming its hash.
        address = f"{without_login(link.url)}#{digest}"
        place = self._cache / hashlib.sha256(address.encode()).hexdigest()
        with contextlib.suppress(OSError):
            return place.read_bytes()
        text = shorten_metadata(_fetch_apart(link, session) or _fetch_from_wheel(link, session))
        if text:
            write_whole(place, text)
        return text


_KEPT = (b"metadata-version:", b"name:", b"version:", b"requires-dist:", b"requires-python:", b"provides-extra:")
# A line that email.feedparser takes for a header, or for the rest of one. At any other line, it ends the headers.
_HEADER = re.compile(rb"[\x21-\x39\x3b-\x7e]+:|[\t ]")


def shorten_metadata(text: bytes) -> bytes:
    """Return the headers that a resolution reads; the same text if its headers are malformed.

    pip parses the text four times for each package, and most of it is the description.
    """
    kept, keeps = [], False
    for line in text.splitlines(keepends=True):
        if not line.strip(b"\r\n"):
            break
        if not _HEADER.match(line):
            return text
        if line[:1] not in b"\t ":
            keeps = line.lower().startswith(_KEPT)
        if keeps:
            kept.append(line)
    return b"".join(kept) if kept else text


def write_whole(place: Path, data: bytes) -> None:
    """Write a file of the cache; other processes see all of it or nothing. A cache that is not writable stays as is."""
    with contextlib.suppress(OSError):
        place.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=place.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            Path(name).replace(place)
        except OSError:
            Path(name).unlink(missing_ok=True)


def _fetch_apart(link: Link, session: Any) -> bytes:  # noqa: ANN401
    """Return the metadata that an index serves beside the wheel (PEP 658); empty if it does not, or not correctly."""
    beside = link.metadata_link()
    if beside is None:
        return b""
    try:
        response = session.get(beside.url_without_fragment, headers={"Accept-Encoding": "identity"})
        if response.status_code != 200:
            return b""
        content = bytes(response.content)
        if hashes := beside.as_hashes():
            hashes.check_against_chunks(iter([content]))
    except Exception:
        return b""
    return content


def _fetch_from_wheel(link: Link, session: Any) -> bytes:  # noqa: ANN401
    try:
        with zipfile.ZipFile(RangedFile(session, link)) as archive:
            folders = {name.partition("/")[0] for name in archive.namelist() if ".dist-info/" in name}
            names = [name for name in folders if name.endswith(".dist-info")]
            return archive.read(f"{names[0]}/METADATA") if len(names) == 1 else b""
    except Exception:
        return b""


def replace_metadata(metadata: WheelMetadata) -> None:
    """Replace pip's request for metadata, which takes about six requests for each wheel."""

    def fetch_first(original: Callable[..., Any]) -> Callable[..., BaseDistribution | None]:
        def fetch(self: RequirementPreparer, req: Any) -> Any:  # noqa: ANN401 - pip's InstallRequirement
            if self.legacy_resolver or self.require_hashes or req.req is None:
                return original(self, req)
            if text := metadata.of(req.link, self._session):
                found = get_metadata_distribution(text, req.link.filename, req.req.name)
                if canonicalize_name(found.raw_name) == canonicalize_name(req.req.name):
                    return found
            return original(self, req)

        return fetch

    replace(RequirementPreparer, "_fetch_metadata_only", fetch_first)
