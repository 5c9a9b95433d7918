"""Rules about the base of an image: its Python, its Debian, its tag."""

from __future__ import annotations

from collections.abc import Iterator

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from mlspec.advice.lint.subject import Subject
from mlspec.errors import Problem
from mlspec.facts import base_image, debian, image_reference
from mlspec.facts.python import python_version, python_versions, support_on


def python_ends(subject: Subject) -> Iterator[Problem]:
    """Warn of a Python whose security fixes have ended or end within six months."""
    version = python_version(subject.base.python)
    if not subject.today or not version:
        return
    ends = version.end_of_life
    stands = support_on(ends, subject.today)
    if stands in {"ended", "ending"}:
        has = f"has had no security fixes since {ends}" if stands == "ended" else f"gets no security fixes after {ends}"
        hint = f"write: python: {_newer_python(subject.today)}; then run: mlspec render"
        yield subject.warn(f"Python {version.python} {has}", hint, "python")


def _newer_python(today: str) -> str:
    # Not the newest Python: wheels of the large frameworks appear months after a release.
    supported = [v for v in python_versions() if support_on(v.end_of_life, today) == "supported"]
    settled = [v.python for v in supported if v.status == "security"] or [v.python for v in supported] or ["3.12"]
    return settled[-1]


def is_excluded(subject: Subject) -> Iterator[Problem]:
    """Warn of a Python that ``requires-python`` of a project excludes: pip and uv would refuse to install there."""
    wanted = subject.settings.python
    for required in subject.requirements.pythons:
        try:
            specifier = SpecifierSet(required.specifier)
        except InvalidSpecifier:
            continue
        if _fits(specifier, wanted):
            continue
        place = required.place
        where = f"{place.file}:{place.span.line}" if place.span else place.file
        fitting = [row.python for row in python_versions() if row.status != "feature" and _fits(specifier, row.python)]
        hint = f"write: python: {fitting[-1]}" if fitting else f"correct it there: no Python that is known fits {where}"
        yield subject.warn(f"{where} requires Python {required.specifier}, which excludes {wanted}", hint, "python")


def _fits(specifier: SpecifierSet, python: str) -> bool:
    """Return whether a specifier contains a Python or one of its patch releases."""
    patches = [python] if python.count(".") > 1 else [f"{python}.{patch}" for patch in range(40)]
    return any(map(specifier.contains, patches))


def debian_ends(subject: Subject) -> Iterator[Problem]:
    """Warn of a Debian release whose support has ended or ends within six months: its packages leave the mirrors.

    The rule takes the end of long-term support: until then the mirrors keep the packages, and Python's official images
    are rebuilt.
    """
    release = debian.debian_release(subject.base.codename)
    if not subject.today or not release:
        return
    ends = release.long_term or release.end_of_life
    stands = support_on(ends, subject.today)
    if stands in {"ended", "ending"}:
        when = f"ended on {ends}: " if stands == "ended" else f"ends on {ends}: after that "
        message = f"the support of Debian {release.codename} {when}its packages leave the mirrors"
        hint = f"write: base: {base_image.base_names(subject.settings.python)[0]}; then run: mlspec render"
        yield subject.warn(message, hint, "base" if subject.settings.base else "python")


def floats(subject: Subject) -> Iterator[Problem]:
    """Warn of a base with the tag ``latest`` or without a tag: each lock takes the image that was pushed last."""
    base = subject.settings.base or ""
    image = image_reference.parse_reference(base) if any(character in base for character in "/:@") else None
    if image and image.tag == "latest" and not image.digest:
        message = f"{image.familiar} is the image that was pushed last: a new lock may bring another Python or Debian"
        name = image.familiar.removesuffix(":latest")
        hint = f"base: slim-{debian.default_codename()}" if subject.is_official else f"a version: base: {name}:VERSION"
        yield subject.warn(message, f"write {hint}", "base")
