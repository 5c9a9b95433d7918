"""Answers that several threads share."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Answer = TypeVar("Answer")


class Once(Generic[Key, Answer]):
    """Answers by key. The first thread that asks finds the answer, the others wait for it. An error is an answer."""

    def __init__(self) -> None:
        self._turn, self._answers = threading.Lock(), dict[Key, Future[Answer]]()

    def get(self, key: Key, find: Callable[[], Answer]) -> Answer:
        """Return the answer, or raise the error, of the first ``find`` for this key."""
        with self._turn:
            is_first = key not in self._answers
            answer = self._answers.setdefault(key, Future())
        if is_first:
            try:
                answer.set_result(find())
            except BaseException as error:
                answer.set_exception(error)
                raise
        return answer.result()
