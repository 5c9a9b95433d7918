"""Looks at this host for what would stop a container at its start, before the engine says so in its own words."""

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

from mlspec.advice.doctor.container_start import PublishedPort, busy_port, check_ports, port_numbers, unwritable_mount
from mlspec.advice.doctor.facts import Engine
from mlspec.errors import Problem
from mlspec.host.engine import engine
from mlspec.spec.nested_keys import Port


def port_problems(ports: tuple[Port, ...]) -> tuple[Problem, ...]:
    """Return a problem for each port of a run that a container or a program of this host has already."""
    if not any(map(port_numbers, ports)):
        return ()
    if found := tuple(check_ports(ports, _list_published_ports())):
        return found
    # What listens here says nothing of the ports of an engine on another computer.
    here = Engine(address=os.environ.get("DOCKER_HOST", ""))
    if here.is_remote or sys.platform != "linux":
        return ()
    return tuple(busy_port(number) for port in ports for number in port_numbers(port) if _is_busy(port, number))


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


def _is_busy(port: Port, number: int) -> bool:
    kind = socket.SOCK_DGRAM if port.protocol == "udp" else socket.SOCK_STREAM
    family = socket.AF_INET6 if ":" in port.host_ip else socket.AF_INET
    try:
        with socket.socket(family, kind) as probe:
            # As the engine binds: a connection of yesterday that is not closed for good is no listener.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((port.host_ip, number))
    except OSError as error:
        return error.errno == errno.EADDRINUSE
    return False


def mount_problems(paths: Iterable[tuple[str, Path]], user: str | None) -> Iterator[Problem]:
    """Yield a warning for each folder, as the spec writes it and as it is, that ``user`` (UID:GID) cannot write to."""
    # A rootless engine, whose socket is below /run/user, maps users to others of this host.
    if not user or sys.platform == "win32" or "/user/" in os.environ.get("DOCKER_HOST", ""):
        return
    uid, gid = (int(part) if part.isdigit() else -1 for part in user.partition(":")[::2])
    for written, path in paths:
        with contextlib.suppress(OSError):
            status = path.stat()
            if uid > 0 and stat.S_ISDIR(status.st_mode) and not _may_write(status, uid, gid):
                yield unwritable_mount(shlex.quote(written), f"{status.st_uid}:{status.st_gid}", user)


def _may_write(status: os.stat_result, uid: int, gid: int) -> bool:
    """Tell whether the mode of a folder lets a user in a container write: it has its own group, and no others."""
    if status.st_uid == uid:
        return bool(status.st_mode & stat.S_IWUSR)
    return bool(status.st_mode & (stat.S_IWGRP if status.st_gid == gid else stat.S_IWOTH))
