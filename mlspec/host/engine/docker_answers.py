"""What the ``docker`` command answers of its engine, for questions whose usual answer needs no more.

The SDK takes longer to import than such an answer to come. Where the answer is not the usual one there is none here,
and the SDK is asked for the whole of it.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from typing import Any

# Seconds, as the SDK is given.
_TIMEOUT = 10
# 0.0.0.0:8000->80/tcp, [::]:8000-8001->80-81/tcp, and in a list without names an address between brackets or none
_PUBLISHED = re.compile(r":(\d+)(?:-(\d+))?->")


# Once for a run, which asks twice and ends this process.
@cache
def read_version() -> dict[str, Any] | None:
    """Return the engine's answer about its version; None if the answer lacks the usual form."""
    found = _read_json("docker", "version", "--format", "{{json .Server}}")
    is_usual = isinstance(found, dict) and {"Version", "ApiVersion", "Os", "Arch", "Components"} <= found.keys()
    return found if is_usual else None


def read_image(name: str) -> dict[str, Any] | None:
    """Return the engine's answer about an image; None without such an image or an answer of the usual form."""
    found = _read_json("docker", "image", "inspect", name)
    if not (isinstance(found, list) and len(found) == 1 and isinstance(found[0], dict)):
        return None
    image: dict[str, Any] = found[0]
    return image if {"Id", "Os", "Architecture", "Config"} <= image.keys() else None


def read_published_ranges() -> list[range] | None:
    """Return the ports of the host that containers have; None where there is no answer."""
    text = _read("docker", "ps", "--no-trunc", "--format", "{{.Ports}}")
    return None if text is None else list(_ranges(text))


def _ranges(text: str) -> Iterator[range]:
    for first, last in _PUBLISHED.findall(text):
        yield range(int(first), int(last or first) + 1)


def _read_json(*words: str) -> Any:  # noqa: ANN401 - as json has it
    text = _read(*words)
    try:
        return json.loads(text) if text else None
    except ValueError:
        return None


def _read(*words: str) -> str | None:
    try:
        done = subprocess.run(words, capture_output=True, encoding="utf-8", errors="replace", timeout=_TIMEOUT)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    # A warning may be in the way of the full answer.
    return done.stdout if done.returncode == 0 and not done.stderr else None
