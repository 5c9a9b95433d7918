"""Checks of this host before a container starts: ports in use, and mounts that the program cannot write to."""

from __future__ import annotations

import contextlib
import errno
import os
import shlex
import socket
import stat
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from mlspec.advice.doctor.container_start import (
    HostPort,
    PublishedPort,
    busy_port,
    check_ports,
    port_numbers,
    unwritable_mount,
)
from mlspec.advice.doctor.observations import Engine
from mlspec.errors import Problem
from mlspec.host.engine import docker_answers, engine

if TYPE_CHECKING:
    from mlspec.targets.run_caller import EngineName


def port_problems(ports: tuple[HostPort, ...], engine_name: EngineName | None = None) -> tuple[Problem, ...]:
    """Return a problem for each published port that a container or a program of this host uses already."""
    if not any(map(port_numbers, ports)):
        return ()
    # A port of podman is that of a program of this host.
    if engine_name != "podman" and _may_meet(ports) and (found := tuple(check_ports(ports, _list_published_ports()))):
        return found
    # An engine on another computer, or in a virtual machine, has other ports than this host.
    here = Engine(address="" if engine_name == "podman" else os.environ.get("DOCKER_HOST", ""))
    if here.is_remote or sys.platform != "linux":
        return ()
    return tuple(busy_port(number) for port in ports for number in port_numbers(port) if _is_busy(port, number))


def _may_meet(ports: tuple[HostPort, ...]) -> bool:
    """Return whether a container may use one of these ports; True if docker cannot say."""
    taken = docker_answers.read_published_ranges()
    return taken is None or any(number in there for port in ports for number in port_numbers(port) for there in taken)


def _list_published_ports() -> Iterator[PublishedPort]:
    with contextlib.closing(engine.connect()) as client:
        containers = client.api.containers()
    for container in containers:
        name = next(iter(container.get("Names") or ()), container.get("Id", "")[:12]).lstrip("/")
        for port in container.get("Ports") or ():
            if "PublicPort" in port:
                yield PublishedPort(
                    ip=str(port.get("IP", "")),
                    port=int(port["PublicPort"]),
                    protocol=str(port.get("Type", "tcp")),
                    container=name,
                    image=str(container.get("Image", "")),
                )


def _is_busy(port: HostPort, number: int) -> bool:
    kind = socket.SOCK_DGRAM if port.protocol == "udp" else socket.SOCK_STREAM
    family = socket.AF_INET6 if ":" in port.host_ip else socket.AF_INET
    try:
        with socket.socket(family, kind) as probe:
            # The engine sets this option too: it ignores old connections that are not fully closed.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((port.host_ip, number))
    except OSError as error:
        return error.errno == errno.EADDRINUSE
    return False


def mount_problems(paths: Iterable[tuple[str, Path]], user: str | None) -> Iterator[Problem]:
    """Yield a warning for each folder that ``user`` (UID:GID) cannot write to.

    ``paths`` has each folder as its text in the spec and as its path on this host.
    """
    # A rootless engine maps the users of a container to other users of this host. Its socket is below /run/user.
    if not user or sys.platform == "win32" or "/user/" in os.environ.get("DOCKER_HOST", ""):
        return
    uid, gid = (int(part) if part.isdigit() else -1 for part in user.partition(":")[::2])
    for written, path in paths:
        with contextlib.suppress(OSError):
            status = path.stat()
            if uid > 0 and stat.S_ISDIR(status.st_mode) and not _may_write(status, uid, gid):
                yield unwritable_mount(shlex.quote(written), f"{status.st_uid}:{status.st_gid}", user)


def _may_write(status: os.stat_result, uid: int, gid: int) -> bool:
    """Return whether the mode of a folder lets a user in a container write; this user has only one group, ``gid``."""
    if status.st_uid == uid:
        return bool(status.st_mode & stat.S_IWUSR)
    return bool(status.st_mode & (stat.S_IWGRP if status.st_gid == gid else stat.S_IWOTH))
