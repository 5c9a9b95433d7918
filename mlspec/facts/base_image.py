"""The base image of a spec: the official Python image on a Debian release, or the user's own."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mlspec.facts.debian import debian_release, debian_releases, default_codename
from mlspec.facts.image_reference import DOCKER_HUB, parse_reference
from mlspec.facts.python import python_variants
from mlspec.facts.versions import minor_version, parse_release
from mlspec.text import nearest

_MUSL = re.compile(r"(alpine|musl)[0-9.]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseChoice:
    """A base image: its reference without the digest, the user's digest, and the facts in the reference.

    ``python`` is the version in the tag of an official Python image.
    """

    reference: str
    digest: str = ""
    codename: str | None = None
    glibc: str | None = None
    python: str | None = None
    is_official: bool

    @property
    def with_digest(self) -> str:
        """The reference, with the digest if there is one."""
        return f"{self.reference}@{self.digest}" if self.digest else self.reference


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseRefusal:
    """The reason why a base cannot be used, and replacements, best first."""

    message: str
    hint: str
    suggestions: tuple[str, ...] = ()


def base_reference(python: str, base: str | None = None) -> BaseChoice | BaseRefusal:
    """Return the base image for a spec's ``python`` and ``base``; the default is slim, on the newest Debian known."""
    if base and any(character in base for character in "/:@"):
        return _whole(base)
    variant = (base or "slim").strip().lower().removeprefix("slim").strip("-")
    if _MUSL.fullmatch(variant.split("-")[0]):
        return _musl(base or "")
    codename = variant or _newest_codename(python)
    release = debian_release(codename)
    if not release:
        return _unknown(python, base or "")
    return BaseChoice(
        reference=f"python:{python}-slim-{codename}",
        codename=codename,
        glibc=release.glibc or None,
        python=python,
        is_official=True,
    )


def base_names(python: str) -> tuple[str, ...]:
    """Return the possible values of ``base`` for a Python, newest first: those with new builds, or else all."""
    rows = [row for row in python_variants() if row.python == minor_version(python)]
    if len(parse_release(python)) > 2:
        rows = [row for row in rows if row.has(python)] or rows
    else:
        rows = [row for row in rows if row.is_rebuilt] or rows
    codenames = [row.codename for row in rows] or [default_codename()]
    order = [release.codename for release in debian_releases()]
    return tuple(f"slim-{codename}" for codename in sorted(codenames, key=order.index, reverse=True))


def _newest_codename(python: str) -> str:
    return base_names(python)[0].removeprefix("slim-")


def _whole(base: str) -> BaseChoice | BaseRefusal:
    image = parse_reference(base)
    if not image:
        hint = "a reference is NAME:TAG, such as python:3.12-slim-bookworm or registry.example.com/team/base:1.2"
        return BaseRefusal(message=f'"{base}" is not an image reference', hint=hint)
    words = image.tag.split("-")
    if any(_MUSL.fullmatch(word) for word in (*words, image.repository.rpartition("/")[2])):
        return _musl(base)
    release = next((found for word in words if (found := debian_release(word))), None)
    is_official = (image.registry, image.repository) == (DOCKER_HUB, "library/python")
    python = re.match(r"\d+\.\d+(\.\d+)?(?=-|$)", image.tag) if is_official else None
    return BaseChoice(
        reference=base.partition("@")[0],
        digest=image.digest,
        codename=release.codename if release else None,
        glibc=(release.glibc or None) if release else None,
        python=python[0] if python else None,
        is_official=is_official,
    )


def _musl(base: str) -> BaseRefusal:
    return BaseRefusal(
        message=f'"{base}" has the musl C library, and torch and many other packages have no wheels for it',
        hint="leave base out for a slim Debian image, or write: base: slim-bookworm",
        suggestions=("slim-bookworm",),
    )


def _unknown(python: str, base: str) -> BaseRefusal:
    names = base_names(python)
    known = (*names, *(release.codename for release in debian_releases()), "slim")
    near = nearest(base, known, most=3)
    return BaseRefusal(
        message=f'"{base}" is not a variant of the official Python image',
        hint=f"use one of {', '.join(near or names)}; or name a whole image, such as python:{python}-bookworm",
        suggestions=tuple(near or names),
    )
