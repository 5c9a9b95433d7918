"""The choice of one index for each package, and logins in addresses."""

from __future__ import annotations

import fnmatch
import re
import urllib.parse
from typing import Any

from pip._vendor.packaging.utils import canonicalize_name


def route(indexes: list[dict[str, Any]], default: str, name: str) -> str:
    """Return the address of the one index for a package, with its login."""
    wanted = canonicalize_name(name)
    for index in indexes:
        if any(fnmatch.fnmatchcase(wanted, _pattern(pattern)) for pattern in index["packages"]):
            return with_login(index)
    return next((with_login(index) for index in indexes if not index["packages"]), default)


def _pattern(pattern: str) -> str:
    return re.sub(r"[-_.]+", "-", pattern).lower()


def with_login(index: dict[str, Any]) -> str:
    """Return the address of an index with user and password, in pip's format."""
    url = str(index["url"])
    if not index["username"] and not index["password"]:
        return url
    scheme, _, rest = url.partition("://")
    login = ":".join(urllib.parse.quote(index[key], safe="") for key in ("username", "password"))
    return f"{scheme}://{login}@{rest}"


def without_login(url: str) -> str:
    """Return an address without user, password and fragment."""
    return re.sub(r"://[^/\s]*@", "://", url.partition("#")[0])
