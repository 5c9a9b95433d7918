"""Repairs for keys of the spec, which problems of requirements propose; two that disagree are both dropped."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

from mlspec.errors import Problem, SetKey


def drop_contradictions(problems: Iterable[Problem]) -> Iterator[Problem]:
    """Yield problems; those whose repairs would set one key to several values lose their repairs."""
    problems = tuple(problems)
    values = {repair.path: {repair.value} for problem in problems for repair in _keys_set(problem)}
    for problem in problems:
        for repair in _keys_set(problem):
            values[repair.path].add(repair.value)
    for problem in problems:
        is_open = any(len(values[repair.path]) > 1 for repair in _keys_set(problem))
        yield dataclasses.replace(problem, repairs=()) if is_open else problem


def _keys_set(problem: Problem) -> tuple[SetKey, ...]:
    return tuple(repair for repair in problem.repairs if isinstance(repair, SetKey))
