"""Every rule: its code, what it finds, and its function."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mlspec.errors import Problem
from mlspec.rules import bases, copied
from mlspec.rules.subject import Context, Subject


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule over a spec, its plan and its lock; it runs wherever a spec is rendered."""

    code: str
    title: str
    find: Callable[[Subject], Iterator[Problem]]


@dataclass(frozen=True, slots=True)
class FolderRule:
    """One rule over the project's folder too; it runs before a build, and in a check."""

    code: str
    title: str
    find: Callable[[Subject, Context], Iterator[Problem]]


RULES = (
    Rule("MLS601", "a Python without security fixes", bases.python_ends),
    Rule("MLS602", "a Debian release without security fixes", bases.debian_ends),
)
"""What a spec and its lock tell."""

FOLDER_RULES = (FolderRule("MLS640", "much about to be copied into the image", copied.is_large),)
"""What the project's folder tells."""


def warnings(subject: Subject) -> tuple[Problem, ...]:
    """Return what is worth a warning in an image's spec and lock."""
    return tuple(dataclasses.replace(problem, code=rule.code) for rule in RULES for problem in rule.find(subject))


def folder_warnings(subject: Subject, context: Context) -> tuple[Problem, ...]:
    """Return what is worth a warning in the project's folder, for one image."""
    return tuple(
        dataclasses.replace(problem, code=rule.code) for rule in FOLDER_RULES for problem in rule.find(subject, context)
    )
