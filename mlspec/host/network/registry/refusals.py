"""Why a registry gave no image, in words, with what a person can do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from mlspec.errors import Problem, ToolError
from mlspec.facts.image_reference import DOCKER_HUB, ImageReference
from mlspec.host.network.registry.endpoints import MIRROR_VARIABLE, Endpoint
from mlspec.lock.world import NO_PLATFORM
from mlspec.text import nearest


@dataclass(frozen=True, slots=True)
class Refusals:
    """The ways in which one image is not had from one endpoint; each raises ToolError."""

    endpoint: Endpoint
    image: ImageReference

    def fail_missing(self, tags: Sequence[str]) -> NoReturn:
        """Say that the image is not there, and which of ``tags`` are near to it."""
        message = f"{self.endpoint.place} has no image {self.image.familiar}"
        if not tags:
            fail("MLS302", message, f"check the name; a private one may show only after: {self.endpoint.login_command}")
        if self.image.digest:
            fail("MLS302", message, "the digest may have been removed: leave it out")
        near = list(nearest(self.image.tag, tags, most=3)) or sorted(tags)[:5]
        fail("MLS302", message, f"its nearest tags: {', '.join(near)}")

    def fail_limited(self, wait: str) -> NoReturn:
        """Say that the endpoint has had enough, for ``wait`` seconds where that is a number."""
        when = f"try again in {wait} seconds, or " if wait.isdigit() else ""
        hint = f"{when}log in for a higher limit: {self.endpoint.login_command}"
        hint += f"; or name a mirror in {MIRROR_VARIABLE}" if self.image.registry == DOCKER_HUB else ""
        fail("MLS305", f"{self.endpoint.place} answers no more requests from here for now", hint)

    def fail_denied(self, login_trouble: str) -> NoReturn:
        """Say that the image needs a login, and what Docker's store of logins said."""
        trouble = f"\nDocker's login store failed: {login_trouble}" if login_trouble else ""
        hint = f"check the name; for a private image: {self.endpoint.login_command}{trouble}"
        fail(
            "MLS303",
            f"{self.endpoint.place} does not give {self.image.familiar} without a login that may read it",
            hint,
        )

    def fail_platform(self, platform: str, platforms: tuple[str, ...]) -> NoReturn:
        """Say that the image is for other platforms."""
        hint = f"it has {', '.join(platforms) or 'none'}: name one of these in platforms, or take another base"
        fail(NO_PLATFORM, f"{self.image.familiar} has no image for {platform}", hint)

    def _place(self, host: str) -> str:
        return self.endpoint.place if host == self.endpoint.host else host

    def fail_untrusted(self, host: str, error: Exception) -> NoReturn:
        """Say that the certificate of a host is not trusted."""
        hint = f"behind a proxy that opens TLS, name its certificate in SSL_CERT_FILE\n{_innermost(error)}"
        fail("MLS306", f"the certificate of {self._place(host)} cannot be verified", hint)

    def fail_unreached(self, host: str, error: Exception) -> NoReturn:
        """Say that a host does not answer."""
        mirror = f", or name a mirror in {MIRROR_VARIABLE}" if self.image.registry == DOCKER_HUB else ""
        hint = f"check the network and HTTPS_PROXY{mirror}\n{_innermost(error)}"
        fail("MLS301", f"{self._place(host)} cannot be reached to look up {self.image.familiar}", hint)

    def fail_slow(self, seconds: int) -> NoReturn:
        """Say that the endpoint did not come to an end of its answers."""
        mirror = f", or name a mirror in {MIRROR_VARIABLE}" if self.image.registry == DOCKER_HUB else ""
        message = f"{self.endpoint.place} did not tell what {self.image.familiar} is within {seconds} seconds"
        fail("MLS309", message, f"check the network, and try again{mirror}")

    def fail_odd(self, message: str) -> NoReturn:
        """Say that the answer was none of a registry."""
        fail("MLS307", message, f"is {self.endpoint.url} an image registry? try again later if it is")


def fail(code: str, message: str, hint: str) -> NoReturn:
    """Raise ToolError with one problem."""
    raise ToolError(Problem(code=code, message=message, hint=hint)) from None


def _innermost(error: BaseException) -> str:
    """Return the last words of an error, which requests and urllib3 wrap in several others."""
    words = str(error.args[0] if error.args else error)
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    return (str(reason) if reason else words).rpartition(">: ")[2].strip() or type(error).__name__


def is_unreached(failure: ToolError) -> bool:
    """Tell whether a place did not answer at all, or not with a certificate to trust."""
    return failure.problems[0].code in {"MLS301", "MLS306", "MLS309"}
