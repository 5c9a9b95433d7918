"""The channel to the parent process: lines of JSON in both directions."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
from typing import Any


class Channel:
    """A channel with questions on the original standard output, and answers on standard input."""

    def __init__(self) -> None:
        # Send the output of pip, git and other programs to stderr, so that nobody takes their output for a question.
        self._questions = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)
        self._answers = sys.stdin
        self._turn = threading.Lock()

    def job(self) -> dict[str, Any]:
        """Return the job, which is the first line from the parent."""
        return self._line()

    def ask(self, question: str, **facts: object) -> dict[str, Any]:
        """Ask the parent a question and return its answer; raises SystemExit if the parent has ended."""
        self._write({"question": question, **facts})
        return self._line()

    def tell(self, what: str, **facts: object) -> None:
        """Report an event, without an answer; ignore a closed channel, because the next question notices it."""
        with contextlib.suppress(OSError, ValueError):
            self._write({"event": what, **facts})

    def _write(self, line: dict[str, object]) -> None:
        with self._turn:
            self._questions.write(json.dumps(line) + "\n")
            self._questions.flush()

    def _line(self) -> dict[str, Any]:
        line = self._answers.readline()
        if not line:
            raise SystemExit("the other process has ended")
        answer: dict[str, Any] = json.loads(line)
        return answer
