"""Files on the pages of indexes, without the cost of pip's links.

A page of a popular package lists thousands of files, and a lock takes a few of them. pip makes a link, a parsed wheel
name and a set of tags for each file: half of the CPU time of a lock of 140 packages.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Iterator
from typing import Any

import pip._internal.index.package_finder
from pip._internal.exceptions import InstallationError
from pip._internal.models.link import Link
from pip._internal.models.wheel import Wheel
from pip._vendor.packaging.utils import parse_sdist_filename
from pip._vendor.packaging.version import InvalidVersion, Version

from mlspec.host.resolver.child.child_errors import IndexFailureError

_JSON = "application/vnd.pypi.simple.v1+json"


class IndexFile:
    """A file on the page of an index. Its :attr:`link` is made when it is first needed."""

    __slots__ = ("_link", "_page_url", "_row", "filename", "is_wheel", "is_yanked", "requires_python", "url")

    def __init__(self, row: dict[str, Any], page_url: str, link: Link | None = None) -> None:
        self._row, self._page_url, self._link = row, page_url, link
        if link is None:
            self.url: str = row["url"]
            self.filename = self.url.rpartition("/")[2]
            requires, yanked = row.get("requires-python"), row.get("yanked")
            if not isinstance(requires or "", str) or not isinstance(row.get("hashes", {}), dict):
                raise TypeError(f"the row of {self.filename} is malformed")
            self.requires_python, self.is_yanked = requires or "", bool(yanked)
            if "#" in self.filename or "?" in self.filename or "%" in self.url:
                # Quoted names and fragments are rare; pip knows what they mean.
                self.filename = self.link.filename
        else:
            self.url, self.filename = link.url, link.filename
            self.requires_python, self.is_yanked = link.requires_python or "", link.is_yanked
        self.is_wheel = self.filename.lower().endswith(".whl") if link is None else link.is_wheel

    @property
    def link(self) -> Link:
        """The file as pip's link."""
        if self._link is None:
            self._link = Link.from_json(self._row, self._page_url)
            assert self._link is not None  # noqa: S101 - pip returns None only for a row without an address
        return self._link

    @property
    def upload_time(self) -> str:
        """The upload time, such as ``2026-11-28T10:20:30Z`` (PEP 700); empty if the index does not say it."""
        return str(self._row.get("upload-time") or "")

    @property
    def row(self) -> dict[str, Any]:
        """The file as a row of a JSON page; empty for a file of an HTML page."""
        return self._row

    @property
    def page_url(self) -> str:
        """The address of the page."""
        return self._page_url

    @property
    def version(self) -> Version | None:
        """The version in the name of the file; None if the name has no valid version."""
        return parse_file_version(self.filename, is_wheel=self.is_wheel)

    @property
    def tags(self) -> str:
        """The tags in the name of a wheel: ``PYTHONS-ABIS-PLATFORMS``, each with dots between several."""
        return "-".join(self.filename[:-4].rsplit("-", 3)[1:]).lower()

    @property
    def platforms(self) -> list[str]:
        """The platforms of a wheel."""
        return self.tags.rpartition("-")[2].split(".")


def parse_file_version(filename: str, *, is_wheel: bool) -> Version | None:
    """Return the version in the name of a file; None if the name has no valid version."""
    if is_wheel:
        parts = filename[:-4].split("-")
        # A name of another form is rare; pip knows which of them are valid.
        return parse_version(parts[1]) if len(parts) == 5 else _parse_wheel_version(filename)
    return _parse_source_version(filename)


@functools.cache
def parse_version(text: str) -> Version | None:
    """Return a version; None if the text is not one."""
    try:
        return Version(text)
    except InvalidVersion:
        return None


@functools.cache
def _parse_wheel_version(filename: str) -> Version | None:
    try:
        return Version(Wheel(filename).version)
    except (ValueError, InstallationError):
        return None


@functools.cache
def _parse_source_version(filename: str) -> Version | None:
    try:
        return parse_sdist_filename(filename.replace(".tgz", ".tar.gz").replace(".tar.bz2", ".tar.gz"))[1]
    except (ValueError, InstallationError):
        return None


def read_page(page: Any) -> list[IndexFile]:  # noqa: ANN401 - pip's IndexContent
    """Return the files on a page; raises IndexFailureError if the answer is no page."""
    try:
        if page.content_type.lower().startswith(_JSON):
            rows = json.loads(page.content).get("files", [])
            return [IndexFile(row, page.url) for row in rows if row.get("url") is not None]
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        raise IndexFailureError("garbage", page.url, str(error)) from error
    # pip's own name for the function: it is limited there.
    links: Iterable[Link] = pip._internal.index.package_finder.parse_links(page)  # type: ignore[attr-defined]
    return [IndexFile({}, page.url, link) for link in links]


def without_sources(files: Iterable[IndexFile]) -> Iterator[IndexFile]:
    """Yield the files without the sources of releases that have a wheel."""
    files = list(files)
    with_wheels = {file.version for file in files if file.is_wheel}
    return (file for file in files if file.is_wheel or file.version not in with_wheels)
