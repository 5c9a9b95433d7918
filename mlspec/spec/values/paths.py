"""Paths of the host and of a container, and mounts that join the two."""

from __future__ import annotations

import posixpath
import re
from typing import Any

from mlspec.errors import quote_value
from mlspec.spec.values.refused import Refused, one_line

VOLUME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]+")
_PLAIN_PATH = re.compile(r"[A-Za-z0-9._/@+-]+")
_WINDOWS_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_MOUNT_OPTIONS = {"ro": {"read_only": True}, "rw": {"read_only": False}}


def mount(value: str) -> dict[str, Any]:
    """Return the parts of ``SOURCE:TARGET[:ro|rw]`` by Compose's names."""
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
    """Tell whether the source of a mount is a path of the host, rather than the name of a volume."""
    return source.startswith((".", "/", "~", "\\")) or has_drive(source)


def has_drive(path: str) -> bool:
    """Tell whether a path begins with a drive of Windows, ``C:/``."""
    return bool(_WINDOWS_DRIVE.match(path))


def is_below_spec(path: str) -> bool:
    """Tell whether a path of the host, as it is written, means something inside the folder of the spec.

    ``./~token`` and ``c:x`` are names there; ``~/token``, ``c:/x`` and ``..`` lead elsewhere.
    """
    written = path.replace("\\", "/")
    if written.startswith(("/", "~/")) or written == "~" or has_drive(written):
        return False
    return posixpath.normpath(written).partition("/")[0] not in {".", ".."}


def names_volume(source: str) -> bool:
    """Tell whether an engine takes the source of a mount as the name of a volume."""
    return bool(VOLUME.fullmatch(source))


def absolute(value: str, code: str = "MLS118") -> str:
    """Return ``value`` when it is an absolute path inside a container, without a trailing slash."""
    one_line(value)
    if not value.startswith("/") or ".." in value.split("/"):
        near = value.removeprefix("~")
        near = posixpath.normpath(near if value.startswith("/") else f"/app/{near}")
        hint = f"write it from the root, such as: /{near.lstrip('/')}"
        raise Refused(code, f"{quote_value(value)} is not an absolute path in the container", hint)
    return re.sub("/+", "/", value).rstrip("/") or "/"


def memory_folder(value: str) -> str:
    """Return ``value`` as :func:`absolute` does, when Docker would read no option behind a colon in it."""
    path = absolute(value)
    if ":" in path:
        hint = f"write the folder alone: tmpfs: {path.partition(':')[0]}"
        raise Refused("MLS118", f'"{value}" holds more than a folder', hint)
    return path


def plain_absolute(value: str) -> str:
    """Return ``value`` as :func:`absolute` does, when it also means itself wherever a Dockerfile takes a path."""
    path = absolute(value)
    if not _PLAIN_PATH.fullmatch(path):
        message = f"{quote_value(value)} holds characters that a Dockerfile gives a meaning"
        raise Refused("MLS118", message, "use letters, digits and . _ / @ + -")
    return path


def working_dir(value: str) -> str:
    """Return ``value`` as :func:`plain_absolute` does, when code can stand there without covering the system's."""
    path = plain_absolute(value)
    if posixpath.normpath(path) == "/":
        raise Refused("MLS118", "the code cannot stand among the folders of the system", "write: working_dir: /app")
    return path


def included(value: str) -> str:
    """Return an entry of ``include`` when it lies within the spec's folder; ``!`` in front takes something out."""
    one_line(value)
    path = value.strip().removeprefix("!").replace("\\", "/").strip()
    if not path:
        raise Refused("MLS118", "this names nothing to include", "write a path beside the spec, such as: src")
    if path.startswith(("/", "~/")) or path == "~" or has_drive(path) or ".." in path.split("/"):
        hint = "only what lies beside the spec can be copied into an image"
        raise Refused("MLS118", f"{quote_value(value)} is outside the folder of the spec", hint)
    _check_sets(value, path)
    return f"!{path}" if value.strip().startswith("!") else path


# What BuildKit's matcher reads between brackets as a set of characters, and nothing that it reads as something else:
# a wildcard is one between brackets too, and no "!" in front means "none of". "[!]" is that character.
_SET = re.compile(r"\[(?:\[|!|(?!!)\^?(?!\^)(?P<set>(?:[^][\\*?-](?:-[^][\\*?-])?)+))\]")


def _check_sets(value: str, path: str) -> None:
    rest = _SET.sub(lambda found: "[" if _has_reversed_range(found["set"] or "") else "", path)
    if "[" in rest:
        hint = "write a set of characters as [abc], [a-c] or [^a-c], and the bracket itself as [[]"
        raise Refused("MLS118", f"{quote_value(value)} opens a bracket that is no set of characters", hint)


def _has_reversed_range(text: str) -> bool:
    return any(first > last for first, last in re.findall(r"(.)-(.)", text, re.DOTALL))
