"""A client of yaml-language-server, which the YAML support of most editors is."""

from __future__ import annotations

import json
import queue
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PACKAGE = "yaml-language-server@2.0.0"
_PATIENCE = 30
"""Seconds for an answer, on a machine that does other things too."""

_ABILITIES = {
    "textDocument": {
        "hover": {"contentFormat": ["markdown"]},
        "completion": {"completionItem": {"snippetSupport": True, "documentationFormat": ["markdown"]}},
    },
    "workspace": {"configuration": True},
}


@dataclass(frozen=True)
class Offer:
    """One completion: what the editor shows, and what it inserts."""

    label: str
    text: str


@dataclass
class LanguageServer:
    """A running server, with a folder that has the schema beside the specs."""

    program: Path
    folder: Path
    _answers: queue.Queue[dict[str, Any]] = field(default_factory=queue.Queue)
    _problems: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    _results: dict[int, Any] = field(default_factory=dict)
    _number: int = 0
    _opened: int = 0

    def __enter__(self) -> LanguageServer:
        words = ["node", str(self.program), "--stdio"]
        self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        threading.Thread(target=self._read, daemon=True).start()
        root = self.folder.as_uri()
        self._ask("initialize", {"processId": None, "rootUri": root, "capabilities": _ABILITIES})
        self._send({"method": "initialized", "params": {}})
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def diagnose(self, text: str) -> list[str]:
        """Return the problems that an editor shows for a spec, each as ``LINE:COLUMN message``."""
        uri = self._open(text)
        self._wait(lambda: uri in self._problems)
        places = ((p["range"]["start"], p["message"]) for p in self._problems[uri])
        return sorted(f"{start['line'] + 1}:{start['character'] + 1} {message}" for start, message in places)

    def complete(self, text: str) -> list[Offer]:
        """Return the completions at the end of a spec's text."""
        uri = self._open(text)
        lines = text.split("\n")
        place = {"line": len(lines) - 1, "character": len(lines[-1])}
        found = self._ask("textDocument/completion", {"textDocument": {"uri": uri}, "position": place})
        items = found["items"] if isinstance(found, dict) else found or []
        return [Offer(item["label"], item.get("insertText", "")) for item in items]

    def _open(self, text: str) -> str:
        self._opened += 1
        uri = (self.folder / f"{self._opened}.yaml").as_uri()
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self._send({"method": "textDocument/didOpen", "params": {"textDocument": document}})
        return uri

    def _ask(self, method: str, params: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON value
        self._number += 1
        number = self._number
        self._send({"id": number, "method": method, "params": params})
        self._wait(lambda: number in self._results)
        return self._results.pop(number)

    def _wait(self, is_done: Callable[[], bool]) -> None:
        end = time.monotonic() + _PATIENCE
        while not is_done():
            message = self._answers.get(timeout=max(0.1, end - time.monotonic()))
            if message.get("method") == "textDocument/publishDiagnostics":
                self._problems[message["params"]["uri"]] = message["params"]["diagnostics"]
            elif "method" in message and "id" in message:
                asked = message["params"]["items"] if message["method"] == "workspace/configuration" else []
                self._send({"id": message["id"], "result": [None for _ in asked] or None})
            elif "id" in message:
                self._results[message["id"]] = message.get("result")

    def _send(self, message: Mapping[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._process.stdin.flush()

    def _read(self) -> None:
        pipe = self._process.stdout
        assert pipe
        while line := pipe.readline():
            if line.lower().startswith(b"content-length"):
                size = int(line.split(b":")[1])
                while pipe.readline().strip():
                    pass
                self._answers.put(json.loads(pipe.read(size)))
