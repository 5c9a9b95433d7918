"""Paths of the host and of a container, and mounts of one at the other."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Any

from mlspec.errors import quote_value
from mlspec.spec.values.refused import Refused, one_line

if TYPE_CHECKING:
    from pydantic import ValidationInfo

VOLUME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]+")
_PLAIN_PATH = re.compile(r"[A-Za-z0-9._/@+-]+")
_WINDOWS_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_MOUNT_OPTIONS = {"ro": {"read_only": True}, "rw": {"read_only": False}}


def mount(value: str) -> dict[str, Any]:
    """Return the parts of ``SOURCE:TARGET[:ro|rw]``, by Compose's names."""
    one_line(value)
    parts = value.split(":")
    if len(parts) > 2 and _WINDOWS_DRIVE.match(value) and parts[2].startswith("/"):
        parts = [f"{parts[0]}:{parts[1]}", *parts[2:]]  # not the volume named C: its target would be the third part
    source, target, *options = parts if len(parts) > 1 else ["", ""]
    if not source or not target or len(options) > 1:
        hint = "write SOURCE:TARGET, such as: ./data:/app/data or models:/app/models:ro"
        raise Refused("MLS113", f"{quote_value(value)} is not a mount", hint)
    known: dict[str, Any] = {}
    for option in options[0].split(",") if options else []:
        if option not in _MOUNT_OPTIONS:
            hint = "write ro for read-only, or leave it out"
            raise Refused("MLS113", f"{quote_value(option)} is not an option of a mount", hint)
        known |= _MOUNT_OPTIONS[option]
    return {"type": "bind" if is_host_path(source) else "volume", "source": source, "target": target, **known}


def is_host_path(source: str) -> bool:
    """Return whether the source of a mount is a path of the host, rather than the name of a volume."""
    return source.startswith((".", "/", "~", "\\")) or has_drive(source)


def has_drive(path: str) -> bool:
    """Return whether a path begins with a Windows drive, such as ``C:/``."""
    return bool(_WINDOWS_DRIVE.match(path))


def is_below_spec(path: str) -> bool:
    """Return whether a path of the host, as it is written, is inside the folder of the spec.

    ``./~token`` and ``c:x`` are names there; ``~/token``, ``c:/x`` and ``..`` lead elsewhere.
    """
    return is_relative(path) and posixpath.normpath(path.replace("\\", "/")).partition("/")[0] not in {".", ".."}


def is_relative(path: str) -> bool:
    """Return whether a path of the host, as it is written, begins at the folder of the spec."""
    written = path.replace("\\", "/")
    return not written.startswith(("/", "~/")) and written != "~" and not has_drive(written)


def names_volume(source: str) -> bool:
    """Return whether an engine accepts the source of a mount as the name of a volume."""
    return bool(VOLUME.fullmatch(source))


def absolute(value: str, code: str = "MLS118") -> str:
    """Return ``value`` without a trailing slash, if it is an absolute path inside a container."""
    one_line(value)
    if not value.startswith("/") or ".." in value.split("/"):
        near = value.removeprefix("~")
        near = posixpath.normpath(near if value.startswith("/") else f"/app/{near}")
        hint = f"write it from the root, such as: /{near.lstrip('/')}"
        raise Refused(code, f"{quote_value(value)} is not an absolute path in the container", hint)
    return re.sub("/+", "/", value).rstrip("/") or "/"


def memory_folder(value: str) -> str:
    """Return ``value`` as :func:`absolute` does, if it has no colon, after which Docker would read an option."""
    path = absolute(value)
    if ":" in path:
        hint = f"write only the folder: tmpfs: {path.partition(':')[0]}"
        raise Refused("MLS118", f'"{value}" is more than a folder', hint)
    return path


def plain_absolute(value: str) -> str:
    """Return ``value`` as :func:`absolute` does, if no character in it has a meaning in a Dockerfile."""
    path = absolute(value)
    if not is_plain_path(path):
        message = f"{quote_value(value)} contains characters with a meaning in a Dockerfile"
        raise Refused("MLS118", message, "use letters, digits and . _ / @ + -")
    return path


def is_plain_path(path: str) -> bool:
    """Return whether no character of a path has a meaning in a Dockerfile."""
    return bool(_PLAIN_PATH.fullmatch(path))


def working_dir(value: str) -> str:
    """Return ``value`` as :func:`plain_absolute` does; refuse ``/``, where the code would overwrite system files."""
    path = plain_absolute(value)
    if posixpath.normpath(path) == "/":
        raise Refused("MLS118", "the code cannot be in the root folder", "write: working_dir: /app")
    return path


def build_context(value: str) -> str:
    """Return ``value`` in the form ``../..``, or ``.``, if it names the folder of the spec or one above it."""
    one_line(value)
    hint = "write a folder above the spec, from the spec's folder, such as: context: ../.."
    path = value.strip().replace("\\", "/")
    if "://" in path or path.startswith("git@"):
        raise Refused("MLS138", f"{quote_value(value)} is a URL, but mlspec builds from folders of this disk", hint)
    if not is_relative(path):
        raise Refused("MLS138", f"{quote_value(value)} is not relative, so other machines would not find it", hint)
    if not set(path.split("/")) <= {"", ".", ".."}:
        raise Refused("MLS138", f"{quote_value(value)} does not contain the folder of the spec", hint)
    return posixpath.normpath(path)


def include_path(value: str) -> str:
    """Return an entry of ``include``, relative to the spec's folder; ``!`` in front excludes the path."""
    one_line(value)
    path = value.strip().removeprefix("!").replace("\\", "/").strip()
    if not path:
        raise Refused("MLS118", "this entry names no path", "write a path beside the spec, such as: src")
    below = _UP.sub("", path)
    if not is_relative(path) or ".." in below.split("/"):
        hint = "a build can only copy files from the folder of the spec"
        raise Refused("MLS118", f"{quote_value(value)} is outside the folder of the spec", hint)
    _check_sets(value, path)
    return f"!{path}" if value.strip().startswith("!") else path


def included_path(value: str, info: ValidationInfo) -> str:
    """Return an entry of ``include`` as :func:`include_path` does, if it is in the build context."""
    path = include_path(value)
    above = count_ups(posixpath.normpath(path.removeprefix("!")))
    # A context with a problem of its own is missing here.
    context = info.data.get("context", "../" * above) or "."
    if above > count_ups(context.rstrip("/")):
        where = "folder of the spec" if context == "." else "build context"
        hint = f"to build from the folder above: context: {'/'.join(['..'] * above)}"
        raise Refused("MLS118", f"{quote_value(value)} is outside the {where}", hint)
    return path


def count_ups(path: str) -> int:
    """Return the number of folders that a normal path leads up."""
    steps = path.split("/")
    return next((number for number, step in enumerate(steps) if step != ".."), len(steps))


_UP = re.compile(r"^(?:\.\.(?:/+|$)|\./+)*")

# Bracket expressions that BuildKit's matcher certainly reads as a set of characters: it reads a wildcard as a wildcard
# even between brackets, and a leading "!" does not mean "none of". "[!]" is the character "!".
_SET = re.compile(r"\[(?:\[|!|(?!!)\^?(?!\^)(?P<set>(?:[^][\\*?-](?:-[^][\\*?-])?)+))\]")


def _check_sets(value: str, path: str) -> None:
    rest = _SET.sub(lambda found: "[" if _has_reversed_range(found["set"] or "") else "", path)
    if "[" in rest:
        hint = "write a set of characters as [abc], [a-c] or [^a-c], and the bracket itself as [[]"
        raise Refused("MLS118", f"{quote_value(value)} opens a bracket that is not a set of characters", hint)


def _has_reversed_range(text: str) -> bool:
    return any(first > last for first, last in re.findall(r"(.)-(.)", text, re.DOTALL))
