"""The problems of a registry lookup, with messages and hints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from mlspec.errors import ToolError
from mlspec.facts.image_reference import DOCKER_HUB, ImageReference
from mlspec.host.network.registry.endpoints import MIRROR_VARIABLE, Endpoint
from mlspec.lock.world import NO_PLATFORM
from mlspec.spec.place import Place
from mlspec.text import nearest


@dataclass(frozen=True, slots=True)
class Refusals:
    """The problems of one image at one endpoint; each method raises ToolError with a problem ``at`` a place."""

    endpoint: Endpoint
    image: ImageReference
    at: Place

    def _fail(self, code: str, message: str, hint: str) -> NoReturn:
        fail(code, message, hint, self.at)

    def fail_missing(self, tags: Sequence[str]) -> NoReturn:
        """Report that the image does not exist, and name similar tags from ``tags``."""
        message = f"{self.endpoint.place} has no image {self.image.familiar}"
        if not tags:
            self._fail(
                "MLS302",
                message,
                f"check the name; a private image may be visible only after: {self.endpoint.login_command}",
            )
        if self.image.digest:
            self._fail("MLS302", message, "the digest may have been removed: leave it out")
        near = list(nearest(self.image.tag, tags, most=3)) or sorted(tags)[:5]
        self._fail("MLS302", message, f"similar tags: {', '.join(near)}")

    def fail_limited(self, wait: str) -> NoReturn:
        """Report that the endpoint limits requests; ``wait`` is its Retry-After header: seconds, or other text."""
        when = f"try again in {wait} seconds, or " if wait.isdigit() else ""
        hint = f"{when}log in for a higher limit: {self.endpoint.login_command}"
        hint += f"; or name a mirror in {MIRROR_VARIABLE}" if self.image.registry == DOCKER_HUB else ""
        self._fail("MLS305", f"{self.endpoint.place} refuses more requests from this host for now", hint)

    def fail_denied(self, login_trouble: str) -> NoReturn:
        """Report that the image needs a login; ``login_trouble`` is the error of Docker's login store, or empty."""
        trouble = f"\nDocker's login store failed: {login_trouble}" if login_trouble else ""
        hint = f"check the name; for a private image: {self.endpoint.login_command}{trouble}"
        self._fail(
            "MLS303",
            f"{self.endpoint.place} gives {self.image.familiar} only to a login with read access",
            hint,
        )

    def fail_platform(self, platform: str, platforms: tuple[str, ...]) -> NoReturn:
        """Report that the image exists only for other platforms."""
        hint = f"it has {', '.join(platforms) or 'none'}: name one of these in platforms, or take another base"
        self._fail(NO_PLATFORM, f"{self.image.familiar} has no image for {platform}", hint)

    def _place(self, host: str) -> str:
        return self.endpoint.place if host == self.endpoint.host else host

    def fail_untrusted(self, host: str, error: Exception) -> NoReturn:
        """Report that the certificate of a host is not trusted."""
        hint = f"if a proxy inspects TLS, name its certificate in SSL_CERT_FILE\n{_innermost(error)}"
        self._fail("MLS306", f"the certificate of {self._place(host)} cannot be verified", hint)

    def fail_unreached(self, host: str, error: Exception) -> NoReturn:
        """Report that a host does not answer."""
        mirror = f", or name a mirror in {MIRROR_VARIABLE}" if self.image.registry == DOCKER_HUB else ""
        hint = f"check the network and HTTPS_PROXY{mirror}\n{_innermost(error)}"
        self._fail("MLS301", f"{self._place(host)} cannot be reached to look up {self.image.familiar}", hint)

    def fail_slow(self, seconds: int) -> NoReturn:
        """Report that the endpoint did not finish its answers within ``seconds``."""
        mirror = f", or name a mirror in {MIRROR_VARIABLE}" if self.image.registry == DOCKER_HUB else ""
        message = f"{self.endpoint.place} did not answer about {self.image.familiar} within {seconds} seconds"
        self._fail("MLS309", message, f"check the network, and try again{mirror}")

    def fail_odd(self, message: str) -> NoReturn:
        """Report an answer that does not come from a working registry."""
        self._fail("MLS307", message, f"check that {self.endpoint.url} is an image registry; if it is, try again later")


def fail(code: str, message: str, hint: str, at: Place) -> NoReturn:
    """Raise ToolError with one problem, at the place that names the image."""
    raise ToolError(at.problem(code, message, hint)) from None


def _innermost(error: BaseException) -> str:
    """Return the message of the innermost error, which requests and urllib3 wrap in several others."""
    words = str(error.args[0] if error.args else error)
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    return (str(reason) if reason else words).rpartition(">: ")[2].strip() or type(error).__name__


def is_unreached(failure: ToolError) -> bool:
    """Return whether an endpoint did not answer, did not answer in time, or has an untrusted certificate."""
    return failure.problems[0].code in {"MLS301", "MLS306", "MLS309"}
