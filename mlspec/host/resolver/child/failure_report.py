"""The conversion of a failure into plain data for the report."""

from __future__ import annotations

import itertools
import re
import traceback
from collections.abc import Iterator
from typing import Any

from pip._internal.exceptions import HashMismatch, NetworkConnectionError
from pip._vendor.packaging.utils import canonicalize_name
from pip._vendor.resolvelib import ResolutionImpossible

from mlspec.host.resolver.child.answers import network_kind
from mlspec.host.resolver.child.child_errors import BuildFailureError, IndexFailureError, WrongHashesError
from mlspec.host.resolver.child.release_rows import newest_wheel, releases_of
from mlspec.host.resolver.child.routing import without_login
from mlspec.host.resolver.child.seen import Seen

# Modules in which pip reads the page of a package. A foreign exception there means that the answer is not such a page.
_READERS = ("_internal/index/collector.py", "_internal/models/link.py")


def explain_failure(error: Exception, seen: Seen, *, pre: bool) -> dict[str, Any]:
    """Return a failure as plain data; ``kind`` names the kind of failure."""
    chain = list(_chain(error))
    for cause in chain:
        if isinstance(cause, IndexFailureError):
            return cause.report
        if isinstance(cause, BuildFailureError):
            name = canonicalize_name(cause.name)
            return {
                "kind": "build",
                "name": name,
                "version": cause.version,
                "place": cause.place,
                "message": cause.detail,
                "releases": releases_by_name({name}, seen, pre=pre),
                "wheel_version": newest_wheel(name, seen, pre=pre) if seen.finder else "",
            }
        if isinstance(cause, WrongHashesError):
            return {"kind": "hashes", "name": cause.name, "message": str(cause)}
        if isinstance(cause, ResolutionImpossible):
            return _conflict(cause, seen, pre=pre)
        if isinstance(cause, NetworkConnectionError) and cause.response is not None:
            kind = "login" if cause.response.status_code in {401, 403, 407} else "http"
            url = without_login(cause.response.url)
            return {"kind": kind, "url": url, "status": cause.response.status_code, "message": str(cause)}
        if type(cause).__module__.startswith(("pip._vendor.requests", "pip._vendor.urllib3")) or type(
            cause
        ).__name__ in {
            "ConnectionFailedError",
            "ConnectionTimeoutError",
            "SSLVerificationError",
            "ProxyConnectionError",
        }:
            url = next(iter(re.findall(r"https?://[^\s'\"]+", str(cause))), "")
            return {"kind": network_kind(str(cause)), "url": without_login(url), "message": str(cause)}
        if isinstance(cause, HashMismatch):
            return {"kind": "changed", "name": cause.req.name if cause.req else "", "message": str(cause)}
        if any(frame.filename.endswith(_READERS) for frame in traceback.extract_tb(cause.__traceback__)):
            return {"kind": "unreadable", "message": f"{type(cause).__name__}: {cause}", "notes": seen.notes}
    return {"kind": "other", "message": f"{type(error).__name__}: {error}", "notes": seen.notes}


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _conflict(error: Any, seen: Seen, *, pre: bool) -> dict[str, Any]:  # noqa: ANN401 - resolvelib's generics
    causes = []
    for cause in error.causes:
        ireq = getattr(cause.requirement, "_ireq", None)
        is_python = "Requires-Python" in str(cause.requirement.name)
        specifier = getattr(cause.requirement, "specifier", None) if is_python else getattr(ireq, "specifier", "")
        causes.append(
            {
                "name": "" if is_python else canonicalize_name(cause.requirement.project_name),
                "specifier": str(specifier or ""),
                "parent": canonicalize_name(cause.parent.project_name) if cause.parent else "",
                "parent_version": str(cause.parent.version) if cause.parent else "",
            }
        )
    releases = releases_by_name({cause["name"] for cause in causes} - {""}, seen, pre=pre)
    return {"kind": "conflict", "causes": causes, "releases": releases, "notes": seen.notes}


def releases_by_name(names: set[str], seen: Seen, *, pre: bool) -> dict[str, list[dict[str, Any]]]:
    """Return at most 400 releases of each package, newest first, each with the reason why it is no candidate."""
    return {
        name: [
            {**row, "version": str(row["version"])} for row in itertools.islice(releases_of(name, seen, pre=pre), 400)
        ]
        for name in sorted(names)
        if seen.finder
    }
