"""The short forms of values, as Compose, Docker and pip write them, to the names of their parts."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any

from mlspec.errors import KeyPath


class Refused(ValueError):
    """A value that cannot be right; ``path`` leads from the value to the part at fault."""

    def __init__(self, code: str, message: str, hint: str = "", path: KeyPath = ()) -> None:
        super().__init__(message)
        self.code, self.message, self.hint, self.path = code, message, hint, path


_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DEBIAN_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+(:[a-z0-9]+)?(=[A-Za-z0-9.+:~-]+)?")
_IMAGE_NAME = re.compile(
    r"(?:[a-z0-9.-]+(?::\d+)?/)?[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*"
)
_PLAIN_PATH = re.compile(r"[A-Za-z0-9._/@+-]+")
_IMAGE_KEY = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([bkmgt]|[kmgt]i?b)?", re.IGNORECASE)
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+)ms)?")
_PORT = re.compile(
    r"(?:(?:(?P<ip>\[[0-9A-Fa-f:.]+\]|\d+\.\d+\.\d+\.\d+):)?(?P<published>\d+(?:-\d+)?)?:)?"
    r"(?P<target>\d+(?:-\d+)?)(?:/(?P<protocol>tcp|udp))?"
)
_PYTHON = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?")
_WINDOWS_DRIVE = re.compile(r"[A-Za-z]:[\\/]")


def one_line(value: str) -> str:
    """Return ``value`` unchanged; refused when it holds a line break or another control character."""
    if _CONTROL.search(value):
        raise Refused("MLS118", "this value holds a line break or a control character", "write it on one line")
    return value


def python_version(value: str) -> str:
    """Return ``value`` when it reads as ``3.12`` or ``3.12.4``."""
    match = _PYTHON.fullmatch(value)
    if not match:
        raise Refused("MLS104", f'"{value}" is not a Python version', "write the minor version, such as: python: 3.12")
    if (int(match[1]), int(match[2])) < (3, 8):
        likely = f"3.{match[2]}0" if value in {"3.1", "3.2"} else "3.12"
        raise Refused("MLS104", f"Python {value} is too old for today's package tools", f"did you mean {likely}?")
    return value


def words(value: str) -> tuple[str, ...]:
    """Return the words of a command as a shell would split it; refused when it needs a shell to run."""
    one_line(value)
    shell = 'write it as a list: [sh, -c, "..."]'
    try:
        lexer = shlex.shlex(value, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        lexer.commenters = ""
        parts = tuple(lexer)
    except ValueError:
        raise Refused("MLS110", "a quote in this command is not closed", "add the missing quote") from None
    if not parts:
        raise Refused("MLS110", "this command is empty", "remove the key, or name a program")
    unquoted = re.sub(r"'[^']*'|\"(?:\\.|[^\"\\])*\"|\\.", "''", value)
    if operator := re.search(r"[;<>|&()]+", unquoted):
        raise Refused("MLS110", f"no shell runs this command, so {operator[0]} would be an argument", shell)
    runs_a_shell = parts[0].rpartition("/")[2] in {"sh", "bash", "dash", "zsh"} and "-c" in parts
    if not runs_a_shell and (variable := re.search(r"\$(\w+|\{[^}]*\}|\()|`", re.sub(r"'[^']*'|\\.", "", value))):
        raise Refused("MLS110", f"no shell runs this command, so {variable[0]} would stay as it is", shell)
    return parts


def size(value: str) -> str:
    """Return a size as Docker takes it, such as ``8gb``."""
    match = _SIZE.fullmatch(value.strip())
    if not match:
        raise Refused("MLS115", f'"{value}" is not a size', "write a number and a unit, such as: 8gb")
    return f"{match[1]}{(match[2] or '').lower().replace('ib', 'b')}"


def duration(value: str) -> str:
    """Return a duration as Docker takes it, such as ``1m30s``."""
    match = _DURATION.fullmatch(value)
    if not value or not match:
        raise Refused("MLS115", f'"{value}" is not a duration', "write numbers with units, such as: 1m30s")
    return value


def seconds(value: str) -> int:
    """Return the whole seconds of a duration that :func:`duration` accepts, rounded up to at least 1."""
    match = _DURATION.fullmatch(value)
    hours, minutes, whole, milli = (float(part or 0) for part in match.groups()) if match else (0.0, 0.0, 0.0, 0.0)
    return max(1, round(hours * 3600 + minutes * 60 + whole + milli / 1000 + 0.4999))


def port(value: str) -> dict[str, str]:
    """Return the parts of ``[[HOST_IP:][PUBLISHED]:]TARGET[/PROTOCOL]`` by Compose's names."""
    match = _PORT.fullmatch(value)
    if not match:
        raise Refused("MLS112", f'"{value}" is not a port', 'write HOST:CONTAINER, such as: "8000:8000"')
    parts = {
        "host_ip": match["ip"],
        "published": match["published"],
        "target": match["target"],
        "protocol": match["protocol"],
    }
    return {name: text for name, text in parts.items() if text}


def port_range(value: str) -> str:
    """Return ``8000`` or ``8000-8003`` when each number is a port."""
    low, _, high = value.partition("-")
    if not all(part.isdigit() and 0 < int(part) < 65536 for part in (low, high or low)) or int(high or low) < int(low):
        raise Refused("MLS112", f'"{value}" is not a port', "a port is a number from 1 to 65535")
    return value


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
        raise Refused("MLS113", f'"{value}" is not a mount', hint)
    known: dict[str, Any] = {}
    for option in options[0].split(",") if options else []:
        if option not in _MOUNT_OPTIONS:
            raise Refused(
                "MLS113", f'"{option}" is not an option of a mount', "write ro for read-only, or leave it out"
            )
        known |= _MOUNT_OPTIONS[option]
    return {"type": "bind" if is_host_path(source) else "volume", "source": source, "target": target, **known}


def is_host_path(source: str) -> bool:
    """Tell whether the source of a mount is a path of the host, rather than the name of a volume."""
    return source.startswith((".", "/", "~", "\\")) or bool(_WINDOWS_DRIVE.match(source))


def user(value: str) -> str:
    """Return ``UID:GID``; a lone id stands for both."""
    uid, _, gid = value.partition(":")
    if value == "root":
        uid = gid = "0"
    if not (uid.isdigit() and (gid or uid).isdigit()):
        hint = (
            "write numbers, such as: user: 1000:1000; names may not exist in the image, and a cluster cannot check them"
        )
        raise Refused("MLS116", f'"{value}" is not a numeric user', hint)
    return f"{uid}:{gid or uid}"


def environment_name(value: str) -> str:
    """Return ``value`` when it can name an environment variable."""
    if not _IDENTIFIER.fullmatch(value):
        raise Refused("MLS111", f'"{value}" cannot name an environment variable', "use letters, digits and _")
    return value


def pairs(value: object) -> object:
    """Return a mapping from Compose's list form ``[NAME=VALUE, NAME]``; anything else comes back as it is."""
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        return value
    return {name: text if equals else None for name, equals, text in (item.partition("=") for item in value)}


def debian_package(value: str) -> str:
    """Return ``value`` when it can name a Debian package, perhaps with ``=VERSION``."""
    if not _DEBIAN_PACKAGE.fullmatch(value):
        hint = "write one package an entry, such as: [ffmpeg, libgl1]"
        raise Refused("MLS109", f'"{value}" is not the name of a Debian package', hint)
    return value


def image_name(value: str) -> str:
    """Return ``value`` when an engine takes it as the name of an image, without a tag."""
    if not _IMAGE_NAME.fullmatch(value):
        hint = f"use lower-case letters, digits and - . _ /, such as: {slug(value)}"
        raise Refused("MLS108", f'"{value}" cannot name an image', hint)
    return value


def image_key(value: str) -> str:
    """Return ``value`` when it can stand in front of file names and behind the name of the project."""
    if not _IMAGE_KEY.fullmatch(value):
        raise Refused(
            "MLS108", f'"{value}" cannot name an image', f"use lower-case letters, digits and -, such as: {slug(value)}"
        )
    return value


def slug(value: str) -> str:
    """Return the nearest name for an image to any text; ``project`` where nothing is left of it."""
    return re.sub(r"[^a-z0-9]+", "-", value.lower()).strip("-") or "project"


def absolute(value: str, code: str = "MLS118") -> str:
    """Return ``value`` when it is an absolute path inside a container, without a trailing slash."""
    one_line(value)
    if not value.startswith("/") or ".." in value.split("/"):
        raise Refused(
            code,
            f'"{value}" is not an absolute path in the container',
            f"write it from the root, such as: /app/{value.strip('./')}",
        )
    return re.sub("/+", "/", value).rstrip("/") or "/"


def plain_absolute(value: str) -> str:
    """Return ``value`` as :func:`absolute` does, when it also means itself wherever a Dockerfile takes a path."""
    path = absolute(value)
    if not _PLAIN_PATH.fullmatch(path):
        raise Refused(
            "MLS118",
            f'"{value}" holds characters that a Dockerfile gives a meaning',
            "use letters, digits and . _ / @ + -",
        )
    return path


def relative(value: str) -> str:
    """Return ``value`` as a POSIX path within the spec's folder."""
    one_line(value)
    path = value.replace("\\", "/")
    if path.startswith(("/", "~")) or _WINDOWS_DRIVE.match(value) or ".." in path.split("/"):
        raise Refused(
            "MLS118",
            f'"{value}" is outside the folder of the spec',
            "only what lies beside the spec can be copied into an image",
        )
    return re.sub(r"^(\./)+|(?<=/)\./", "", re.sub("/+", "/", path)) or "."


# Names that hold secrets in the wild; a public key or a number of tokens is none.
_SECRET_NAME = re.compile(
    r"(?:^|_)(?:TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|APIKEY|(?:API|ACCESS|PRIVATE|SECRET)_?KEY)$",
    re.IGNORECASE,
)


def looks_secret(name: str, value: object) -> bool:
    """Tell whether an environment variable's name says that its value, written in clear, is a secret."""
    return bool(value) and bool(_SECRET_NAME.search(name))


def ulimit(value: object) -> object:
    """Return ``{soft, hard}`` from a lone number; anything else comes back as it is."""
    return {"soft": value, "hard": value} if isinstance(value, str) else value


def gpu_request(value: object) -> object:
    """Return one request for GPUs from ``all``, a count, or Compose's list of one mapping."""
    if isinstance(value, str):
        return {"count": value}
    if isinstance(value, list):
        if len(value) != 1 or not isinstance(value[0], Mapping):
            raise Refused(
                "MLS122", "one request for GPUs is understood", "write gpus: all, a number, or a list of one mapping"
            )
        return value[0]
    return value
