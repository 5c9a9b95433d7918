"""Build with this user's mirrors, certificates and logins: a variant of the Dockerfile, and secrets."""

from __future__ import annotations

import dataclasses
import netrc
import os
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlspec.build.build_variant import BuildVariant, Extras, make_variant
from mlspec.build.configuration_text import Configuration
from mlspec.host.files.bounded import read_file
from mlspec.host.files.scratch import scratch
from mlspec.host.home import known_home
from mlspec.host.known_secrets import remember_secret
from mlspec.host.machine import is_here
from mlspec.host.network import user_configuration as own
from mlspec.host.network.registry.endpoints import engine_mirrors
from mlspec.plan.plan import Plan
from mlspec.targets.registry import emit
from mlspec.targets.run_script import BuildOptions
from mlspec.text import without_login

# The secret with the logins of this user, and the variable that holds it during a build.
_LOGINS, _VARIABLE = "mlspec-netrc", "_MLSPEC_NETRC"


@contextmanager
def apply_mirrors(plan: Plan, options: BuildOptions, codename: str) -> Iterator[BuildOptions]:
    """Yield the options of a build with this user's configuration; the files that they name are removed at the end.

    ``codename`` is that of the base's Debian, or empty. Raises SpecError where the configuration is wrong.
    """
    configured = own.configuration()
    reachable = in_reach(configured)
    extras = Extras(certificates=own.certificates(), logins=logins(reachable), codename=codename)
    options = dataclasses.replace(options, index_url=without_login(reachable.index_url) or None)
    made = make_variant(plan, reachable, extras)
    if not made:
        yield options
        return
    with scratch() as folder, _in_environment(made):
        yield write_variant(made, plan, options, folder)


@contextmanager
def _in_environment(made: BuildVariant) -> Iterator[None]:
    """Hold logins where the build's own process finds them: on a disk, they would outlive a process that is killed."""
    if _LOGINS not in made.secrets:
        yield
        return
    os.environ[_VARIABLE] = made.secrets[_LOGINS]
    try:
        yield
    finally:
        os.environ.pop(_VARIABLE, None)


def write_variant(made: BuildVariant, plan: Plan, options: BuildOptions, folder: Path) -> BuildOptions:
    """Return the options of a build from a variant, whose files are written below ``folder``, for this user alone."""
    (ignore,) = emit(plan, ["ignore"])
    dockerfile = folder / "Dockerfile"
    dockerfile.write_text(made.dockerfile, encoding="utf-8")
    # BuildKit finds it by the name of the Dockerfile, as it finds the committed one.
    dockerfile.with_name("Dockerfile.dockerignore").write_text(ignore.text, encoding="utf-8")
    secrets = []
    for name, text in made.secrets.items():
        if name == _LOGINS:
            secrets.append((name, f"env={_VARIABLE}"))
            continue
        path = folder / name
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8")
        secrets.append((name, f"src={path}"))
    return dataclasses.replace(options, dockerfile=str(dockerfile), secrets=tuple(secrets), without_secrets=made.unused)


def in_reach(configured: Configuration) -> Configuration:
    """Return the configuration as builds can use it: what listens on this host alone is out of their reach.

    A mirror that the engine knows itself is asked by the engine, which goes on without it where it must.
    """
    known = {mirror.rstrip("/") for mirror in engine_mirrors()} if configured.registry_mirror else set()
    registries = (mirror for mirror in configured.registry_mirror if mirror.rstrip("/") not in known)
    return dataclasses.replace(
        configured,
        index_url="" if is_here(configured.index_url) else configured.index_url,
        index_mirrors=tuple(pair for pair in configured.index_mirrors if not is_here(pair[1])),
        registry_mirror=tuple(mirror for mirror in registries if not is_here(mirror)),
        debian_mirror="" if is_here(configured.debian_mirror) else configured.debian_mirror,
    )


def logins(configured: Configuration) -> str:
    """Return the logins for the indexes of a configuration, and no others, in netrc form."""
    urls = [configured.index_url, *(mirror for _, mirror in configured.index_mirrors)]
    found: dict[str, tuple[str, str]] = {}
    for url in filter(None, urls):
        address = urllib.parse.urlsplit(url)
        host = address.hostname or ""
        if address.username:
            user, password = (urllib.parse.unquote(text or "") for text in (address.username, address.password))
            remember_secret(password or user)
            found[host] = user, password
        elif known := _find_login(host):
            found.setdefault(host, known)
    return "".join(f"machine {host} login {user} password {password}\n" for host, (user, password) in found.items())


def _find_login(host: str) -> tuple[str, str] | None:
    path = Path(os.environ.get("NETRC") or Path(known_home(), ".netrc"))
    try:
        # Its reader would wait for a pipe, and never come to the end of a device.
        read_file(path)
        entry = netrc.netrc(str(path)).hosts.get(host)
    except (OSError, netrc.NetrcParseError):
        return None
    if not entry:
        return None
    remember_secret(entry[2])
    return entry[0], entry[2]
