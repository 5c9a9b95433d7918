"""Check a container before it starts: ports in use, and folders that its user cannot write to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mlspec.errors import Problem
from mlspec.spec.nested_keys import Port

_EVERYWHERE = {"0.0.0.0", "::", ""}  # noqa: S104 - addresses to compare with


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedPort:
    """A port of this host that a running container has, with the names of the container and its image."""

    ip: str
    port: int
    protocol: str
    container: str
    image: str


def port_numbers(port: Port) -> tuple[int, ...]:
    """Return the ports of the host that a port of the spec is published at; none where the engine chooses one."""
    first, _, last = str(port.published or "").partition("-")
    return tuple(range(int(first), int(last or first) + 1)) if first else ()


def check_ports(ports: Iterable[Port], published: Iterable[PublishedPort]) -> Iterator[Problem]:
    """Yield a problem for each port of a run that a container has already."""
    taken = tuple(published)
    for port in ports:
        for number in port_numbers(port):
            holder = next((one for one in taken if _is_same(port, number, one)), None)
            if holder:
                message = f"port {number} is in use by the container {holder.container} (image {holder.image})"
                hint = f"stop it: docker stop {holder.container}; or publish another port, such as {number + 1}"
                yield Problem(code="MLS514", message=message, hint=hint)


def _is_same(port: Port, number: int, holder: PublishedPort) -> bool:
    meets = port.host_ip == holder.ip or _EVERYWHERE & {port.host_ip, holder.ip}
    return bool(meets) and (number, port.protocol) == (holder.port, holder.protocol)


def busy_port(number: int) -> Problem:
    """Return the problem of a port that a program of this host listens on, outside of any container."""
    message = f"port {number} is in use by another program on this host"
    look = f"ss --listening --tcp --udp --processes 'sport = :{number}'"
    hint = f"see which: {look}; or publish another port, such as {number + 1}"
    return Problem(code="MLS514", message=message, hint=hint)


def unwritable_mount(path: str, owner: str, user: str) -> Problem:
    """Return the warning that a mounted folder is another user's, and closed to the one that the program runs as."""
    message = f"{path} belongs to {owner}, and the program runs as {user}: it cannot write there"
    hint = f"if it has to: sudo chown -R {user} {path}; else mount it for reading: {path}:TARGET:ro"
    return Problem(code="MLS515", message=message, hint=hint, severity="warning")
