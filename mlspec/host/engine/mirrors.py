"""Mirrors, certificates and logins of this user in a build: a variant of the Dockerfile, and secrets."""

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
from mlspec.host.network import user_configuration
from mlspec.host.network.registry.endpoints import engine_mirrors
from mlspec.plan.plan import Plan
from mlspec.targets.build_options import BuildOptions
from mlspec.targets.registry import emit
from mlspec.text import without_login

# The build secret with the logins of this user, and the environment variable that holds it during a build.
_LOGINS, _VARIABLE = "mlspec-netrc", "_MLSPEC_NETRC"


@contextmanager
def apply_mirrors(plan: Plan, options: BuildOptions, codename: str) -> Iterator[BuildOptions]:
    """Yield the options of a build with this user's configuration; remove the files of these options at the end.

    ``codename`` is the codename of the base image's Debian, or empty. Raises SpecError if the configuration is wrong.
    """
    configured = user_configuration.configuration()
    reachable = in_reach(configured)
    extras = Extras(certificates=user_configuration.certificates(), logins=logins(reachable), codename=codename)
    options = dataclasses.replace(options, index_url=without_login(reachable.index_url) or None)
    made = make_variant(plan, reachable, extras)
    if not made:
        yield options
        return
    with scratch() as folder, _in_environment(made):
        yield write_variant(made, plan, options, folder)


@contextmanager
def _in_environment(made: BuildVariant) -> Iterator[None]:
    """Keep the logins in an environment variable for the build: in a file, they would outlive a killed process."""
    if _LOGINS not in made.secrets:
        yield
        return
    os.environ[_VARIABLE] = made.secrets[_LOGINS]
    try:
        yield
    finally:
        os.environ.pop(_VARIABLE, None)


def write_variant(made: BuildVariant, plan: Plan, options: BuildOptions, folder: Path) -> BuildOptions:
    """Write the files of a variant into ``folder``, and return the build options that use them.

    The secrets are readable only for this user.
    """
    (ignore,) = emit(plan, ["ignore"])
    dockerfile = folder / "Dockerfile"
    dockerfile.write_text(made.dockerfile, encoding="utf-8")
    # BuildKit finds the ignore file by the name of the Dockerfile, as beside the committed Dockerfile.
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


def uses_mirrors() -> bool:
    """Return whether this user's configuration changes builds by Docker, now or possibly later.

    Raises SpecError if the configuration is wrong.
    """
    configured = user_configuration.configuration()
    # A registry mirror counts even if the engine knows it, because the engine's own settings decide about that.
    is_open = not all(map(is_here, configured.registry_mirror))
    return is_open or configured.engine == "podman" or in_reach(configured) != Configuration()


def in_reach(configured: Configuration) -> Configuration:
    """Return the configuration without loopback addresses, which builds cannot reach.

    The result also lacks the registry mirrors that the engine knows: the engine asks these mirrors itself, and goes on
    without a mirror that fails.
    """
    known = {mirror.rstrip("/") for mirror in engine_mirrors()} if configured.registry_mirror else set()
    registries = (mirror for mirror in configured.registry_mirror if mirror.rstrip("/") not in known)
    return dataclasses.replace(
        configured,
        index_url="" if is_here(configured.index_url) else configured.index_url,
        index_mirrors=tuple(pair for pair in configured.index_mirrors if not is_here(pair[1])),
        registry_mirror=tuple(mirror for mirror in registries if not is_here(mirror)),
        debian_mirror="" if is_here(configured.debian_mirror) else configured.debian_mirror,
        engine=None,
    )


def logins(configured: Configuration) -> str:
    """Return only the logins for the indexes of a configuration, in netrc format."""
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
        # read_file refuses pipes and devices: netrc would block on a pipe, and never reach the end of a device.
        read_file(path)
        entry = netrc.netrc(str(path)).hosts.get(host)
    except (OSError, netrc.NetrcParseError):
        return None
    if not entry:
        return None
    remember_secret(entry[2])
    return entry[0], entry[2]
