"""Probes of hosts on the network, in parallel and with a time limit of a few seconds."""

from __future__ import annotations

import queue
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from mlspec.advice.doctor.observations import Probe
from mlspec.host.engine.engine import innermost, within
from mlspec.host.network.user_configuration import certificate_file, configuration

if TYPE_CHECKING:
    import requests

T = TypeVar("T")


def at_once(tasks: Mapping[str, Callable[[], T]], seconds: float) -> dict[str, T]:
    """Run all tasks in parallel and return their results, without tasks that fail or take longer than ``seconds``.

    A name lookup or a stale network disk may hang beyond any timeout: the function abandons the thread of such a task.
    """
    done: queue.SimpleQueue[tuple[str, T] | None] = queue.SimpleQueue()

    def run(name: str, task: Callable[[], T]) -> None:
        try:
            done.put((name, task()))
        except Exception:
            # A failed probe must not hide the results of the other probes.
            done.put(None)

    for name, task in tasks.items():
        threading.Thread(target=run, args=(name, task), daemon=True).start()
    end = time.monotonic() + seconds
    results: dict[str, T] = {}
    for _ in tasks:
        try:
            result = done.get(timeout=max(0.0, end - time.monotonic()))
        except queue.Empty:
            break
        results |= [result] if result else []
    return results


def answer(place: str, urls: Iterable[str], seconds: float) -> Probe:
    """Return the probe of the first address that answers, else the failed probe of the last address; never raises."""
    found = Probe(place=place, host="", state="silent")
    for url in urls:
        found = _ask(place, url, seconds)
        if found.state in {"fine", "private", "untold"}:
            break
    return found


def _ask(place: str, url: str, seconds: float) -> Probe:
    import requests

    name = urlsplit(url).hostname or url
    try:
        response = _get(url, _own_certificates(), seconds)
    except requests.exceptions.ProxyError as error:
        return Probe(place=place, host=name, state="proxy", words=innermost(error))
    except requests.exceptions.SSLError as error:
        store = ssl.get_default_verify_paths().cafile or ""
        if store and not _is_out_of_time(error) and _is_trusted(url, store, seconds):
            return Probe(place=place, host=name, state="untold", words=store)
        return Probe(place=place, host=name, state="untrusted", words=innermost(error))
    except (OSError, ValueError) as error:
        return Probe(place=place, host=name, state="silent", words=innermost(error))
    if response.status_code >= 500:
        return Probe(place=place, host=name, state="silent", words=f"it answers {response.status_code}")
    # Builds also trust the certificates in the user's configuration.
    is_told = _own_certificates() is True or bool(configuration().certificates)
    is_private = url.startswith("https:") and not is_told and not _is_trusted(url, _public(), seconds)
    return Probe(place=place, host=name, state="private" if is_private else "fine", skew=_skew(response))


def _get(url: str, verify: str | bool, seconds: float) -> requests.Response:
    import requests

    # Do not read the whole answer: an index lists all its packages on its first page.
    with requests.get(url, verify=verify, timeout=seconds, stream=True) as response:
        return response


def _own_certificates() -> str | bool:
    """Return the file of the certificates to trust; True stands for the certificates that come with ``requests``."""
    return certificate_file() or True


def _public() -> str:
    """Return the file of the public certificates that come with ``requests``."""
    from requests.utils import DEFAULT_CA_BUNDLE_PATH

    return str(DEFAULT_CA_BUNDLE_PATH)


def _is_trusted(url: str, certificates: str, seconds: float) -> bool:
    import requests

    try:
        _get(url, certificates, seconds)
    except requests.exceptions.SSLError:
        return False
    except (OSError, ValueError):
        return True
    return True


def _is_out_of_time(error: Exception) -> bool:
    words = " ".join(str(inner) for inner in within(error))
    return "expired" in words or "not yet valid" in words


def _skew(response: requests.Response) -> float | None:
    """Return how many seconds the clock of a server is ahead of this host's clock; None without a Date header."""
    try:
        date = parsedate_to_datetime(response.headers["Date"])
        return (date - datetime.now(UTC)).total_seconds()
    except (KeyError, TypeError, ValueError):
        return None
