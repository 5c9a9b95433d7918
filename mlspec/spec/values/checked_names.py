"""Check names: of images and layers, of variables and labels, of Debian packages."""

from __future__ import annotations

import re
import unicodedata

from mlspec.errors import SECRET_ENDINGS, quote_value
from mlspec.spec.values.refused import Refused, one_line

IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
DEBIAN_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]*[a-z0-9+.](:[a-z0-9]+)?(=[A-Za-z0-9.+:~-]+)?")
IMAGE_NAME = re.compile(
    r"(?:[a-z0-9.-]+(?::[0-9]+)?/)?[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*"
)
IMAGE_KEY = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
LAYER_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


def environment_name(value: str) -> str:
    """Return ``value`` if it can name an environment variable."""
    if not IDENTIFIER.fullmatch(value):
        near = re.sub(r"[^A-Za-z0-9_]", "_", value)
        hint = f"did you mean {near}?" if IDENTIFIER.fullmatch(near) else "use letters, digits and _"
        raise Refused("MLS111", f"{quote_value(value)} cannot name an environment variable", hint)
    return value


def label_name(value: str) -> str:
    """Return ``value`` if it can name a label."""
    one_line(value)
    if not value or "=" in value or value != value.strip():
        raise Refused("MLS118", f"{quote_value(value)} cannot name a label", "write it without = and blanks around it")
    return value


def debian_package(value: str) -> str:
    """Return ``value`` if it can name a Debian package, perhaps with ``=VERSION``."""
    if not DEBIAN_PACKAGE.fullmatch(value):
        near = value.lower().replace("==", "=")
        hint = "write one package an entry, such as: [ffmpeg, libgl1]"
        meant: str | tuple[str, ...] = ""
        if DEBIAN_PACKAGE.fullmatch(near):
            hint, meant = f"did you mean {near}?", near
        elif len(near.split()) > 1 and all(map(DEBIAN_PACKAGE.fullmatch, near.split())) and "install" not in near:
            hint, meant = f"write one package an entry: [{', '.join(near.split())}]", tuple(near.split())
        raise Refused(
            "MLS109", f"{quote_value(value)} is not the name of a Debian package", hint, value=value, meant=meant
        )
    return value


def image_name(value: str) -> str:
    """Return ``value`` if an engine accepts it as the name of an image, without a tag."""
    _check_length(value, _LONGEST_NAME)
    if not IMAGE_NAME.fullmatch(value):
        without_tag, _, tag = value.rpartition(":")
        if tag and IMAGE_NAME.fullmatch(without_tag):
            hint = f"write {without_tag}, and give the tag to the build: mlspec build --tag {value}"
        else:
            near = value.lower() if IMAGE_NAME.fullmatch(value.lower()) else slug(value)
            hint = f"use lower-case letters, digits and - . _ /, such as: {near}"
        raise Refused("MLS108", f"{quote_value(value)} cannot name an image", hint, value=value, meant=_in_lower(value))
    return value


def _in_lower(value: str) -> str:
    """Return the name in lower case if nothing else is wrong with it; any other new name is the user's choice."""
    return value.lower() if IMAGE_NAME.fullmatch(value.lower()) else ""


# The name of an image is that of a repository: https://docs.docker.com/reference/cli/docker/image/tag/ has no limit,
# engines accept 255 characters with the registry. File names contain the key, and most file systems accept 255 bytes.
_LONGEST_NAME, _LONGEST_KEY = 200, 100


def _check_length(value: str, most: int) -> None:
    if len(value) > most:
        message = f"{quote_value(value)} has {len(value)} characters, and a name of an image at most {most}"
        raise Refused("MLS108", message, "choose a shorter one")


def image_key(value: str) -> str:
    """Return ``value`` if it can be a prefix of file names and a suffix of the project's name."""
    _check_length(value, _LONGEST_KEY)
    if not IMAGE_KEY.fullmatch(value):
        hint = f"use lower-case letters, digits and -, such as: {slug(value)}"
        raise Refused("MLS108", f"{quote_value(value)} cannot name an image", hint)
    return value


def layer_name(value: str) -> str:
    """Return ``value`` if it can name a layer of packages; layers by size have an underscore in their names."""
    if not LAYER_NAME.fullmatch(value):
        hint = f"use lower-case letters, digits and -, such as: {slug(value)}"
        raise Refused("MLS124", f"{quote_value(value)} cannot name a layer", hint)
    if value in {"git", "requirements"}:
        raise Refused(
            "MLS124", f"{quote_value(value)} is the name of a layer that mlspec makes itself", "choose another name"
        )
    return value


def slug(value: str) -> str:
    """Return the nearest image name to any text; ``project`` if no character is left."""
    plain = unicodedata.normalize("NFKD", value.lower().replace("ß", "ss"))
    letters = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return re.sub(r"[^a-z0-9]+", "-", letters).strip("-") or "project"


_SECRET_NAME = re.compile(rf"(?:^|_)(?:{SECRET_ENDINGS})$", re.IGNORECASE)


def looks_secret(name: str, value: object) -> bool:
    """Return whether the name of an environment variable shows that its value is a secret."""
    return bool(value) and bool(_SECRET_NAME.search(name))
