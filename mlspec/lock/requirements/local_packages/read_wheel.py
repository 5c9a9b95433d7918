"""Read a wheel of the project: its hash, its metadata, and the programs that it installs."""

from __future__ import annotations

import configparser
import hashlib
import posixpath
import re
import zipfile
import zlib
from collections.abc import Collection, Iterator
from email.message import Message
from email.parser import HeaderParser
from io import BytesIO

from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Pep508
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from mlspec.errors import Problem
from mlspec.lock.requirements.local_packages.local_wheel import LocalWheel
from mlspec.spec.place import Place

_LARGEST = 10_000_000
"""Largest size in bytes of a text in a wheel; that of a damaged or hostile wheel may unpack to any size."""


class _WheelError(Exception):
    """A wheel that is not one, and why."""


def read_local_wheel(
    path: str, data: bytes, extras: Collection[str], place: Place
) -> tuple[LocalWheel, tuple[str, ...]] | Problem:
    """Return a wheel with its requirements under ``extras``; a problem at ``place`` if the wheel is damaged."""
    try:
        name, version, *_ = parse_wheel_filename(posixpath.basename(path))
        metadata, commands = _read_archive(data, name, str(version))
        requires_python = str(SpecifierSet(metadata.get("Requires-Python", "")))
        requires = tuple(_list_requires(metadata, extras))
        known = {canonicalize_name(extra) for extra in metadata.get_all("Provides-Extra", [])}
    except InvalidWheelFilename:
        message = f"{posixpath.basename(path)} is not the name of a wheel"
        return place.problem(
            "MLS226", message, "give it the name that its build gave it: NAME-VERSION-py3-none-any.whl"
        )
    except (_WheelError, InvalidRequirement, InvalidSpecifier) as error:
        hint = "build it again, or copy it again: unzip -t lists what is in a wheel"
        return place.problem("MLS226", f"{path} is not a wheel: {error}", hint)
    if unknown := sorted(set(extras) - known):
        hint = f"it has: {', '.join(sorted(known))}" if known else f"write: ./{path}"
        return place.problem("MLS226", f"{path} has no extra {', '.join(unknown)}", hint)
    wheel = LocalWheel(
        path=path,
        name=name,
        version=str(version),
        sha256=hashlib.sha256(data).hexdigest(),
        requires_python=requires_python,
        commands=commands,
        place=place,
    )
    return wheel, requires


def _read_archive(data: bytes, name: str, version: str) -> tuple[Message, tuple[str, ...]]:
    """Return the metadata and the commands of the wheel of ``name`` and ``version``; raises _WheelError."""
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            names = archive.namelist()
            found = [n for n in names if re.fullmatch(r"[^/]+\.dist-info/METADATA", n)]
            if len(found) != 1:
                raise _WheelError("it has no METADATA")
            metadata = HeaderParser().parsestr(_read_text(archive, found[0]))
            entry_points = f"{posixpath.dirname(found[0])}/entry_points.txt"
            points = _read_text(archive, entry_points) if entry_points in names else ""
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        raise _WheelError(str(error).lower() or "it is damaged") from None
    except UnicodeError:
        raise _WheelError("its METADATA is not UTF-8") from None
    inside = canonicalize_name(metadata.get("Name", ""))
    if inside != name:
        raise _WheelError(f"its METADATA is of {inside or 'no package'}, and its name of {name}")
    scripts = (n.rpartition("/")[2] for n in names if re.fullmatch(r"[^/]+\.data/scripts/[^/]+", n))
    return metadata, tuple(sorted({*_list_commands(points), *scripts}))


def _read_text(archive: zipfile.ZipFile, name: str) -> str:
    if archive.getinfo(name).file_size > _LARGEST:
        raise _WheelError(f"{posixpath.basename(name)} has more than {_LARGEST:,} bytes")
    return archive.read(name).decode("utf-8")


def _list_commands(entry_points: str) -> Iterator[str]:
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    try:
        parser.read_string(entry_points)
    except configparser.Error as error:
        raise _WheelError(f"entry_points.txt: {str(error).splitlines()[0].lower()}") from None
    for section in ("console_scripts", "gui_scripts"):
        yield from parser[section] if parser.has_section(section) else ()


def _list_requires(metadata: Message, extras: Collection[str]) -> Iterator[str]:
    """Yield the requirements of a wheel, with markers that are about extras no longer."""
    for text in metadata.get_all("Requires-Dist", []):
        requirement = Pep508(str(text))
        marker = str(requirement.marker or "")
        requirement.marker = None
        if "extra" not in marker:
            yield f"{requirement} ; {marker}" if marker else str(requirement)
            continue
        decided = _EXTRA.sub(lambda found: _decide(found, extras), marker)
        if " or " not in decided and _FALSE in decided:
            continue
        yield str(requirement) if decided == _TRUE else f"{requirement} ; {decided}"


_EXTRA = re.compile(r'extra (==|!=) "([^"]*)"|"([^"]*)" (==|!=) extra')
_TRUE, _FALSE = 'python_version >= "3"', 'python_version < "3"'


def _decide(found: re.Match[str], extras: Collection[str]) -> str:
    """Return a marker of the same value in place of one about an extra, which only the wheel's own name can have."""
    is_wanted = canonicalize_name(found[2] or found[3] or "") in extras
    return _TRUE if is_wanted == ((found[1] or found[4]) == "==") else _FALSE
