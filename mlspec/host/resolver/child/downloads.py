"""Downloads of resolved files, for builds without a network and without logins."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from pip._internal.models.link import Link

from mlspec.host.resolver.child.child_errors import MismatchedFileError
from mlspec.host.resolver.child.seen import Seen


def download(session: Any, links: list[Link], pins: list[dict[str, Any]], job: dict[str, Any], seen: Seen) -> None:  # noqa: ANN401 - pip's session
    """Download the files of pins into the job's folder, after a report of their sizes to the parent.

    Raises MismatchedFileError if the hash of a file differs from the hash on its index. Packages from git are left out.
    """
    wanted = {link.filename: link for link in links if not link.is_vcs}
    rows = [{"name": pin["name"], "version": pin["version"], "size": pin["size"] or 0} for pin in pins]
    seen.channel.ask("download", files=rows)
    for name, link in wanted.items():
        _fetch(session, link, Path(job["download"], name))


def _fetch(session: Any, link: Link, place: Path) -> None:  # noqa: ANN401 - pip's session
    response = session.get(link.url_without_fragment, headers={"Accept-Encoding": "identity"}, stream=True)
    response.raise_for_status()
    digest = hashlib.sha256()
    with place.open("wb") as file:
        for chunk in response.iter_content(1 << 16):
            digest.update(chunk)
            file.write(chunk)
    promised = (getattr(link, "_hashes", None) or {}).get("sha256")
    if promised and promised != digest.hexdigest():
        raise MismatchedFileError(link.filename)
