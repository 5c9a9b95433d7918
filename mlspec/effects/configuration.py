"""The user's own configuration, as the file in their home and their environment say it now."""

from __future__ import annotations

import atexit
import dataclasses
import os
import shutil
import ssl
import tempfile
from functools import cache
from pathlib import Path

from mlspec import document
from mlspec.configuration import Configuration, parse, with_variables
from mlspec.effects.host import AUTHORITIES
from mlspec.errors import Problem, SpecError, ToolError

FILE_VARIABLE = "MLSPEC_CONFIG"


def configuration() -> Configuration:
    """Return the user's configuration; raises SpecError with the place of what is wrong in it."""
    path = _path()
    found = Configuration()
    if path and (text := _text(path)) is not None:
        found = parse(text, str(path))
        if found.certificates:
            # As a shell would have it, and else beside the file that names it.
            certificates = path.parent / Path(found.certificates).expanduser()
            found = dataclasses.replace(found, certificates=str(certificates))
    return with_variables(found, os.environ)


def _path() -> Path | None:
    named = os.environ.get(FILE_VARIABLE, "")
    if named:
        return None if named == "off" else Path(named).expanduser()
    import platformdirs

    return Path(platformdirs.user_config_dir("mlspec", appauthor=False), "config.toml")


def _text(path: Path) -> str | None:
    try:
        return document.decode(path.read_bytes(), str(path))
    except FileNotFoundError:
        if not os.environ.get(FILE_VARIABLE):
            return None
        message, hint = f"there is no file {path}", f"correct the path, or leave it out: unset {FILE_VARIABLE}"
    except OSError as error:
        message, hint = f"{path} cannot be read: {(error.strerror or str(error)).lower()}", "let this user read it"
    raise ToolError(Problem(code="MLS353", message=message, hint=hint))


# Certificates


def trusted() -> str:
    """Return the file of all certificates to trust, the user's among them; empty where nobody named any."""
    named = next((os.environ[name] for name in AUTHORITIES if os.environ.get(name)), "")
    own = configuration().certificates
    return _bundled(own, named) if own else named


def certificates() -> str:
    """Return the text of what :func:`trusted` names, or an empty one where the user's configuration names none."""
    return Path(trusted()).read_text(encoding="utf-8") if configuration().certificates else ""


@cache
def _bundled(own: str, named: str) -> str:
    """Return a file with the user's certificates beside those that are trusted without; gone when this process ends."""
    from requests.utils import DEFAULT_CA_BUNDLE_PATH

    text = _pem(own)
    others = Path(named or DEFAULT_CA_BUNDLE_PATH)
    folder = tempfile.mkdtemp(prefix="mlspec-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    bundle = Path(folder, "certificates.pem")
    # A folder of certificates, which some variables may name, is no text to add to.
    before = others.read_text(encoding="utf-8") if others.is_file() else ""
    bundle.write_text(f"{before.rstrip()}\n{text}", encoding="utf-8")
    return str(bundle)


def _pem(path: str) -> str:
    try:
        text = Path(path).read_text(encoding="utf-8")
        # Refuses what holds no certificate; an empty text would mean those of this host.
        ssl.create_default_context(cadata=text or " ")
    except (OSError, ValueError) as error:
        said = (error.strerror or str(error)).lower() if isinstance(error, OSError) else "it is not text"
        said = "it holds no certificate" if isinstance(error, ssl.SSLError) else said
        hint = "name a file in PEM form, which begins with: -----BEGIN CERTIFICATE-----"
        problem = Problem(code="MLS353", message=f"the certificates in {path} cannot be read: {said}", hint=hint)
        raise SpecError(problem) from None
    return text
