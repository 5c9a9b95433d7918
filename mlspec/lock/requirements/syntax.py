"""How pip writes one requirement: by name and version, by address, or in a way that no lock can hold."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Pep508
from packaging.utils import canonicalize_name

from mlspec.lock.requirements.values import Kind, Requirement
from mlspec.printable import has_login

COPIED_CODE = "the project's code is copied into the image; to take its dependencies write: pyproject.toml"
"""The hint where a folder of this machine is to be installed."""

_URL = re.compile(r"^(?:[^\s@\[]+(?:\[[^\]]*\])?\s*@\s*)?([A-Za-z][A-Za-z0-9+.-]*)://")
_LOCAL = re.compile(r"^(?:[.~]?/|\.\.?(?:[/\\\[]|$)|[A-Za-z]:[\\/]|file:)|^[^@:]*\.(?:whl|tar\.gz|tgz|zip|tar\.bz2)$")
_SCP_LIKE = re.compile(r"^(?:git\+)?(?:ssh://)?git@([^/:\s]+):(?!\d+/)(\S+)$")


@dataclass(frozen=True, slots=True)
class Misread:
    """A text that is no requirement: a message and a hint, and as ``typed`` what may hold but a slip."""

    message: str
    hint: str
    typed: str = ""


def refusal(text: str) -> tuple[str, str, str] | None:
    """Return code, message and hint for what pip might take and a lock cannot hold, or None."""
    if scp := _SCP_LIKE.match(text.partition(" @ ")[2] or text):
        return "MLS203", f'"{scp[0]}" is not an address pip reads', f"write: git+ssh://git@{scp[1]}/{scp[2]}"
    if has_login(text):
        hint = "take the login out of the address; a secret of `indexes`, or git's own credentials, can hold it"
        return "MLS210", "this address holds a login, which would be written into the lock", hint
    scheme = url[1].lower() if (url := _URL.match(text)) else ""
    if scheme.startswith(("hg+", "svn+", "bzr+")):
        return "MLS213", f"{scheme} repositories cannot be pinned", "use a git repository or a package index"
    if scheme in {"git+git", "git+http", "git"}:
        return "MLS213", f"anybody on the way can change what {scheme}:// brings", "write: git+https://..."
    if scheme == "file" or (not scheme and _LOCAL.match(text)):
        return "MLS206", "a path points at this machine, and the image is built anywhere", COPIED_CODE
    if not scheme and re.match(r"^[\w.-]+(?:/[\w.-]+)+$", text):
        return "MLS206", f'"{text}" is neither a package nor a requirement file', COPIED_CODE
    if re.match(r"^python\s*(?:[=<>!~].*)?$", text, re.IGNORECASE):
        version = re.search(r"\d+(?:\.\d+)*", text)
        return (
            "MLS212",
            "Python is not a package of pip's",
            f"say it in the spec: python: {version[0] if version else '3.12'}",
        )
    return None


def read(text: str) -> Requirement | Misread:
    """Return the requirement in ``text``, or else what is wrong with it."""
    if re.match(r"^[A-Za-z][A-Za-z0-9+.-]*://", text):
        return _bare_address(text)
    try:
        parsed = Pep508(text)
    except InvalidRequirement as error:
        return Misread(f'"{text}" is not a requirement', _reason(error), typed=text)
    kind: Kind = "index" if not parsed.url else "vcs" if parsed.url.startswith("git+") else "url"
    if kind == "url" and not re.match(r"^https?://", str(parsed.url)):
        hint = f"write: {parsed.name} @ https://... or git+https://..."
        return Misread(f'"{parsed.url}" is not an address pip reads', hint)
    name = canonicalize_name(parsed.name)
    file = posixpath.basename(str(parsed.url or "").partition("#")[0])
    if file.endswith(".whl") and canonicalize_name(file.split("-")[0]) != name:
        return Misread(f"{file} is not a wheel of {parsed.name}", "correct the name or the address")
    return Requirement(text=" ".join(text.split()), name=name, kind=kind)


def _bare_address(text: str) -> Requirement | Misread:
    """Return the requirement of an address without a name in front, named by its ``#egg=`` or its file's name."""
    address, _, marker = text.partition(" ")
    base, _, fragment = address.partition("#")
    parts = dict(part.partition("=")[::2] for part in fragment.split("&") if part)
    egg = parts.pop("egg", "")
    if not egg and base.endswith(".whl"):
        egg = posixpath.basename(base).split("-")[0].replace("_", "-")
    fragment = "&".join(f"{key}={value}" for key, value in parts.items())
    address = f"{base}#{fragment}" if fragment else base
    if egg:
        return read(f"{egg} @ {address} {marker}".strip())
    if marker or not base.startswith("git+"):
        return Misread(f'"{text}" does not say which package it is', f"write: NAME @ {text}")
    return Requirement(text=address, name="", kind="vcs")


def _reason(error: InvalidRequirement) -> str:
    first = str(error).splitlines()[0]
    return first[:1].lower() + first[1:]
