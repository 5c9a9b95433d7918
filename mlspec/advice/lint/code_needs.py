"""A rule about the system libraries and programs that a project's own code needs."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace

from mlspec.advice.behaviour.dotted_names import dotted_name
from mlspec.advice.behaviour.program import Program
from mlspec.advice.lint.container_command import command_key
from mlspec.advice.lint.package_needs import add_packages, list_missing
from mlspec.advice.lint.program_start import program_of
from mlspec.advice.lint.subject import Context, Subject
from mlspec.advice.lint.user_names import is_guarded
from mlspec.errors import Problem
from mlspec.facts import libraries


def code_lacks_libraries(subject: Subject, context: Context) -> Iterator[Problem]:
    """Warn of imports and calls that need Debian packages which a slim image lacks.

    A spec with build steps gets no warning: a step may install the packages in another way.
    """
    if not subject.is_slim or subject.settings.run:
        return
    uses = dict(_find_uses(program_of(subject, context)))
    for row in libraries.code_needs():
        name = next((name for name in (*row.imports, *row.calls) if name in uses), "")
        if name and (missing := list_missing(subject, row.apt)):
            hint, repairs = add_packages(subject, missing)
            warning = subject.warn(f"{uses[name]}: {name} {row.needs}", hint, command_key(subject))
            yield replace(warning, repairs=repairs)


def _find_uses(program: Program) -> Iterator[tuple[str, str]]:
    """Yield the modules that a program imports and the functions that it calls, each with its place.

    The order is reversed: a dict made of the pairs keeps the last place of a name, which is the first in the code.
    """
    for scope in reversed(program.scopes):
        for node in reversed(scope.nodes):
            place = f"{scope.module.path}:{getattr(node, 'lineno', 1)}"
            if not isinstance(node, ast.Import | ast.ImportFrom | ast.Call) or is_guarded(node, scope):
                continue
            if isinstance(node, ast.Import):
                yield from ((alias.name.partition(".")[0], place) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield (node.module or "").partition(".")[0] if not node.level else "", place
            else:
                yield dotted_name(node.func, scope) or "", place
