"""The lookup of an image reference in a registry: manifests, platforms and configuration."""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from mlspec.errors import ToolError
from mlspec.facts import debian, image_reference
from mlspec.facts.image_reference import ImageReference
from mlspec.host import waiting
from mlspec.host.network.deadline import within
from mlspec.host.network.registry.connection import Connection, mapping
from mlspec.host.network.registry.endpoints import Endpoint, endpoints, own
from mlspec.host.network.registry.refusals import fail, is_unreached
from mlspec.lock.world import RegistryImage
from mlspec.spec.place import Place

# Seconds for all requests about one image; a slow connection needs many seconds.
_MOST = 120
_INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
_MANIFESTS = ("application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json")
_ACCEPT = ", ".join((*_INDEXES, *_MANIFESTS))


def resolve(reference: str, platform: str, at: Place | None = None) -> RegistryImage:
    """Return the current image of ``reference`` for ``platform``; raises ToolError with a hint.

    ``at`` is the place in the spec that names the image; problems point to this place.
    """
    at = at or Place()
    image = image_reference.parse_reference(reference)
    if not image:
        hint = "a reference is NAME:TAG, such as python:3.12-slim-bookworm"
        fail("MLS308", f'"{reference}" is not an image reference', hint, at)
    failures: list[ToolError] = []
    for endpoint in endpoints(image):
        try:
            return _in_time(_Source(endpoint, image, at), platform)
        except ToolError as error:
            failures.append(error)
    raise _worth_telling(failures)


def manifest(reference: str, platform: str) -> tuple[str, bytes]:
    """Return the digest and the text of the manifest of ``reference`` for ``platform`` from its own registry.

    Mirrors are left out, because nobody pushes to a mirror. Raises ToolError.
    """
    image = image_reference.parse_reference(reference)
    if not image:
        fail("MLS308", f'"{reference}" is not an image reference', "a reference is NAME:TAG", Place())
    return _Source(own(image), image, Place()).manifest(platform)


def _in_time(source: _Source, platform: str) -> RegistryImage:
    """Return the image of a source; raises ToolError if the registry takes too long."""
    try:
        return within(_MOST, lambda: source.resolve(platform), waiting.waiting(f"waiting for {source.place}"))
    except TimeoutError:
        source.refusals.fail_slow(_MOST)


def _worth_telling(failures: list[ToolError]) -> ToolError:
    """Return the failure to report: the registry's own, or the first mirror's if only mirrors can be reached."""
    last = failures[-1]
    if not is_unreached(last):
        return last
    return next((failure for failure in failures if not is_unreached(failure)), last)


class _Source:
    """One image at one endpoint, with its manifests and its configuration."""

    def __init__(self, endpoint: Endpoint, image: ImageReference, at: Place) -> None:
        self.image = image
        self.place = endpoint.place
        self.connection = Connection(endpoint, image, at)
        self.refusals = self.connection.refusals

    def resolve(self, platform: str) -> RegistryImage:
        """Return the image for ``platform``."""
        with self._read():
            return self._resolve(platform)

    def manifest(self, platform: str) -> tuple[str, bytes]:
        """Return the digest and the text of the manifest for ``platform``."""
        with self._read():
            body = self.connection.get(f"manifests/{self.image.digest or self.image.tag}", _ACCEPT)
            if "manifests" in (top := mapping(body)):
                body = self.connection.get(f"manifests/{self._of_platform(top['manifests'], platform)[1]}", _ACCEPT)
        return f"sha256:{hashlib.sha256(body).hexdigest()}", body

    @contextlib.contextmanager
    def _read(self) -> Iterator[None]:
        try:
            with self.connection.session:
                yield
        except (AttributeError, KeyError, TypeError, ValueError):
            # The answer is not a manifest, but perhaps a login page or the answer of a proxy.
            self.refusals.fail_odd(f"{self.place} did not answer as an image registry does")

    def _resolve(self, platform: str) -> RegistryImage:
        digest, top = self._manifest(self.image.digest or self.image.tag)
        if "manifests" in top:
            platforms, chosen = self._of_platform(top["manifests"], platform)
            config = self._config(self._manifest(chosen)[1])
            return _describe_image(self, digest, platform, platforms, config)
        config = self._config(top)
        found = _platform_of(config)
        if not _matches(found, platform):
            self.refusals.fail_platform(platform, (found,))
        return _describe_image(self, digest, platform, (found,), config)

    def _manifest(self, what: str) -> tuple[str, dict[str, Any]]:
        body = self.connection.get(f"manifests/{what}", _ACCEPT)
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        if what.startswith("sha256:") and what != digest:
            self.refusals.fail_odd(f"{self.place} sent something other than {what}")
        return digest, mapping(body)

    def _config(self, manifest: Mapping[str, Any]) -> dict[str, Any]:
        digest = (manifest.get("config") or {}).get("digest")
        if not digest:
            self.refusals.fail_odd(f"{self.image.familiar} is in an old or foreign format that has no config")
        return mapping(self.connection.get(f"blobs/{digest}", "*/*"))

    def _of_platform(self, entries: list[dict[str, Any]], platform: str) -> tuple[tuple[str, ...], str]:
        known = {_platform_of(entry.get("platform") or {}): entry["digest"] for entry in entries}
        # The index also lists attestations, with the platform unknown/unknown.
        platforms = tuple(name for name in known if not name.startswith("unknown"))
        matching = [name for name in platforms if _matches(name, platform)]
        if not matching:
            self.refusals.fail_platform(platform, platforms)
        return platforms, known[min(matching, key=len)]


def _platform_of(data: Mapping[str, Any]) -> str:
    parts = (data.get("os", "unknown"), data.get("architecture", "unknown"), data.get("variant", ""))
    return "/".join(filter(None, parts))


def _matches(found: str, wanted: str) -> bool:
    # linux/arm64 and linux/arm64/v8 are the same platform. The variants of linux/arm differ, but linux/arm does not say
    # which variant is wanted, so each of them matches.
    return found == wanted or found.startswith(f"{wanted}/") or (wanted == f"{found}/v8" and found.endswith("/arm64"))


def _describe_image(
    source: _Source, digest: str, platform: str, platforms: tuple[str, ...], config: Mapping[str, Any]
) -> RegistryImage:
    settings = config.get("config") or {}
    environment = dict(entry.partition("=")[::2] for entry in settings.get("Env") or ())
    codename = _codename(config, source.image)
    release = debian.debian_release(codename) if codename else None
    return RegistryImage(
        reference=source.image.familiar,
        digest=digest,
        platform=platform,
        platforms=platforms,
        python=environment.get("PYTHON_VERSION"),
        codename=codename,
        glibc=(release.glibc or None) if release else None,
        entrypoint=tuple(settings.get("Entrypoint") or ()),
        command=tuple(settings.get("Cmd") or ()),
        user=settings.get("User") or "",
        environment=environment,
        source=source.connection.endpoint.host,
    )


# Debian's own images have the codename in their history: RUN # debian.sh --arch 'amd64' out/ 'bookworm' '@1787529600'
_DEBIAN_LAYER = re.compile(r"debian\.sh --arch '\w+' out/ '(\w+)'")


def _codename(config: Mapping[str, Any], image: ImageReference) -> str | None:
    history = (str(entry.get("created_by", "")) for entry in config.get("history") or ())
    built_on = next((found[1] for step in history if (found := _DEBIAN_LAYER.search(step))), None)
    in_tag = (word for word in image.tag.split("-") if debian.debian_release(word))
    return built_on or next(in_tag, None)
