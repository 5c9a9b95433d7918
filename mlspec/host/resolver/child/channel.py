"""The way back to the process that started this one: a line of JSON each way."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
from typing import Any


class Channel:
    """The questions of this process, on what was its standard output, and the answers on its standard input."""

    def __init__(self) -> None:
        # What pip, git and whatever else runs in here print is for people, and must not pass for a question.
        self._questions = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)
        self._answers = sys.stdin
        self._turn = threading.Lock()

    def job(self) -> dict[str, Any]:
        """Return what is to be done, which is told first."""
        return self._line()

    def ask(self, question: str, **facts: object) -> dict[str, Any]:
        """Return the answer to a question; ends this process where nobody answers any more."""
        self._write({"question": question, **facts})
        return self._line()

    def tell(self, what: str, **facts: object) -> None:
        """Tell what goes on, which nobody answers; where nobody listens any more, that is found out by a question."""
        with contextlib.suppress(OSError, ValueError):
            self._write({"event": what, **facts})

    def _write(self, line: dict[str, object]) -> None:
        with self._turn:
            self._questions.write(json.dumps(line) + "\n")
            self._questions.flush()

    def _line(self) -> dict[str, Any]:
        line = self._answers.readline()
        if not line:
            raise SystemExit("nobody listens any more")
        answer: dict[str, Any] = json.loads(line)
        return answer
