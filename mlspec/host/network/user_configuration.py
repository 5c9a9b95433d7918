"""The user's own configuration, from the file in their home and from the environment."""

from __future__ import annotations

import atexit
import contextlib
import dataclasses
import os
import ssl
import time
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from mlspec.advice.doctor.observations import UserConfiguration, UserSetting
from mlspec.build.configuration_text import VARIABLES, Configuration, parse, with_variables
from mlspec.errors import MlspecError, Problem, SpecError, ToolError
from mlspec.host.cache.witness import read, variable
from mlspec.host.files.bounded import read_file
from mlspec.host.files.scratch import scratch
from mlspec.host.home import expand_home, known_home
from mlspec.host.machine import AUTHORITIES, is_here
from mlspec.spec import encoding
from mlspec.text import without_login

FILE_VARIABLE = "MLSPEC_CONFIG"


def configuration() -> Configuration:
    """Return the user's configuration.

    Raises SpecError at the place of an error in the file, ToolError if the file is missing or unreadable.
    """
    path = _path()
    found = Configuration()
    if path and (text := _text(path)) is not None:
        found = parse(text, str(path))
        if found.certificates:
            # `~` is the home folder, as in a shell; a relative path starts at the folder of the configuration file.
            certificates = path.parent / expand_home(found.certificates)
            found = dataclasses.replace(found, certificates=str(certificates))
    return with_variables(found, os.environ)


def _path() -> Path | None:
    named = os.environ.get(FILE_VARIABLE, "")
    if named:
        return None if named == "off" else expand_home(named)
    if not (known_home() or variable("XDG_CONFIG_HOME")):
        return None
    import platformdirs

    # The variables that platformdirs reads.
    for name in ("HOME", "XDG_CONFIG_HOME", "LOCALAPPDATA"):
        variable(name)
    return Path(platformdirs.user_config_dir("mlspec", appauthor=False), "config.toml")


def _text(path: Path) -> str | None:
    try:
        if (data := read(str(path))) is not None:
            return encoding.decode(data, str(path))
        if not os.environ.get(FILE_VARIABLE):
            return None
        message, hint = f"there is no file {path}", f"correct the path, or leave it out: unset {FILE_VARIABLE}"
    except OSError as error:
        message, hint = f"{path} cannot be read: {(error.strerror or str(error)).lower()}", "give this user read access"
    raise ToolError(Problem(code="MLS353", message=message, hint=hint))


def set_variables() -> tuple[str, ...]:
    """Return the environment variables of the configuration that are set."""
    return tuple(name for name in VARIABLES if os.environ.get(name, "").strip())


# The configuration in the output of the doctor


def examine_configuration() -> UserConfiguration:
    """Return the user's configuration without secrets, and its problems; never raises."""
    path = _path()
    own = UserConfiguration(file=str(path or ""), is_there=bool(path and os.access(path, os.F_OK)))
    try:
        found = configuration()
        own = dataclasses.replace(own, settings=tuple(_settings(found)))
        if found.certificates:
            count, outdated = _count_certificates(_pem(found.certificates))
            own = dataclasses.replace(own, certificates=count, outdated=outdated)
    except MlspecError as error:
        return dataclasses.replace(own, problems=error.problems)
    return own


def _settings(found: Configuration) -> Iterator[UserSetting]:
    variables = {VARIABLES[name]: name for name in set_variables()}
    addresses = {
        "index_url": (found.index_url,),
        "index_mirrors": tuple(mirror for _, mirror in found.index_mirrors),
        "registry_mirror": found.registry_mirror,
        "debian_mirror": (found.debian_mirror,),
    }
    instead = iter(url for url, _ in found.index_mirrors)
    for key, values in addresses.items():
        for value in filter(None, values):
            shown = (
                f"{_without_secrets(value)}, for {_without_secrets(next(instead))}"
                if key == "index_mirrors"
                else _without_secrets(value)
            )
            yield UserSetting(key=key, value=shown, variable=variables.get(key, ""), is_here=is_here(value))
    if found.certificates:
        yield UserSetting(key="certificates", value=found.certificates, variable=variables.get("certificates", ""))
    if found.engine:
        yield UserSetting(key="engine", value=found.engine, variable=variables.get("engine", ""))


def _without_secrets(url: str) -> str:
    # The query of an address may contain a token.
    return without_login(url).partition("?")[0]


def _count_certificates(text: str) -> tuple[int, tuple[str, ...]]:
    """Return the number of certificates in a text, and the names of the authorities with an expired certificate."""
    context = ssl.create_default_context(cadata=text)
    now = time.time()
    outdated = (told for told in context.get_ca_certs() if ssl.cert_time_to_seconds(str(told["notAfter"])) < now)
    return context.cert_store_stats()["x509"], tuple(map(_authority_name, outdated))


def _authority_name(certificate: Mapping[str, Any]) -> str:
    subject = dict(part for parts in certificate["subject"] for part in parts)
    return str(subject.get("commonName") or subject.get("organizationName"))


# Certificates


def certificate_file() -> str:
    """Return the file of all certificates to trust; empty if neither configuration nor environment names any."""
    named = next((os.environ[name] for name in AUTHORITIES if os.environ.get(name)), "")
    own = configuration().certificates
    return _bundle_certificates(own, named) if own else named


def certificates() -> str:
    """Return the text of :func:`certificate_file`; empty if the user's configuration names no certificates."""
    return read_file(certificate_file()).decode() if configuration().certificates else ""


@cache
def _bundle_certificates(own: str, named: str) -> str:
    """Return a temporary file with the user's certificates and the certificates that are trusted anyway.

    The file is removed when this process ends.
    """
    from requests.utils import DEFAULT_CA_BUNDLE_PATH

    text = _pem(own)
    others = Path(named or DEFAULT_CA_BUNDLE_PATH)
    held = contextlib.ExitStack()
    bundle = held.enter_context(scratch()) / "certificates.pem"
    atexit.register(held.close)
    # Some of the variables may name a folder of certificates: leave it out, because it is not one text.
    before = read_file(others).decode() if others.is_file() else ""
    bundle.write_text(f"{before.rstrip()}\n{text}", encoding="utf-8")
    return str(bundle)


def _pem(path: str) -> str:
    try:
        text = read_file(path).decode()
        # Raises if the text holds no certificate. An empty text would load the certificates of this host instead.
        ssl.create_default_context(cadata=text or " ")
    except (OSError, ValueError) as error:
        said = (error.strerror or str(error)).lower() if isinstance(error, OSError) else "it is not text"
        said = "it contains no certificate" if isinstance(error, ssl.SSLError) else said
        hint = "name a file in PEM form, which begins with: -----BEGIN CERTIFICATE-----"
        problem = Problem(code="MLS353", message=f"the certificates in {path} cannot be read: {said}", hint=hint)
        raise SpecError(problem) from None
    return text
