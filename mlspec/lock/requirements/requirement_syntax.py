"""The syntax of one requirement: by name and version, by address, or in forms that no lock can pin."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from functools import lru_cache

from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Pep508
from packaging.utils import canonicalize_name

from mlspec.lock.requirements.requirement_types import Kind, Requirement
from mlspec.text import has_login

_URL = re.compile(r"^(?:[^\s@\[]+(?:\[[^\]]*\])?\s*@\s*)?([A-Za-z][A-Za-z0-9+.-]*)://")
_SCP_LIKE = re.compile(r"^(?:git\+)?(?:ssh://)?git@([^/:\s]+):(?!\d+/)(\S+)$")


@dataclass(frozen=True, slots=True)
class Misread:
    """A text that is no requirement: a message, a hint, and in ``typed`` the text in which to look for a typo."""

    message: str
    hint: str
    typed: str = ""


def refusal(text: str) -> tuple[str, str, str] | None:
    """Return code, message and hint for a requirement that pip might accept but no lock can pin, or None."""
    if scp := _SCP_LIKE.match(text.partition(" @ ")[2] or text):
        return "MLS203", f'"{scp[0]}" is not a URL that pip accepts', f"write: git+ssh://git@{scp[1]}/{scp[2]}"
    if has_login(text):
        hint = "remove the login from the URL; write it into a secret of `indexes`, or into git's credentials"
        return "MLS210", "this URL contains a login, and the lock would contain it too", hint
    scheme = url[1].lower() if (url := _URL.match(text)) else ""
    if scheme.startswith(("hg+", "svn+", "bzr+")):
        return "MLS213", f"{scheme} repositories cannot be pinned", "use a git repository or a package index"
    if scheme in {"git+git", "git+http", "git+ftp", "git"}:
        return "MLS213", f"anyone on the network path can change the content of {scheme}://", "write: git+https://..."
    if left := _left_over(text):
        return "MLS220", *left
    if scheme.startswith("git+") and (tag := _TAG_AS_FRAGMENT.match(text)):
        hint = f"write: {tag[1]}@{tag[2]}{tag[3]}"
        return "MLS203", f'"#{tag[2]}" is not a version of a repository: pip reads it as a setting', hint
    if scheme == "file":
        return "MLS206", "a path belongs to this machine, but the image must build on any machine", _LOCAL_FILE
    if re.match(r"^python\s*(?:[=<>!~].*)?$", text, re.IGNORECASE):
        version = re.search(r"\d+(?:\.\d+)*", text)
        return (
            "MLS212",
            "Python is not a pip package",
            f"write its version in the spec: python: {version[0] if version else '3.12'}",
        )
    return None


# Other tools read this fragment as the commit: git+https://host/r.git#v1.2.
_TAG_AS_FRAGMENT = re.compile(r"^(.*git\+[^#\s]+?)/?#([\w.-]+)((?:\s*;.*)?)$")
# The folders in which conda builds its packages; pip freeze of a conda environment writes them instead of versions.
_CONDA_BUILD = re.compile(
    r"^([^\s@\[]+)\s*@\s*file://\S*(?:/croot/|/feedstock_root/|/opt/conda/|conda-bld|/tmp/build/|/work/|_ci/)"
)
_LOCAL_FILE = "put it on an index or a web server, and write: NAME @ https://.../FILE.whl"


def _left_over(text: str) -> tuple[str, str] | None:
    """Return message and hint for a line that some tool wrote but no pip can install, or None."""
    if conda := _CONDA_BUILD.match(text):
        message = f"this is the folder in which conda built {conda[1]}, on its own machine"
        return message, f"write: {conda[1]}=={_version_in(text)}"
    if re.match(r"^pkg[-_]resources\s*==\s*0\.0\.0$", text):
        return (
            "pkg-resources 0.0.0 is not a package: a bug in the pip of Debian and Ubuntu adds it to pip freeze",
            "remove this line",
        )
    return None


def _version_in(text: str) -> str:
    found = re.search(r"[-_](\d+(?:\.\d+)+)(?:[-_/]|$)", text)
    return found[1] if found else "VERSION, as this prints it: pip list --format=freeze"


@lru_cache(maxsize=32_768)
def read(text: str) -> Requirement | Misread:
    """Return the requirement in ``text``, or a Misread with its problem."""
    # For pip, a semicolon and a blank end an address; packaging needs a blank before the semicolon too.
    text = re.sub(r"^((?:[^\s@;]+\s*@\s*)?[A-Za-z][A-Za-z0-9+.-]*://\S+?);(\s)", r"\1 ;\2", text)
    if re.match(r"^[A-Za-z][A-Za-z0-9+.-]*://", text):
        return _bare_address(text)
    try:
        parsed = Pep508(text)
    except InvalidRequirement as error:
        return Misread(f'"{text}" is not a requirement', _reason(error), typed=text)
    kind: Kind = "index" if not parsed.url else "vcs" if parsed.url.startswith("git+") else "url"
    if kind == "url" and not re.match(r"^https?://", str(parsed.url)):
        hint = f"write: {parsed.name} @ https://... or git+https://..."
        return Misread(f'"{parsed.url}" is not a URL that pip accepts', hint)
    name = canonicalize_name(parsed.name)
    file = posixpath.basename(str(parsed.url or "").partition("#")[0])
    if file.endswith(".whl") and canonicalize_name(file.split("-")[0]) != name:
        return Misread(f"{file} is not a wheel of {parsed.name}", "correct the name or the URL")
    return Requirement(text=" ".join(text.split()), name=name, kind=kind)


def _bare_address(text: str) -> Requirement | Misread:
    """Return the requirement of an address without a name; its name comes from ``#egg=`` or from the file name."""
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
        return Misread(f'"{text}" does not name its package', f"write: NAME @ {text}")
    return Requirement(text=address, name="", kind="vcs")


def _reason(error: InvalidRequirement) -> str:
    first = str(error).splitlines()[0]
    return first[:1].lower() + first[1:]
