"""Message and hint for an index that cannot be reached: its owner, the system's reason, and the setting of a mirror."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mlspec.facts.accelerator import from_label
from mlspec.facts.torch import torch_index
from mlspec.lock.requirements.indexes import Index
from mlspec.text import without_login

_REASON = re.compile(r"\[Errno -?\d+\] ([^'\")]+)|(Connection refused|Connection reset by peer|timed out)")


def describe_unreachable(url: str, name: str, words: str, indexes: Sequence[Index]) -> tuple[str, str]:
    """Return a message and a hint about an index that cannot be reached.

    ``url`` is the requested address: the page of the package ``name``, if ``name`` is not empty. ``words`` is the text
    of the network error. ``indexes`` are the image's indexes besides the default index, with the accelerator's index.
    """
    own = next((index for index in indexes if url.startswith(index.url.rstrip("/") + "/")), None)
    host = re.sub(r"^(\w+://[^/]+).*$", r"\1", url) or "the package index"
    accelerator = _accelerator(own.url) if own else ""
    place = own.url if own and accelerator else host
    who = f"{name or 'torch'} for `accelerator: {accelerator}` comes from " if accelerator else ""
    message = f"{who}{without_login(place)}{', which' if who else ''} cannot be reached{_reason(words)}"
    if own and accelerator:
        hint = "check the network and HTTPS_PROXY; or name a mirror of it: export MLSPEC_INDEX_MIRRORS="
        return message, f"{hint}{own.url}=https://MIRROR/PATH"
    if own:
        return message, "check the network and HTTPS_PROXY, or correct its address under `indexes`"
    return message, "check the network and HTTPS_PROXY; or name a mirror: export MLSPEC_INDEX_URL=https://MIRROR/simple"


def _accelerator(url: str) -> str:
    """Return the accelerator whose torch index has this address; empty for any other index."""
    label = url.rstrip("/").rpartition("/")[2]
    found = from_label(label)
    return str(found) if found and torch_index(label).url.rstrip("/") == url.rstrip("/") else ""


def _reason(words: str) -> str:
    """Return the system's reason for a failed connection, with a colon in front; empty if there is no reason."""
    found = [a or b for a, b in _REASON.findall(words)]
    return f": {found[-1].strip()}" if found else ""
