"""Logins for package indexes, from the secrets of a spec; only the resolver gets them, and no lasting file."""

from __future__ import annotations

import netrc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from mlspec.errors import SpecError
from mlspec.host.files.bounded import read_file
from mlspec.host.files.scratch import scratch
from mlspec.host.home import expand_home
from mlspec.host.known_secrets import remember_secret
from mlspec.spec.nested_keys import Secret
from mlspec.spec.place import Place


def login(url: str, name: str, secret: Secret, folder: Path, place: Place) -> tuple[str, str]:
    """Return the user and password for the index at ``url``, from a secret in netrc format.

    Raises SpecError at ``place`` if the secret is missing, is not in netrc format, or has no login for the host.
    """
    host = urlsplit(url).hostname or ""
    text = _text(name, secret, folder, place)
    with _readable(text) as path:
        try:
            found = netrc.netrc(path).authenticators(host)
        except netrc.NetrcParseError as error:
            # Leave out the message of netrc: it quotes the text, which may be a token without a netrc line.
            raise _missing(place, name, host, f"is not in netrc format, line {error.lineno or 1}") from None
    if not found:
        raise _missing(place, name, host, f"has no login for {host}")
    remember_secret(found[2])
    return found[0], found[2]


# Bytes that a pipe holds before somebody reads from it; no login is so long.
_PIPE = 16_000


@contextmanager
def _readable(text: str) -> Iterator[str]:
    """Yield a path from which a text can be read once, for the standard library's ``netrc``, which reads only paths.

    The path leads to a pipe if the system has /dev/fd: a login on a disk could outlive a killed process.
    """
    data = text.encode("utf-8", "replace")[:_PIPE]
    if not Path("/dev/fd").is_dir():
        with scratch() as folder:
            (folder / "netrc").write_bytes(data)
            yield str(folder / "netrc")
        return
    reader, writer = os.pipe()
    try:
        os.write(writer, data)
        os.close(writer)
        yield f"/dev/fd/{reader}"
    finally:
        os.close(reader)


# Bytes: enough for a netrc file of a thousand hosts.
_LARGEST = 100_000


def _text(name: str, secret: Secret, folder: Path, place: Place) -> str:
    if secret.environment:
        if not (text := os.environ.get(secret.environment)):
            raise _missing(place, name, "", f"is missing: the environment variable {secret.environment} is not set")
        return text
    path = folder / expand_home(secret.file or "")
    try:
        return read_file(path, _LARGEST).decode("utf-8", "replace")
    except OSError as error:
        raise _missing(
            place, name, "", f"is missing: {secret.file}: {(error.strerror or str(error)).lower()}"
        ) from None


def _missing(place: Place, name: str, host: str, what: str) -> SpecError:
    hint = f"use this format: machine {host or 'HOST'} login USER password PASSWORD"
    return SpecError(place.problem("MLS260", f"the secret {name} {what}", hint))
