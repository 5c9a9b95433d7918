"""The project's own folder, as the engine sees it: mounts, users, the init process, the ends of lines."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from mlspec.advice.doctor.facts import Engine, Facts, Host, Need
from mlspec.advice.doctor.findings import Finding, as_finding, fine, join_names, problem


def findings(facts: Facts) -> Iterator[Finding]:
    """Check mounts, users, the init process and line ends."""
    if facts.engine.version:
        yield from _init(facts)
        yield from _mounts(facts)
        yield from _users(facts)
    yield from _line_ends(facts)


def _init(facts: Facts) -> Iterator[Finding]:
    wanting = [need.image for need in facts.needs if need.init]
    if not wanting:
        return
    if facts.engine.has_init:
        yield fine("init", "the engine has docker-init")
        return
    message = f"the engine has no docker-init, with which {join_names(wanting)} starts"
    hint = "install it on the engine's host: sudo apt-get install docker-ce, or tini for Debian's own; or: init: false"
    yield as_finding("init", problem("MLS561", message, hint))


# Mounts


def _mounts(facts: Facts) -> Iterator[Finding]:
    binds = tuple(dict.fromkeys(bind for need in facts.needs for bind in need.binds))
    if facts.engine.is_remote and binds:
        message = f"the engine is on another host, at {facts.engine.address}, and mounts are folders of that one"
        hint = f"have there what is mounted, at the same path: {binds[0]}; or mount a volume: NAME:/path"
        yield as_finding("mounts", problem("MLS562", message, hint, "warning"))
        return
    hidden = [bind for bind in binds if not _is_seen(bind, facts.engine, facts.host)]
    if hidden:
        message = f"the engine cannot see {join_names(hidden)}, which is mounted"
        yield as_finding("mounts", problem("MLS563", message, _share_hint(facts.engine, facts.host)))
    elif binds:
        yield fine("mounts", f"the engine sees {join_names(binds)}")


def _is_seen(path: str, engine: Engine, host: Host) -> bool:
    if engine.is_snap:
        # The confinement of snaps: nothing outside home, and nothing hidden in it. snapcraft.io/docs/home-interface
        inside = path.removeprefix(f"{host.home}/")
        return inside != path and not inside.startswith(".")
    shares = engine.shares
    return not shares or any(posixpath.commonpath((path, share)) == share for share in shares)


def _share_hint(engine: Engine, host: Host) -> str:
    if engine.is_snap:
        return f"the Docker of snap sees {host.home} only: move the project there, or install docker-ce of docker.com"
    return "share it: in the settings of Docker Desktop, Resources, File sharing; or move the project below your home"


# Users


def _users(facts: Facts) -> Iterator[Finding]:
    writing = [need for need in facts.needs if need.as_caller]
    if not writing or facts.host.uid == 0:
        return
    images = join_names(need.image for need in writing)
    if facts.engine.has("rootless"):
        message = f"the engine is rootless: as its own user, {images} cannot write to what it mounts"
        hint = 'in a rootless engine, root is you, and nobody more: user: "0:0"'
        yield as_finding("users", problem("MLS564", message, hint, "warning"))
    elif facts.engine.has("userns"):
        yield _check_remapped_user(facts, writing, images)
    else:
        yield fine("users", f"{images} runs as you, and what it writes to mounts is yours")


def _check_remapped_user(facts: Facts, writing: list[Need], images: str) -> Finding:
    # The root of an engine with user namespaces ends in the host's ids of its root: /var/lib/docker/100000.100000
    first = posixpath.basename(facts.engine.root).partition(".")[0]
    user = str(int(first) + facts.host.uid) if first.isdigit() else "UID"
    path = next((bind for need in writing for bind in need.binds), ".")
    message = f"the engine maps users: {images} writes to mounts as user {user} of this host, not as you"
    return as_finding("users", problem("MLS564", message, f'setfacl -R -m "u:{user}:rwX" {path}', "warning"))


# Ends of lines


def _line_ends(facts: Facts) -> Iterator[Finding]:
    scripts = dict.fromkeys(script for need in facts.needs for script in need.windows_scripts)
    if not scripts:
        return
    message = f"the lines of {join_names(scripts)} end as Windows ends them, and no shell of Linux runs that"
    hint = "mlspec render; and so that git keeps it: echo '*run.sh text eol=lf' >> .gitattributes"
    yield as_finding("line ends", problem("MLS565", message, hint, "warning"))
