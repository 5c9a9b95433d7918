"""Typed rows of ``data/servers.toml``: programs and calls that listen on a port."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from mlspec.facts.tables import frozen, table


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """The options for a server's host and port, and the defaults; the table explains each field."""

    program: str
    jobs: tuple[str, ...] = ()
    host: tuple[str, ...] = ("--host",)
    port: tuple[str, ...] = ("--port",)
    bind: tuple[str, ...] = ()
    default: str
    is_open: bool = False
    is_positional: bool = False
    variables: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    @property
    def opening(self) -> str:
        """The arguments to add so that the server answers callers from outside the container."""
        if self.is_positional:
            return f"{self.jobs[0]} 0.0.0.0:{self.default}"
        if self.bind:
            return f"{self.bind[0]} 0.0.0.0:{self.default}"
        # traitlets accepts the value of --Class.trait only after an equals sign.
        sign = "=" if "." in self.host[0] else " "
        return f"{self.host[0]}{sign}0.0.0.0"  # noqa: S104 - in a container


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerCall:
    """A call that listens on a port: its arguments for host and port, and their defaults."""

    call: str = ""
    method: str = ""
    of: tuple[str, ...] = ()
    imported: str = ""
    host: str = "host"
    port: str = "port"
    host_place: int = -1
    port_place: int = -1
    address: int = -1
    default_host: str = ""
    default_port: int = 0
    host_variable: str = ""
    port_variable: str = ""
    unless: tuple[str, ...] = ()


@cache
def servers() -> tuple[Server, ...]:
    """Return the programs that are known to listen on a port."""
    return tuple(Server(**frozen(row)) for row in table("servers")["server"])


@cache
def server_calls() -> tuple[ServerCall, ...]:
    """Return the calls that are known to listen on a port."""
    return tuple(ServerCall(**frozen(row)) for row in table("servers")["call"])
