"""The Pythons that pinned releases have wheels for, from the package index."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from packaging.requirements import Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from mlspec.facts.python import python_versions
from mlspec.host.network.probes import at_once
from mlspec.host.network.user_configuration import certificate_file, configuration

_SECONDS = 20.0
_INDEX = "https://pypi.org/simple"
# https://packaging.python.org/en/latest/specifications/simple-repository-api/
_JSON = "application/vnd.pypi.simple.v1+json"


def find_wheel_pythons(pins: Sequence[str]) -> Mapping[str, frozenset[str]] | None:
    """Return the Pythons for which each pinned release has compiled wheels; None if no index answers.

    The result leaves out a release that has a wheel for any new Python, and a release without wheels.
    """
    rows = {pin: Requirement(pin) for pin in pins}
    names = sorted({canonicalize_name(row.name) for row in rows.values()})
    pages = at_once({name: lambda name=name: _read_page(name) for name in names}, _SECONDS)  # type: ignore[misc]
    if names and not pages:
        return None
    found = {pin: _pythons_of(row, pages.get(canonicalize_name(row.name), ())) for pin, row in rows.items()}
    return {pin: pythons for pin, pythons in found.items() if pythons}


def _read_page(name: str) -> tuple[tuple[str, str], ...]:
    """Return the file names of a package with their required Pythons; empty if the index does not have the package."""
    import requests

    url = f"{(configuration().index_url or _INDEX).rstrip('/')}/{name}/"
    answer = requests.get(url, headers={"Accept": _JSON}, timeout=_SECONDS, verify=certificate_file() or True)
    if answer.status_code == 404:
        return ()
    answer.raise_for_status()
    return tuple((row["filename"], row.get("requires-python") or "") for row in json.loads(answer.text)["files"])


def _pythons_of(row: Requirement, files: Sequence[tuple[str, str]]) -> frozenset[str]:
    wheels = [(tags, required) for file, required in files if (tags := _tags_of(file, row)) is not None]
    linux = [(tags, required) for tags, required in wheels if tags]
    known = [version.python for version in python_versions()]
    found = frozenset(python for python in known if any(_fits(python, *wheel) for wheel in linux))
    is_pure = any(platform == "any" for tags, _ in linux for _, _, platform in tags)
    # A wheel for any Python says something only if its release excludes new Pythons.
    return frozenset() if is_pure and known[-1] in found else found


_Tags = tuple[tuple[str, str, str], ...]


def _tags_of(file: str, row: Requirement) -> _Tags | None:
    """Return the tags of a wheel that are for Linux; None if the file is not a wheel of the release."""
    try:
        _, version, _, tags = parse_wheel_filename(file)
    except InvalidWheelFilename:
        return None
    if not row.specifier.contains(version, prereleases=True):
        return None
    return tuple(
        (tag.interpreter, tag.abi, tag.platform)
        for tag in tags
        if tag.platform == "any" or re.fullmatch(r"(?:many)?linux\w*_x86_64", tag.platform)
    )


def _fits(python: str, tags: _Tags, required: str) -> bool:
    short = python.replace(".", "")
    try:
        if required and f"{python}.9" not in SpecifierSet(required):
            return False
    except InvalidSpecifier:
        pass
    return any(_takes(short, interpreter, abi) or interpreter == "py3" for interpreter, abi, _ in tags)


def _takes(short: str, interpreter: str, abi: str) -> bool:
    if abi == "abi3":
        return interpreter.startswith("cp3") and int(interpreter[3:] or 0) <= int(short[1:])
    return interpreter in {f"cp{short}", f"py{short[0]}", "py2.py3"} and not abi.endswith("t")
