"""Servers of tests, each in a thread of its own."""

from __future__ import annotations

import socketserver
import threading


def start(server: socketserver.TCPServer) -> None:
    """Let a server answer in a thread until its ``shutdown`` is called."""
    # A connection that a client gives up between poll() and accept() leaves accept() waiting for the next one, as
    # accept(2) says, and then shutdown() waits as well.
    server.socket.settimeout(1)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
