"""Rules about unknown names in a spec: Debian packages, Pythons and base images."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from mlspec.errors import Problem
from mlspec.facts import base_image, debian_packages, libraries
from mlspec.facts.base_image import BaseChoice
from mlspec.facts.python import python_variant, python_version, python_versions
from mlspec.spec.spec import Image
from mlspec.text import nearest


def unknown_python(image: Image) -> Iterator[Problem]:
    """Warn of a Python for which no official image is known."""
    python = image.settings.python
    if not _official_base(image) or python_version(python):
        return
    known = [version.python for version in python_versions()]
    near = nearest(python, reversed(known)) or known[-1:]
    hint = f"did you mean {near[0]}? known: {', '.join(known)}"
    yield image.warning("MLS126", f"Python {python} is unknown", hint, "python")


def unknown_base(image: Image) -> Iterator[Problem]:
    """Warn of an official base image that does not exist for this Python."""
    choice, python = _official_base(image), image.settings.python
    if not choice or choice.digest or not choice.codename or not python_version(python):
        return
    row = python_variant(python, choice.codename)
    if row is None or (python.count(".") > 1 and not row.has(python)):
        hint = f"write: base: {base_image.base_names(python)[0]}"
        message = f"{choice.reference} is unknown"
        yield image.warning("MLS127", message, hint, "base" if image.settings.base else "python")


def unknown_packages(image: Image) -> Iterator[Problem]:
    """Warn of packages that the Debian release of the image lacks."""
    choice = _official_base(image)
    for key in ("apt", "build_apt"):
        entries = getattr(image.settings, key)
        if entries and choice and choice.codename:
            yield from _unknown_entries(image, choice.codename, key, entries)


def _official_base(image: Image) -> BaseChoice | None:
    """Return the official base image of a spec; None for a custom base.

    A custom base may have other sources of packages, and a Python of any version.
    """
    choice = base_image.base_reference(image.settings.python, image.settings.base)
    return choice if isinstance(choice, BaseChoice) and choice.is_official else None


def _unknown_entries(image: Image, codename: str, key: str, entries: Sequence[str]) -> Iterator[Problem]:
    known = debian_packages.debian_package_names(codename)
    renamed = {row.old for row in libraries.renamed_packages()}
    for index, entry in enumerate(entries):
        name = entry.partition("=")[0].partition(":")[0]
        # Another rule, MLS611, warns of renamed packages.
        if known and name not in known and name not in renamed and debian_packages.is_listed(name):
            message = f"Debian {codename} has no package {name}: the build would fail"
            hint = _other_release(image, name) or _near_package(name, known)
            yield image.warning("MLS125", message, hint, key, index)


def _other_release(image: Image, name: str) -> str:
    """Return a hint with the newest base for this Python whose Debian has the package; empty if there is none."""
    for base in base_image.base_names(image.settings.python):
        if name in debian_packages.debian_package_names(base.removeprefix("slim-")):
            return f"write: base: {base}"
    return ""


_ELSEWHERE = {
    "conda": "the image has its own Python: list the packages under requirements",
    "uv": "mlspec installs without it; if a step needs it, write: requirements: [uv]",
    "pip": "the image has it",
    "poetry": "the image does not need it; if a step needs it, write: requirements: [poetry]",
}
"""Programs that Debian does not have by these names, or has for another purpose, each with a hint."""
_OTHER_PYTHON = re.compile(r"python(?:3\.\d+|2)(?:-\w+)*$")


def _near_package(name: str, known: frozenset[str]) -> str:
    """Return a hint for a name that Debian does not have.

    The hint has no repair: names of unrelated Debian packages may differ in only one letter (conda, coda).
    """
    if name in _ELSEWHERE:
        return _ELSEWHERE[name]
    if _OTHER_PYTHON.match(name):
        return "the image has its Python already: remove it, and write the version at `python`"
    if name.startswith("python-") and f"python3-{name[7:]}" in known:
        return f"did you mean python3-{name[7:]}?"
    near = nearest(name, _alike(name, known), most=3, cutoff=0.75)
    return f"did you mean {' or '.join(near)}?" if near else "look for it on packages.debian.org"


def _alike(name: str, known: frozenset[str]) -> list[str]:
    # There are tens of thousands of names: comparing only names of about this length is quick.
    return sorted(other for other in known if abs(len(other) - len(name)) <= 3)
