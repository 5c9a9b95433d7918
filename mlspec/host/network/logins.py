"""Logins for package indexes, from the secrets that a spec names; they reach the resolver, and no file."""

from __future__ import annotations

import netrc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from mlspec.errors import Problem, SpecError
from mlspec.host.files.bounded import read_file
from mlspec.host.files.scratch import scratch
from mlspec.host.home import expand_home
from mlspec.host.known_secrets import remember_secret
from mlspec.spec.nested_keys import Secret


def login(url: str, name: str, secret: Secret, folder: Path) -> tuple[str, str]:
    """Return the user and password for the index at ``url``, from a secret in the form of a netrc file.

    Raises SpecError where the secret is not there, is no netrc, or knows nothing of the host.
    """
    host = urlsplit(url).hostname or ""
    text = _text(name, secret, folder)
    with _readable(text) as path:
        try:
            found = netrc.netrc(path).authenticators(host)
        except netrc.NetrcParseError as error:
            # Its own words repeat the text: of a token that stands there alone, the token.
            raise _missing(name, host, f"is not in netrc form, line {error.lineno or 1}") from None
    if not found:
        raise _missing(name, host, f"has no login for {host}")
    remember_secret(found[2])
    return found[0], found[2]


# What a pipe takes before anybody reads; no login is as long.
_PIPE = 16_000


@contextmanager
def _readable(text: str) -> Iterator[str]:
    """Give a path to read a text from, once: the module of the standard library reads files only, and a pipe is one.

    On a disk, a login could outlive a process that is killed.
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


# A netrc file of a thousand hosts.
_LARGEST = 100_000


def _text(name: str, secret: Secret, folder: Path) -> str:
    if secret.environment:
        if not (text := os.environ.get(secret.environment)):
            raise _missing(name, "", f"is not there: the environment variable {secret.environment} is not set")
        return text
    path = folder / expand_home(secret.file or "")
    try:
        return read_file(path, _LARGEST).decode("utf-8", "replace")
    except OSError as error:
        raise _missing(name, "", f"is not there: {secret.file}: {(error.strerror or str(error)).lower()}") from None


def _missing(name: str, host: str, what: str) -> SpecError:
    hint = f"give it this form: machine {host or 'HOST'} login USER password PASSWORD"
    return SpecError(Problem(code="MLS260", message=f"the secret {name} {what}", hint=hint))
