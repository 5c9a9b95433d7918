"""Tests of endless and missing answers: a command ends, gives the reason, and shows the address that it waits for."""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pexpect
import pytest

from mlspec.cli.terminal import ProgressLine
from mlspec.errors import ToolError
from mlspec.host import waiting
from mlspec.host.network import registry
from mlspec.host.network.deadline import within
from mlspec.host.network.registry import image_lookup
from mlspec.host.resolver.child.limits import _Rate
from tests.cli.test_pipeline import index, mlspec, project

__all__ = ["index", "project"]

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.pypi.simple.v1+json\r\nConnection: close\r\n\r\n"
ENDLESS = itertools.chain([HEAD], itertools.repeat(b"[" * 65536))


@contextlib.contextmanager
def answering(parts: Callable[[], Iterable[bytes]]) -> Iterator[str]:
    """Serve the same answer to all requests, and yield ``HOST:PORT``."""
    server = socket.create_server(("127.0.0.1", 0))
    # A thread that waits in accept() could take a connection of the next server that gets the number of the socket.
    server.settimeout(0.05)
    is_over = threading.Event()

    def answer(client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            client.recv(65536)
            for part in parts():
                client.sendall(part)

    def serve() -> None:
        while not is_over.is_set():
            with contextlib.suppress(TimeoutError):
                threading.Thread(target=answer, args=(server.accept()[0],), daemon=True).start()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.getsockname()[1]}"
    finally:
        is_over.set()
        thread.join()
        server.close()


def drip() -> Iterator[bytes]:
    yield HEAD
    while True:
        time.sleep(0.05)
        yield b" "


def code_of(host: str) -> str:
    with pytest.raises(ToolError) as failed:
        registry.resolve(f"{host}/team/base:1", "linux/amd64")
    return failed.value.problems[0].code


# Registries


def test_an_answer_without_an_end_is_none() -> None:
    with answering(lambda: ENDLESS) as host:
        assert code_of(host) == "MLS307"


def test_an_answer_that_is_nested_too_deep_is_none() -> None:
    with answering(lambda: [HEAD, b"[" * 100_000]) as host:
        assert code_of(host) == "MLS307"


def test_an_answer_that_drips_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_lookup, "_MOST", 0.5)
    with answering(drip) as host:
        assert code_of(host) == "MLS309"


def test_a_wait_is_shown_and_a_long_one_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "_LONG", 0.3)
    seen: list[str] = []

    class Watcher:
        def pulse(self, text: str) -> None:
            seen.append(text)

        def note(self, text: str) -> None:
            seen.append(f"note: {text}")

        def report(self, text: str) -> None: ...

    with waiting.watch(Watcher()), pytest.raises(TimeoutError):
        within(1, threading.Event().wait, waiting.waiting("waiting for example.com"))

    assert seen[0] == "waiting for example.com, 0 s"
    assert sum(text.startswith("note: still waiting for example.com, after") for text in seen) == 1


def test_what_is_raised_within_the_time_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        within(60, lambda: 1 // 0)
    assert within(60, lambda: None) is None


# Indexes


def test_a_connection_that_drips_has_timed_out() -> None:
    rate = _Rate()
    for _ in range(29):
        rate.count(1, 1)
    with pytest.raises(TimeoutError, match="timed out: 30 bytes in 30 seconds"):
        rate.count(1, 1)


@pytest.mark.parametrize(
    "parts", [[(40, 200)] * 5, [(1, 4000)] * 100, [(0.001, 1)] * 1000], ids=["thinks", "slow", "small parts"]
)
def test_a_connection_that_is_slow_has_not(parts: list[tuple[float, int]]) -> None:
    rate = _Rate()
    for seconds, size in parts:
        rate.count(seconds, size)


@pytest.mark.parametrize("page", [b"[" * 100_000, b'"text"', b"\xff"], ids=["deep", "text", "bytes"])
def test_a_page_that_is_none_is_told_with_its_host(page: bytes, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(lambda: [HEAD, page]) as host:
        monkeypatch.setenv("MLSPEC_INDEX_URL", f"http://{host}/simple/")
        said = mlspec("lock", code=3).stderr
    assert f"MLS310: the answer of http://{host} about apple is not an index page" in said


# On a terminal


def test_a_terminal_shows_what_is_looked_at(project: Path) -> None:
    environment = {**os.environ, "TERM": "xterm"}
    child = pexpect.spawn(sys.executable, ["-m", "mlspec", "lock"], env=environment, encoding="utf-8", timeout=60)
    child.expect(r"\r[^\r\n]*resolving: 1 packages? known, looking at apple, \d+ s\x1b\[K")
    child.expect(r"\r\x1b\[K *\+ apple")
    child.expect(pexpect.EOF)
    child.wait()


def test_a_log_shows_none_of_it(project: Path) -> None:
    said = mlspec("lock").stderr
    assert "\r" not in said
    assert "resolving" not in said


def test_the_line_of_a_terminal_fits_it(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "20")
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setattr("mlspec.cli.terminal.is_quiet", lambda: False)
    ProgressLine().pulse("x" * 100 + "\x1b[2J")
    ProgressLine.clear()
    assert terminal.getvalue() == f"\r{'x' * 19}\x1b[K\r\x1b[K"
