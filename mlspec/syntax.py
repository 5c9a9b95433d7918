"""The short forms of values, as Compose, Docker and pip write them, to the names of their parts."""

from __future__ import annotations

import ipaddress
import json
import math
import posixpath
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from mlspec.document import quoted
from mlspec.errors import SECRET_ENDINGS, KeyPath
from mlspec.spelling import did_you_mean, slip


class Refused(ValueError):
    """A value that cannot be right; ``path`` leads from the value to the part at fault.

    ``meant`` is what the text was to be with certainty: another text in place of ``value``, or entries of a list.
    """

    def __init__(
        self,
        code: str,
        message: str,
        hint: str = "",
        path: KeyPath = (),
        *,
        shows_secret: bool = False,
        value: str = "",
        meant: str | tuple[str, ...] = "",
    ) -> None:
        super().__init__(message)
        self.code, self.message, self.hint, self.path = code, message, hint, path
        self.shows_secret, self.value, self.meant = shows_secret, value, meant


_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
_CONTROL_BUT_LINES = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
GPU_MODEL = re.compile(r"(?=[^A-Za-z]*[A-Za-z])[A-Za-z0-9]+(?:[ ._-][A-Za-z0-9]+)*")
DEBIAN_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]*[a-z0-9+.](:[a-z0-9]+)?(=[A-Za-z0-9.+:~-]+)?")
IMAGE_NAME = re.compile(
    r"(?:[a-z0-9.-]+(?::[0-9]+)?/)?[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*"
)
VOLUME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]+")
_PLAIN_PATH = re.compile(r"[A-Za-z0-9._/@+-]+")
LAYER_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
DAY = re.compile(r"20[0-9]{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])")
IMAGE_KEY = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
SIZE = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,9})?) ?([bkmgtBKMGT]|[kmgtKMGT][iI]?[bB])?")
DURATION = re.compile(
    r"(?:([0-9]{1,9})h)?(?:([0-9]{1,9})m(?!s))?(?:([0-9]{1,9}(?:\.[0-9]{1,9})?)s)?(?:([0-9]{1,9})ms)?"
)
PORT_RANGE = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")
PORT = re.compile(
    r"(?:(?:(?P<ip>\[[0-9A-Fa-f:.]+\]|[0-9.]+):)?(?P<published>[0-9]+(?:-[0-9]+)?)?:)?"
    r"(?P<target>[0-9]+(?:-[0-9]+)?)(?:/(?P<protocol>tcp|udp))?"
)
PYTHON = re.compile(r"(0|[1-9][0-9]{0,3})\.(0|[1-9][0-9]{0,3})(?:\.(0|[1-9][0-9]{0,3}))?")
ACCELERATOR = re.compile(r"cpu|cuda(?:[0-9]+\.[0-9]+)?|rocm[0-9]+\.[0-9]+")
_NUMBERED_ACCELERATOR = re.compile(r"(cu|cuda|rocm)[^a-z0-9]*([0-9]{1,2})[^0-9]?([0-9])(?:[^0-9].*)?")
USER = re.compile(r"([0-9]{1,10})(?::([0-9]{1,10}))?")
INDEX = re.compile(r"(?:https?://[^\s/]|file:///)\S*")
_WINDOWS_DRIVE = re.compile(r"[A-Za-z]:[\\/]")


def one_line(value: str) -> str:
    """Return ``value`` unchanged; refused when it holds a line break or another control character."""
    if _CONTROL.search(value):
        raise Refused("MLS118", "this value holds a line break or a control character", "write it on one line")
    return value


def script(value: str) -> str:
    """Return a build step's command unchanged; refused when empty or when it holds control characters."""
    if not value.strip():
        raise Refused("MLS119", "this step has no command", "remove it, or write what it runs")
    if _CONTROL_BUT_LINES.search(value):
        raise Refused("MLS118", "this command holds a control character", "remove it, or write it as an escape")
    return value


def python_version(value: str) -> str:
    """Return ``value`` when it reads as ``3.12`` or ``3.12.4``."""
    match = PYTHON.fullmatch(value)
    if not match:
        near = re.search(r"3\.[1-9][0-9]?(?![0-9])", value)
        hint = f"did you mean {near[0]}?" if near else "write the minor version, such as: python: 3.12"
        # python3.12, v3.12, 3.12.x; but not >=3.12, which leaves a choice.
        named = re.fullmatch(r"(?:python|py|v|==?)?[ :-]?(3\.[0-9]+(?:\.[0-9]+)?)(?:\.[x*])?", value, re.IGNORECASE)
        meant = named[1] if named and PYTHON.fullmatch(named[1]) else ""
        raise Refused("MLS104", f"{quoted(value)} is not a Python version", hint, value=value, meant=meant)
    if (int(match[1]), int(match[2])) < (3, 8):
        # Other tools write 3.10 as 3.1, because YAML reads a number.
        likely = "3.10" if value == "3.1" else "3.12"
        message, hint = f"Python {value} is too old for today's package tools", f"did you mean {likely}?"
        raise Refused("MLS104", message, hint, value=value, meant="3.10" if value == "3.1" else "")
    return value


def gpu_model(value: str) -> str:
    """Return ``value`` when it reads as the name of a GPU: words of letters and digits."""
    if not GPU_MODEL.fullmatch(value):
        message = f"{quoted(value)} does not name a GPU"
        raise Refused("MLS132", message, "write a name, such as h100 or rtx5090, or an architecture, such as sm_120")
    return value


def accelerator(value: str) -> str:
    """Return ``value`` when it reads as ``cpu``, ``cuda``, ``cuda12.8`` or ``rocm6.3``."""
    if not ACCELERATOR.fullmatch(value):
        near = _NUMBERED_ACCELERATOR.fullmatch(value.lower())
        hint, meant = "write cpu, cuda, cuda12.8 or rocm6.3", slip(value, ("cpu", "cuda"))
        if near:
            meant = f"{near[1].replace('cuda', 'cu').replace('cu', 'cuda')}{near[2]}.{near[3]}"
            hint = f"did you mean {meant}?"
        elif value.lower() in {"gpu", "gpus", "nvidia"}:
            # Of gpu nobody knows whose; nvidia leaves no choice.
            hint, meant = "did you mean cuda?", "cuda" if value.lower() == "nvidia" else ""
        elif value.lower() == "mps":
            hint, meant = "did you mean cpu? containers on a Mac do not see its GPU", ""
        else:
            hint = did_you_mean(value, ("cpu", "cuda")) or hint
        raise Refused("MLS107", f"{quoted(value)} is not an accelerator", hint, value=value, meant=meant)
    return value


# One piece of a command: blanks, or a stretch that is quoted in one way.
_PIECE = re.compile(r"""([ \t]+)|'([^']*)'|"((?:\\.|[^"\\])*)"|\\(.)|([^ \t'"\\]+)""")
_OPERATOR = re.compile(r"[;<>|&()]+")
_VARIABLE = re.compile(r"\$(?:\w+|\{[^}]*\}|[-(?#$*@!])|`")


def words(value: str, *, is_program: bool = True) -> tuple[str, ...]:
    """Return the words of a command as a shell would split it; refused when it needs a shell to run.

    Where it ``is_program`` it names what is run, else only its arguments.
    """
    value = one_line(value.strip(" \t\n"))
    found: list[str] = []
    expanded = ""
    in_word, end = False, 0
    for piece in _PIECE.finditer(value):
        if piece.start() != end:
            break
        end = piece.end()
        blank, single, double, escaped, plain = piece.groups()
        if plain is not None and (operator := _OPERATOR.search(plain)):
            raise _needs_shell(value, f"{operator[0]} would be an argument", is_program=is_program)
        expanded += " " if plain is None and double is None else re.sub(r"\\.", "", plain or double)
        if blank is None:
            text = re.sub(r'\\([\\"$`])', r"\1", double) if double is not None else single or escaped or plain or ""
            found = [*found[:-1], found[-1] + text] if in_word else [*found, text]
        in_word = blank is None
    if end != len(value):
        if value[end:] == "\\":
            raise Refused("MLS110", "this command ends in a backslash", "remove it")
        raise Refused("MLS110", "a quote in this command is not closed", "add the missing quote")
    if not found:
        raise Refused("MLS110", "this command is empty", "remove the key, or name a program")
    runs_a_shell = found[0].rpartition("/")[2] in {"sh", "bash", "dash", "zsh"} and "-c" in found
    if not runs_a_shell and (variable := _VARIABLE.search(expanded)):
        raise _needs_shell(value, f"{variable[0]} would stay as it is", is_program=is_program)
    return tuple(found)


def program(found: tuple[str, ...]) -> tuple[str, ...]:
    """Return the words of a command; refused when the first sets a variable, which only a shell does."""
    name, equals, text = found[0].partition("=")
    if equals and IDENTIFIER.fullmatch(name):
        hint = f"write it as environment: {{{name}: {json.dumps(text, ensure_ascii=False)}}}"
        raise Refused("MLS110", f"no shell runs this command, so {quoted(found[0])} would be the program", hint)
    return found


def _needs_shell(value: str, consequence: str, *, is_program: bool) -> Refused:
    hint = f"write it as a list: [sh, -c, {json.dumps(value, ensure_ascii=False)}]"
    if not is_program:
        hint = 'put it in quotes if it is meant as it is, or let a shell run the whole: entrypoint: [sh, -c, "..."]'
    return Refused("MLS110", f"no shell runs this command, so {consequence}", hint)


def size(value: str) -> str:
    """Return a size as Docker takes it, such as ``8gb``."""
    match = SIZE.fullmatch(value.strip())
    if not match:
        raise Refused("MLS115", f"{quoted(value)} is not a size", "write a number and a unit, such as: 8gb")
    return f"{match[1]}{(match[2] or '').lower().replace('ib', 'b')}"


# What people write out: 3min, 5 minutes, 30sec, 2hrs.
_WORDY_DURATION = re.compile(r"([0-9]{1,9}) ?(h(?:ou)?rs?|m(?:in(?:ute)?s?)?|s(?:ec(?:ond)?s?)?|h)", re.IGNORECASE)


def duration(value: str) -> str:
    """Return a duration as Docker takes it, such as ``1m30s``."""
    match = DURATION.fullmatch(value)
    if not value or not match:
        hint, meant = "write numbers with units, such as: 1m30s", ""
        if re.fullmatch("[0-9]{1,9}", value):
            hint = f"did you mean {value}s?"
        elif wordy := _WORDY_DURATION.fullmatch(value):
            meant = f"{wordy[1]}{wordy[2][0].lower()}"
            hint = f"did you mean {meant}?"
        raise Refused("MLS115", f"{quoted(value)} is not a duration", hint, value=value, meant=meant)
    return value


def seconds(value: str) -> int:
    """Return the whole seconds of a duration that :func:`duration` accepts, rounded up to at least 1."""
    match = DURATION.fullmatch(value)
    hours, minutes, whole, milli = (float(part or 0) for part in match.groups()) if match else (0.0, 0.0, 0.0, 0.0)
    return max(1, math.ceil(hours * 3600 + minutes * 60 + whole + milli / 1000))


def port(value: str) -> dict[str, str]:
    """Return the parts of ``[[HOST_IP:][PUBLISHED]:]TARGET[/PROTOCOL]`` by Compose's names."""
    match = PORT.fullmatch(value)
    if not match:
        raise Refused("MLS112", f"{quoted(value)} is not a port", 'write HOST:CONTAINER, such as: "8000:8000"')
    parts = {
        "host_ip": match["ip"],
        "published": match["published"],
        "target": match["target"],
        "protocol": match["protocol"],
    }
    return {name: text for name, text in parts.items() if text}


def port_range(value: str) -> str:
    """Return ``8000`` or ``8000-8003`` when each number is a port."""
    match = PORT_RANGE.fullmatch(value)
    low, high = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if not 0 < low < 65536 or not 0 < high < 65536:
        raise Refused("MLS112", f"{quoted(value)} is not a port", "a port is a number from 1 to 65535")
    if high < low:
        raise Refused("MLS112", f"{quoted(value)} ends before it begins", f"did you mean {high}-{low}?")
    return value


def host_ip(value: str) -> str:
    """Return ``value`` when it is an address of the host, an IPv6 one in brackets."""
    try:
        if value.startswith("[") and value.endswith("]"):
            ipaddress.IPv6Address(value[1:-1])
        else:
            ipaddress.IPv4Address(value)
    except ValueError:
        hint = "write 127.0.0.1 for this host alone, or 0.0.0.0 for everyone"
        raise Refused("MLS112", f"{quoted(value)} is not an address of this host", hint) from None
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
        raise Refused("MLS113", f"{quoted(value)} is not a mount", hint)
    known: dict[str, Any] = {}
    for option in options[0].split(",") if options else []:
        if option not in _MOUNT_OPTIONS:
            hint = "write ro for read-only, or leave it out"
            raise Refused("MLS113", f"{quoted(option)} is not an option of a mount", hint)
        known |= _MOUNT_OPTIONS[option]
    return {"type": "bind" if is_host_path(source) else "volume", "source": source, "target": target, **known}


def is_host_path(source: str) -> bool:
    """Tell whether the source of a mount is a path of the host, rather than the name of a volume."""
    return source.startswith((".", "/", "~", "\\")) or bool(_WINDOWS_DRIVE.match(source))


def names_volume(source: str) -> bool:
    """Tell whether an engine takes the source of a mount as the name of a volume."""
    return bool(VOLUME.fullmatch(source))


def user(value: str) -> str:
    """Return ``UID:GID``; a lone id stands for both."""
    match = USER.fullmatch("0" if value == "root" else value)
    if not match:
        hint = (
            "write numbers, such as: user: 1000:1000; names may not exist in the image, and a cluster cannot check them"
        )
        raise Refused("MLS116", f"{quoted(value)} is not a numeric user", hint)
    return f"{match[1]}:{match[2] or match[1]}"


def environment_name(value: str) -> str:
    """Return ``value`` when it can name an environment variable."""
    if not IDENTIFIER.fullmatch(value):
        near = re.sub(r"[^A-Za-z0-9_]", "_", value)
        hint = f"did you mean {near}?" if IDENTIFIER.fullmatch(near) else "use letters, digits and _"
        raise Refused("MLS111", f"{quoted(value)} cannot name an environment variable", hint)
    return value


def pairs(value: object) -> object:
    """Return a mapping from Compose's list form ``[NAME=VALUE, NAME]``; anything else comes back as it is."""
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        return value
    return {name: text if equals else None for name, equals, text in (item.partition("=") for item in value)}


def label_pairs(value: object) -> object:
    """Return a mapping from the list form as :func:`pairs` does; a label without a value has an empty one."""
    named = pairs(value)
    return (
        {name: text or "" for name, text in named.items()} if named is not value and isinstance(named, dict) else named
    )


def label_name(value: str) -> str:
    """Return ``value`` when it can name a label."""
    one_line(value)
    if not value or "=" in value or value != value.strip():
        raise Refused("MLS118", f"{quoted(value)} cannot name a label", "write it without = and blanks around it")
    return value


# Those that Docker knows: ulimitNameMapping in github.com/docker/go-units/ulimit.go.
_LIMITS = (
    *("core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc", "rss"),
    *("rtprio", "rttime", "sigpending", "stack"),
)


def limit_name(value: str) -> str:
    """Return ``value`` when it can name a limit of the kernel."""
    if value not in _LIMITS:
        hint = did_you_mean(value, _LIMITS) or "write one such as: memlock, nofile or stack"
        raise Refused("MLS118", f"{quoted(value)} is not a limit", hint, value=value, meant=slip(value, _LIMITS))
    return value


def index_url(value: str) -> str:
    """Return ``value`` when it is the address of a package index and tells no secret."""
    one_line(value)
    if not INDEX.fullmatch(value):
        raise Refused("MLS121", f"{quoted(value)} is not the address of an index", "write https://HOST/PATH")
    if "@" in value.partition("://")[2].partition("/")[0]:
        message = "a login in this address would be written into every file"
        hint = "remove it, and name a secret: secret: MY_INDEX"
        raise Refused("MLS121", message, hint, shows_secret=True)
    return value


def health_path(value: str) -> str:
    """Return ``value`` when it can be asked for over HTTP."""
    if not value.startswith("/"):
        message, hint = f"the path {quoted(value)} does not begin with /", f"did you mean /{value}?"
        raise Refused("MLS114", message, hint, value=value, meant=f"/{value}")
    if not re.fullmatch("[!-~]+", value):
        raise Refused("MLS114", f"the path {quoted(value)} holds a blank or a letter that no address does", "use %20")
    return value


def debian_package(value: str) -> str:
    """Return ``value`` when it can name a Debian package, perhaps with ``=VERSION``."""
    if not DEBIAN_PACKAGE.fullmatch(value):
        near = value.lower().replace("==", "=")
        hint = "write one package an entry, such as: [ffmpeg, libgl1]"
        meant: str | tuple[str, ...] = ""
        if DEBIAN_PACKAGE.fullmatch(near):
            hint, meant = f"did you mean {near}?", near
        elif len(near.split()) > 1 and all(map(DEBIAN_PACKAGE.fullmatch, near.split())) and "install" not in near:
            hint, meant = f"write one package an entry: [{', '.join(near.split())}]", tuple(near.split())
        raise Refused("MLS109", f"{quoted(value)} is not the name of a Debian package", hint, value=value, meant=meant)
    return value


def day(value: str) -> str:
    """Return ``value`` when it is a day as ISO 8601 writes it: ``2026-11-01``."""
    if not DAY.fullmatch(value):
        found = re.fullmatch(r"(20\d\d)[-/.]?(\d{1,2})[-/.]?(\d{1,2})(?:T.*)?", value)
        near = f"{found[1]}-{found[2]:0>2}-{found[3]:0>2}" if found else ""
        near = near if DAY.fullmatch(near) else ""
        hint = f"did you mean {near}?" if near else "write year, month and day, such as: 2026-11-01"
        raise Refused("MLS128", f"{quoted(value)} is not a day", hint, value=value, meant=near)
    return value


def image_name(value: str) -> str:
    """Return ``value`` when an engine takes it as the name of an image, without a tag."""
    if not IMAGE_NAME.fullmatch(value):
        without_tag, _, tag = value.rpartition(":")
        if tag and IMAGE_NAME.fullmatch(without_tag):
            hint = f"write {without_tag}, and give the tag to the build: mlspec build --tag {value}"
        else:
            near = value.lower() if IMAGE_NAME.fullmatch(value.lower()) else slug(value)
            hint = f"use lower-case letters, digits and - . _ /, such as: {near}"
        raise Refused("MLS108", f"{quoted(value)} cannot name an image", hint, value=value, meant=_in_lower(value))
    return value


def _in_lower(value: str) -> str:
    """Return the name that only lacks lower case; other ways to name it are the user's to choose."""
    return value.lower() if IMAGE_NAME.fullmatch(value.lower()) else ""


def image_key(value: str) -> str:
    """Return ``value`` when it can stand in front of file names and behind the name of the project."""
    if not IMAGE_KEY.fullmatch(value):
        hint = f"use lower-case letters, digits and -, such as: {slug(value)}"
        raise Refused("MLS108", f"{quoted(value)} cannot name an image", hint)
    return value


def layer_name(value: str) -> str:
    """Return ``value`` when it can name a layer of packages; an underscore would meet those that are made by size."""
    if not LAYER_NAME.fullmatch(value):
        hint = f"use lower-case letters, digits and -, such as: {slug(value)}"
        raise Refused("MLS124", f"{quoted(value)} cannot name a layer", hint)
    if value in {"git", "requirements"}:
        raise Refused("MLS124", f"{quoted(value)} names a layer that is made anyway", "choose another name")
    return value


def slug(value: str) -> str:
    """Return the nearest name for an image to any text; ``project`` where nothing is left of it."""
    plain = unicodedata.normalize("NFKD", value.lower().replace("ß", "ss"))
    letters = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return re.sub(r"[^a-z0-9]+", "-", letters).strip("-") or "project"


def absolute(value: str, code: str = "MLS118") -> str:
    """Return ``value`` when it is an absolute path inside a container, without a trailing slash."""
    one_line(value)
    if not value.startswith("/") or ".." in value.split("/"):
        near = value.removeprefix("~")
        near = posixpath.normpath(near if value.startswith("/") else f"/app/{near}")
        hint = f"write it from the root, such as: /{near.lstrip('/')}"
        raise Refused(code, f"{quoted(value)} is not an absolute path in the container", hint)
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
        message = f"{quoted(value)} holds characters that a Dockerfile gives a meaning"
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
    if path.startswith(("/", "~")) or _WINDOWS_DRIVE.match(path) or ".." in path.split("/"):
        hint = "only what lies beside the spec can be copied into an image"
        raise Refused("MLS118", f"{quoted(value)} is outside the folder of the spec", hint)
    return f"!{path}" if value.strip().startswith("!") else path


_SECRET_NAME = re.compile(rf"(?:^|_)(?:{SECRET_ENDINGS})$", re.IGNORECASE)


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


def step_to(level: object, name: str) -> str | int | None:
    """Return how a name is reached in a mapping, or in a list of ``NAME=VALUE``."""
    if isinstance(level, Mapping):
        return name if name in level else None
    items = level if isinstance(level, list) else []
    return next((i for i, item in enumerate(items) if isinstance(item, str) and item.partition("=")[0] == name), None)
