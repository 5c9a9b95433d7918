"""Tests of problems that would stop a container at its start, found before the engine reports them."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Literal

import pytest

from mlspec.advice.doctor.container_start import HostPort, PublishedPort, check_ports
from mlspec.host.engine import start


def port(published: int | str | None, protocol: Literal["tcp", "udp"] = "tcp") -> HostPort:
    return HostPort(published=str(published) if published else None, protocol=protocol)


HOLDER = PublishedPort(ip="0.0.0.0", port=8000, protocol="tcp", container="reverent_wu", image="nc-api")  # noqa: S104


def test_the_container_that_has_the_port_is_named_with_the_way_to_stop_it() -> None:
    (problem,) = check_ports((port(8000),), (HOLDER,))

    assert problem.message == "port 8000 is in use by the container reverent_wu (image nc-api)"
    assert problem.hint == "stop it: docker stop reverent_wu; or publish another port, such as 8001"


@pytest.mark.parametrize("mine", [port(8001), port(8000, protocol="udp"), port(None), port(7999)])
def test_other_ports_are_free(mine: HostPort) -> None:
    assert not [*check_ports((mine,), (HOLDER,))]


def test_a_port_within_a_range_is_seen() -> None:
    assert len([*check_ports((HostPort(published="7995-8005"),), (HOLDER,))]) == 1


def test_one_address_of_this_host_leaves_the_others() -> None:
    holder = PublishedPort(ip="127.0.0.2", port=8000, protocol="tcp", container="a", image="b")

    assert not [*check_ports((port(8000),), (holder,))]


def test_a_program_of_this_host_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "_list_published_ports", lambda: iter(()))
    with socket.create_server(("127.0.0.1", 0)) as server:
        number = server.getsockname()[1]
        (problem,) = start.port_problems((port(number),))

    assert problem.message == f"port {number} is in use by another program on this host"
    assert start.port_problems((port(number),)) == ()


def mount_codes(folder: Path, user: str | None) -> list[str]:
    return [problem.code for problem in start.mount_problems([("./models", folder)], user)]


@pytest.mark.parametrize(
    ("mode", "user", "codes"),
    [
        (0o755, "4321:4321", ["MLS515"]),
        (0o777, "4321:4321", []),
        (0o775, f"4321:{os.getgid()}", []),
        (0o755, f"{os.getuid()}:4321", []),
        (0o755, "0:0", []),
        (0o755, None, []),
        (0o755, "", []),
        (0o755, "app", []),
    ],
)
def test_a_folder_that_is_closed_to_the_programs_user_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int, user: str | None, codes: list[str]
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///var/run/docker.sock")
    tmp_path.chmod(mode)

    assert mount_codes(tmp_path, user) == codes
