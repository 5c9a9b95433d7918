"""Files that are no requirements files: recognize them by name, and suggest a replacement."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from mlspec.text import nearest


@dataclass(frozen=True, slots=True)
class Neighbour:
    """The kind of a name in the spec's folder: a file, a folder with the names in it, or nothing."""

    kind: Literal["", "file", "folder"] = ""
    names: tuple[str, ...] = ()


Look = Callable[[str], Neighbour]
"""A function that returns the kind of a POSIX path relative to the spec's folder."""
Refusal = tuple[str, str, str]
"""A code, a message and a hint."""


def see_nothing(_: str) -> Neighbour:
    """Return a missing file for any path: for requirements that come from no folder."""
    return Neighbour()


# Names

_READ = re.compile(r"^[^\s=<>@;]+\.(?:txt|in|lock)$|^(?:[^\s=<>@;]+/)?pyproject\.toml(?:\[[^\]]*\])?$", re.IGNORECASE)
_ARCHIVE = r"\.(?:whl|tar\.gz|tgz|tar\.bz2|tar\.xz|zip|egg)$"
_FILE_ENDING = re.compile(r"\.(?:toml|cfg|ini|lock|txt|in|ya?ml|json|py|ipynb|md|rst|sh)$", re.IGNORECASE)
# Packages with a name that ends like a file name (the index, 2026-11-30); users can write others with a version.
_PACKAGES = re.compile(r"^(?:ruamel[._-]yaml|(?:discord|web|mastodon)\.py)$", re.IGNORECASE)
_BARE = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9._-]*/?$|^(?:[\w.-]+/)+[\w.-]*$")


def is_requirements_file(text: str) -> bool:
    """Return whether an entry of a spec names a requirements file, by its name alone."""
    return bool(_READ.match(text)) and not _find_known(posixpath.basename(text))


def refuse_file(text: str, look: Look, *, is_entry: bool) -> Refusal | None:
    """Return the refusal of a text that names a file or folder rather than a package, or None.

    An entry of the spec may be any name in its folder. A line of a requirements file is a file only by its ending, as
    it is for pip.
    """
    if not _BARE.match(text):
        return None
    name = posixpath.basename(text.rstrip("/"))
    if known := _find_known(name):
        return _refusal(known, text)
    there = look(text.rstrip("/")) if is_entry else Neighbour()
    if there.kind == "folder" and "/" not in text.rstrip("/") and _is_meant(there.names):
        return _folder(text.rstrip("/"), there.names)
    if there.kind == "file" and not re.search(_ARCHIVE, text):
        return _file(text)
    if _FILE_ENDING.search(name) and not _PACKAGES.match(text):
        message = f'"{text}" looks like a file name, but there is no such file here'
        return "MLS214", message, f"correct its name; for the package of that name write: {text}>=0"
    return None


def refuse_other_format(path: str) -> Refusal | None:
    """Return the refusal of a file that ``-r`` or ``-c`` names if it is not in pip's format, or None."""
    name = posixpath.basename(path)
    if known := _find_known(name):
        return _refusal(known, path)
    if re.search(r"\.(?:toml|cfg|ini|ya?ml|json|py|ipynb)$", name, re.IGNORECASE) and name.lower() != "pyproject.toml":
        return "MLS214", f"{path} is not a requirements file", "name a .in or .txt, or pyproject.toml"
    return None


def refuse_folder(path: str, look: Look) -> Refusal:
    """Return the refusal of a folder that is named in place of a requirements file."""
    listed = sorted(name for name in look(path).names if _REQUIREMENTS.search(name))
    best = nearest("requirements.txt", listed) or listed
    return "MLS201", f"{path} is a folder", f"name a file in it: {path}/{best[0] if best else 'requirements.txt'}"


def suggest_case(path: str, look: Look) -> str:
    """Return the path of the file whose name differs from a missing one only in case, or an empty text."""
    folder, name = posixpath.split(path)
    same = (other for other in look(folder or ".").names if other.lower() == name.lower() and other != name)
    return next((posixpath.join(folder, other) for other in same), "")


# Paths

_PATH = re.compile(r"^(?:[.~]?/|\.\.?(?:[/\\\[]|$)|[A-Za-z]:[\\/])|^[^@:]*\.(?:whl|tar\.gz|tgz|zip|tar\.bz2)$")
_SUBFOLDER = re.compile(r"^[\w.-]+(?:/[\w.-]+)+$")


def refuse_path(text: str, look: Look) -> Refusal | None:
    """Return the refusal of a requirement that is a path of this machine, or None."""
    if re.search(_ARCHIVE, text) and "://" not in text and "@" not in text:
        hint = "put it on an index or a web server, and write: NAME @ https://.../FILE.whl"
        return "MLS206", f"{text} is a file of this machine, but the image must build on any machine", hint
    if "://" not in text and _PATH.match(text):
        return (
            "MLS206",
            "a path belongs to this machine, but the image must build on any machine",
            advise_folder(text, look),
        )
    if _SUBFOLDER.match(text):
        return "MLS206", f'"{text}" is neither a package nor a requirement file', advise_folder(text, look)
    return None


def advise_folder(text: str, look: Look) -> str:
    """Return the replacement for the installation of a folder, whose code is copied into the image anyway."""
    path, _, extras = text.replace("\\", "/").partition("[")
    path = posixpath.normpath(path)
    wanted = f"[{extras}" if extras else ""
    names = look(path).names
    project = posixpath.join(path, "pyproject.toml").removeprefix("./")
    listed = sorted(name for name in names if _REQUIREMENTS.search(name))
    if listed and not {"pyproject.toml", "setup.py", "setup.cfg", "__init__.py"} & set(names):
        return f"for the requirements in it write: {posixpath.join(path, listed[0])}"
    code = "src" if "src" in names else ""
    # Python imports a package from the folder above it.
    place = posixpath.normpath(posixpath.join("/app", path, ".." if "__init__.py" in names else code))
    if path.startswith(("..", "/", "~")):
        return "copy it below the folder of the spec, or name it by its repository: NAME @ git+https://..."
    known = "" if place == "/app" else f"; to import it: environment: [PYTHONPATH={place}]"
    if {"pyproject.toml", "setup.py"} & set(names):
        return f"to install the package in it write: ./{path}{wanted}"
    if not names:
        return f"the code is copied into the image; for what it depends on write: {project}{wanted}{known}"
    return f"the code is copied into the image, so remove this entry{known}"


# A folder with the name of a requirement

_REQUIREMENTS = re.compile(r"\.(?:txt|in)$", re.IGNORECASE)
_PROJECT = ("pyproject.toml", "setup.py", "setup.cfg")


def _is_meant(names: Iterable[str]) -> bool:
    """Return whether an entry may mean this folder: it has requirements, a project or a Python package, or is empty.

    Programs make folders of their own name: `wandb/` for its runs, `alembic/` for migrations. Nobody could install
    these, so the entry means the package.
    """
    names = tuple(names)
    return not names or any(_REQUIREMENTS.search(n) or n in _PROJECT or n == "__init__.py" for n in names)


def _folder(text: str, names: tuple[str, ...]) -> Refusal:
    message = f'"{text}" is a folder beside the spec, but may also be the name of a package'
    package = f"for the package write: {text}>=0" if "/" not in text else "install it from an index, by its name"
    listed = sorted(n for n in names if _REQUIREMENTS.search(n))
    best = nearest("requirements.txt", listed) or listed
    if "pyproject.toml" in names:
        return "MLS215", message, f"for what the folder's project depends on write: {text}/pyproject.toml; {package}"
    if best and not {"setup.py", "setup.cfg", "__init__.py"} & set(names):
        return "MLS215", message, f"for the file in it write: {text}/{best[0]}; {package}"
    return "MLS215", message, f"code of the folder is copied into the image, so remove this entry; {package}"


def _file(text: str) -> Refusal:
    message = f'"{text}" is a file beside the spec, but may also be the name of a package'
    if "." in posixpath.basename(text):
        message = f"{text} is a file here, but not a requirements file"
        hint = f"name a .in or .txt, or pyproject.toml; for the package of that name write: {text}>=0"
        return ("MLS214", message, hint) if "/" not in text else ("MLS214", message, hint.partition(";")[0])
    package = f"; for the package write: {text}>=0" if "/" not in text else ""
    return "MLS215", message, f"for the requirements in it write: -r {text}{package}"


# Files of other tools


@dataclass(frozen=True, slots=True)
class _KnownFile:
    """Files of another tool: a pattern of their names, their owner, and a hint."""

    pattern: str
    whose: str
    hint: str
    code: str = "MLS214"


_CONDA = "list its pip packages under `requirements`, and its Python under `python`"
_IN_SPEC = "a lock of another tool's is an entry of the spec itself: requirements: [uv.lock]"
_KNOWN = (
    _KnownFile(r"pipfile", "pipenv's", "name its lock, Pipfile.lock; to make it: pipenv lock"),
    _KnownFile(r"uv\.lock", "uv's", _IN_SPEC),
    _KnownFile(r"poetry\.lock", "poetry's", _IN_SPEC),
    _KnownFile(r"pdm\.lock", "pdm's", _IN_SPEC),
    _KnownFile(r"pipfile\.lock", "pipenv's", _IN_SPEC),
    _KnownFile(r"pylock(?:\.[^.]+)?\.toml", "a lock of another tool's", _IN_SPEC),
    _KnownFile(
        r"setup\.py", "a program", "list in a requirements.in what its install_requires names, and name that file"
    ),
    _KnownFile(
        r"setup\.cfg",
        "setuptools'",
        "list in a requirements.in what its install_requires names, and name that file",
    ),
    _KnownFile(r"pixi\.(?:toml|lock)", "pixi's", "list its pypi-dependencies under `requirements`"),
    _KnownFile(
        r"cog\.ya?ml",
        "Cog's",
        "list its python_packages under `requirements`, or name the file that its python_requirements names",
    ),
    _KnownFile(r"\S*environment\S*\.ya?ml|env[\w.-]*\.ya?ml|\S*conda\S*\.(?:ya?ml|lock)", "conda's", _CONDA, "MLS212"),
)


def _find_known(name: str) -> _KnownFile | None:
    return next((row for row in _KNOWN if re.fullmatch(row.pattern, name, re.IGNORECASE)), None)


def _refusal(known: _KnownFile, text: str) -> Refusal:
    reason = "which pip cannot read" if known.code == "MLS212" else "which is not read here"
    return known.code, f"{text} is {known.whose}, {reason}", known.hint
