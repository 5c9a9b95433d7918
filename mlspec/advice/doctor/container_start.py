"""Checks of a container before it starts: ports in use, and folders to which its user cannot write."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mlspec.errors import Problem

_EVERYWHERE = {"0.0.0.0", "::", ""}  # noqa: S104 - addresses to compare with


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPort:
    """A port, or a range as ``8000-8005``, that a container needs on this host.

    ``published`` is None if the engine chooses the port.
    """

    published: str | None
    host_ip: str = "127.0.0.1"
    protocol: str = "tcp"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedPort:
    """A port of this host that a running container publishes, with the names of the container and its image."""

    ip: str
    port: int
    protocol: str
    container: str
    image: str


def port_numbers(port: HostPort) -> tuple[int, ...]:
    """Return the ports of the host at which the spec publishes a port; empty if the engine chooses the port."""
    first, _, last = str(port.published or "").partition("-")
    return tuple(range(int(first), int(last or first) + 1)) if first else ()


def check_ports(ports: Iterable[HostPort], published: Iterable[PublishedPort]) -> Iterator[Problem]:
    """Yield a problem for each port of a run that another container already publishes."""
    taken = tuple(published)
    for port in ports:
        for number in port_numbers(port):
            holder = next((one for one in taken if _is_same(port, number, one)), None)
            if holder:
                message = f"port {number} is in use by the container {holder.container} (image {holder.image})"
                hint = f"stop it: docker stop {holder.container}; or publish another port, such as {number + 1}"
                yield Problem(code="MLS514", message=message, hint=hint)


def _is_same(port: HostPort, number: int, holder: PublishedPort) -> bool:
    meets = port.host_ip == holder.ip or _EVERYWHERE & {port.host_ip, holder.ip}
    return bool(meets) and (number, port.protocol) == (holder.port, holder.protocol)


def busy_port(number: int) -> Problem:
    """Return the problem that a program of this host, outside of any container, already listens on a port."""
    message = f"port {number} is in use by another program on this host"
    look = f"ss --listening --tcp --udp --processes 'sport = :{number}'"
    hint = f"see which: {look}; or publish another port, such as {number + 1}"
    return Problem(code="MLS514", message=message, hint=hint)


def unwritable_mount(path: str, owner: str, user: str) -> Problem:
    """Return the warning that a mounted folder belongs to another user, and the program's user cannot write to it."""
    message = f"{path} belongs to {owner}, and the program runs as {user}: it cannot write there"
    hint = f"if it must: sudo chown -R {user} {path}; else mount it read-only: {path}:TARGET:ro"
    return Problem(code="MLS515", message=message, hint=hint, severity="warning")
