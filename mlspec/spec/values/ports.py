"""Ports, addresses of hosts and indexes, and paths of HTTP checks."""

from __future__ import annotations

import ipaddress
import re

from mlspec.errors import quote_value
from mlspec.spec.values.refused import Refused, one_line

PORT_RANGE = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")
PORT = re.compile(
    r"(?:(?:(?P<ip>\[[0-9A-Fa-f:.]+\]|[0-9.]+):)?(?P<published>[0-9]+(?:-[0-9]+)?)?:)?"
    r"(?P<target>[0-9]+(?:-[0-9]+)?)(?:/(?P<protocol>tcp|udp))?"
)
INDEX = re.compile(r"(?:https?://[^\s/]|file:///)\S*")


def port(value: str) -> dict[str, str]:
    """Return the parts of ``[[HOST_IP:][PUBLISHED]:]TARGET[/PROTOCOL]``, by Compose's names."""
    match = PORT.fullmatch(value)
    if not match:
        raise Refused("MLS112", f"{quote_value(value)} is not a port", 'write HOST:CONTAINER, such as: "8000:8000"')
    parts = {
        "host_ip": match["ip"],
        "published": match["published"],
        "target": match["target"],
        "protocol": match["protocol"],
    }
    return {name: text for name, text in parts.items() if text}


def port_range(value: str) -> str:
    """Return ``8000`` or ``8000-8003`` if each number is a port."""
    match = PORT_RANGE.fullmatch(value)
    low, high = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if not 0 < low < 65536 or not 0 < high < 65536:
        raise Refused("MLS112", f"{quote_value(value)} is not a port", "a port is a number from 1 to 65535")
    if high < low:
        raise Refused("MLS112", f"{quote_value(value)} ends before it begins", f"did you mean {high}-{low}?")
    return value


def numbers(value: str) -> tuple[int, ...]:
    """Return the ports of a range that :func:`port_range` accepts, or a single port."""
    low, _, high = value.partition("-")
    return tuple(range(int(low), int(high or low) + 1))


def host_ip(value: str) -> str:
    """Return ``value`` if it is an address of the host; an IPv6 address is in brackets."""
    try:
        if value.startswith("[") and value.endswith("]"):
            ipaddress.IPv6Address(value[1:-1])
        else:
            ipaddress.IPv4Address(value)
    except ValueError:
        hint = "write 127.0.0.1 for this host only, or 0.0.0.0 for everyone"
        raise Refused("MLS112", f"{quote_value(value)} is not an address of this host", hint) from None
    return value


def index_url(value: str) -> str:
    """Return ``value`` if it is the address of a package index and contains no login."""
    one_line(value)
    if not INDEX.fullmatch(value):
        raise Refused("MLS121", f"{quote_value(value)} is not the URL of an index", "write https://HOST/PATH")
    if "@" in value.partition("://")[2].partition("/")[0]:
        message = "all generated files would contain the login in this URL"
        hint = "remove it, and name a secret: secret: MY_INDEX"
        raise Refused("MLS121", message, hint, shows_secret=True)
    return value


def health_path(value: str) -> str:
    """Return ``value`` if it can be the path of an HTTP request."""
    if not value.startswith("/"):
        message, hint = f"the path {quote_value(value)} does not begin with /", f"did you mean /{value}?"
        raise Refused("MLS114", message, hint, value=value, meant=f"/{value}")
    if not re.fullmatch("[!-~]+", value):
        raise Refused(
            "MLS114", f"the path {quote_value(value)} contains a space or a character that URLs do not allow", "use %20"
        )
    return value
