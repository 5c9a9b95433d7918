"""A rule about programs that look up the name of their user."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace

from mlspec.advice.behaviour.dotted_names import dotted_name
from mlspec.advice.behaviour.program import Program
from mlspec.advice.behaviour.scopes import Scope
from mlspec.advice.lint.lost_results import mounts_key
from mlspec.advice.lint.program_start import program_of
from mlspec.advice.lint.subject import Context, Subject
from mlspec.errors import Add, Problem

# getpass.getuser() and os.path.expanduser("~") read variables first, which the image sets for any user. os.getlogin()
# asks the terminal, and fails in every container.
_CALL = "pwd.getpwuid"
_PACKAGE = "libnss-unknown"
# Users in /etc/passwd of the image.
_NAMED = {"0", "root", "1000"}


def has_no_user_name(subject: Subject, context: Context) -> Iterator[Problem]:
    """Warn of a program that looks up its user in /etc/passwd, if the user ID of a run may be missing there."""
    if not subject.is_official or subject.installs(_PACKAGE) or not _has_other_user(subject):
        return
    place = next(_find_look_ups(program_of(subject, context)), "")
    if place:
        message = f"{place} calls {_CALL}, but the user ID of a run has no name in the image: KeyError"
        hint = f"add: apt: [{', '.join((*subject.settings.apt, _PACKAGE))}]"
        warning = subject.warn(message, hint, *_key(subject))
        yield replace(warning, repairs=(Add((*subject.image.origin(), "apt"), (_PACKAGE,)),))


def _key(subject: Subject) -> tuple[str, ...]:
    return ("user",) if "user" in subject.settings.model_fields_set else (mounts_key(subject),)


def _has_other_user(subject: Subject) -> bool:
    """Return whether a run has the ID of the caller, or a user of the spec that the image does not know."""
    user = str(subject.settings.user).partition(":")[0]
    return subject.plan.run.as_caller or ("user" in subject.settings.model_fields_set and user not in _NAMED)


def _find_look_ups(program: Program) -> Iterator[str]:
    for call, scope in program.calls():
        if dotted_name(call.func, scope) == _CALL and not is_guarded(call, scope):
            yield f"{scope.module.path}:{call.lineno}"


def is_guarded(part: ast.AST, scope: Scope) -> bool:
    """Return whether a part of the code is in the body of a `try` with handlers: the program then handles a failure."""
    tries = (node for node in scope.nodes if isinstance(node, ast.Try) and node.handlers)
    return any(part is inner for node in tries for statement in node.body for inner in ast.walk(statement))
