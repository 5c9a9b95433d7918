"""Rules about the project's folder and the engine: mounts, users, the init process, line ends."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from mlspec.advice.doctor.findings import Finding, as_finding, fine, join_names, problem
from mlspec.advice.doctor.observations import Engine, Host, Need, Observations


def findings(seen: Observations) -> Iterator[Finding]:
    """Check mounts, users, the init process and line ends."""
    if seen.engine.version:
        yield from _init(seen)
        yield from _mounts(seen)
        yield from _users(seen)
    yield from _line_ends(seen)


def _init(seen: Observations) -> Iterator[Finding]:
    wanting = [need.image for need in seen.needs if need.init]
    if not wanting:
        return
    if seen.engine.has_init:
        yield fine("init", "the engine has docker-init")
        return
    message = f"the engine has no docker-init, which {join_names(wanting)} needs to start"
    hint = (
        "install it on the engine's host: sudo apt-get install docker-ce, or tini beside Debian's docker.io; or "
        "write: init: false"
    )
    yield as_finding("init", problem("MLS561", message, hint))


# Mounts


def _mounts(seen: Observations) -> Iterator[Finding]:
    binds = tuple(dict.fromkeys(bind for need in seen.needs for bind in need.binds))
    if seen.engine.is_remote and binds:
        message = f"the engine is on another host, at {seen.engine.address}, so mounts are folders of that host"
        hint = f"copy the mounted files to the same path there: {binds[0]}; or mount a volume: NAME:/path"
        yield as_finding("mounts", problem("MLS562", message, hint, "warning"))
        return
    hidden = [bind for bind in binds if not _is_seen(bind, seen.engine, seen.host)]
    if hidden:
        message = f"the engine cannot see {join_names(hidden)}, which is mounted"
        yield as_finding("mounts", problem("MLS563", message, _share_hint(seen.engine, seen.host)))
    elif binds:
        yield fine("mounts", f"the engine sees {join_names(binds)}")


def _is_seen(path: str, engine: Engine, host: Host) -> bool:
    if engine.is_snap:
        # A snap sees nothing outside the home folder, and no hidden files in it: snapcraft.io/docs/home-interface
        inside = path.removeprefix(f"{host.home}/")
        return inside != path and not inside.startswith(".")
    shares = engine.shares
    return not shares or any(posixpath.commonpath((path, share)) == share for share in shares)


def _share_hint(engine: Engine, host: Host) -> str:
    if engine.is_snap:
        return f"Docker from snap sees only {host.home}: move the project there, or install docker-ce of docker.com"
    return "share it: in the settings of Docker Desktop, Resources, File sharing; or move the project below your home"


# Users


def _users(seen: Observations) -> Iterator[Finding]:
    writing = [need for need in seen.needs if need.as_caller]
    if not writing or seen.host.uid == 0:
        return
    images = join_names(need.image for need in writing)
    if seen.engine.has("rootless"):
        message = f"the engine is rootless: {images} cannot write to its mounts as its own user"
        hint = 'in a rootless engine, root is only your own user: write user: "0:0"'
        yield as_finding("users", problem("MLS564", message, hint, "warning"))
    elif seen.engine.has("userns"):
        yield _check_remapped_user(seen, writing, images)
    else:
        yield fine("users", f"{images} runs as you, so files that it writes to mounts are yours")


def _check_remapped_user(seen: Observations, writing: list[Need], images: str) -> Finding:
    # With user namespaces, the engine's folder ends in the host's IDs of its root user: /var/lib/docker/100000.100000
    first = posixpath.basename(seen.engine.root).partition(".")[0]
    user = str(int(first) + seen.host.uid) if first.isdigit() else "UID"
    path = next((bind for need in writing for bind in need.binds), ".")
    message = f"the engine maps users: {images} writes to mounts as user {user} of this host, not as you"
    return as_finding("users", problem("MLS564", message, f'setfacl -R -m "u:{user}:rwX" {path}', "warning"))


# Line ends


def _line_ends(seen: Observations) -> Iterator[Finding]:
    scripts = dict.fromkeys(script for need in seen.needs for script in need.windows_scripts)
    if not scripts:
        return
    message = f"Windows line endings in {join_names(scripts)}: no Linux shell runs that"
    hint = "mlspec render; and to keep it so in git: echo '*run.sh text eol=lf' >> .gitattributes"
    yield as_finding("line ends", problem("MLS565", message, hint, "warning"))
