"""The search for the hosts and ports on which a program listens."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mlspec.advice.behaviour.dotted_names import dotted_name
from mlspec.advice.behaviour.expressions import Expressions
from mlspec.advice.behaviour.program import Program
from mlspec.advice.behaviour.scopes import Scope
from mlspec.facts.servers import ServerCall, server_calls

# Usual names of a framework's objects. They count if the code that makes the object is unknown.
_USUAL = {"app", "application", "demo", "socketio", "server"}


@dataclass(frozen=True, slots=True)
class Listening:
    """A call that listens: its line, the host (None if unknown), and the port (0 if unknown).

    ``is_said`` tells whether the code names the host.
    """

    file: str
    line: int
    host: str | None
    port: int
    is_said: bool
    by: ServerCall

    @property
    def place(self) -> str:
        """The file and the line of the call."""
        return f"{self.file}:{self.line}"


def find_listening(program: Program) -> tuple[Listening, ...]:
    """Return the calls of a program that listen, in the order in which the program's scopes were found."""
    values = Expressions(program)
    return tuple(found for call, scope in program.calls() for found in _listening(program, values, call, scope))


def _listening(program: Program, values: Expressions, call: ast.Call, scope: Scope) -> Iterator[Listening]:
    dotted = dotted_name(call.func, scope)
    for row in server_calls():
        if not (dotted == row.call if row.call else _is_method(program, call, scope, row)):
            continue
        keywords = {keyword.arg: keyword.value for keyword in call.keywords}
        if None in keywords or keywords.keys() & set(row.unless) or any(isinstance(a, ast.Starred) for a in call.args):
            host, port, is_said = None, 0, True
        elif row.address >= 0:
            host, port = _address(values, call.args[row.address] if len(call.args) > row.address else None, scope)
            is_said = True
        else:
            given = keywords.get(row.host) or _place(call.args, row.host_place)
            host, is_said = _host(values, row, given, scope), given is not None
            port = _port(values, row, keywords.get(row.port) or _place(call.args, row.port_place), scope)
        yield Listening(scope.module.path, call.lineno, host, port, is_said, row)
        return


def _place(arguments: Sequence[ast.expr], place: int) -> ast.expr | None:
    return arguments[place] if 0 <= place < len(arguments) else None


def _host(values: Expressions, row: ServerCall, given: ast.expr | None, scope: Scope) -> str | None:
    """Return the host; empty for every address, None if it is unknown."""
    known = values.of(given, scope) if given is not None else (None,)
    if known != (None,):
        return known[0] if len(known) == 1 else None
    known = values.variable(row.host_variable, row.default_host)
    return known[0] if len(known) == 1 else None


def _port(values: Expressions, row: ServerCall, given: ast.expr | None, scope: Scope) -> int:
    known = values.of(given, scope) if given is not None else (None,)
    if known == (None,):
        known = values.variable(row.port_variable, str(row.default_port))
    return _number(known[0]) if len(known) == 1 else 0


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 6 else 0


def _address(values: Expressions, given: ast.expr | None, scope: Scope) -> tuple[str | None, int]:
    """Return host and port of a tuple (HOST, PORT) or of a text HOST:PORT."""
    if isinstance(given, ast.Tuple) and len(given.elts) == 2:
        hosts, ports = values.of(given.elts[0], scope), values.of(given.elts[1], scope)
        return (hosts[0] if len(hosts) == 1 else None), (_number(ports[0]) if len(ports) == 1 else 0)
    known = values.of(given, scope)
    host, colon, port = (known[0] or "").rpartition(":") if len(known) == 1 else ("", "", "")
    return (host.strip("[]"), _number(port)) if colon else (None, 0)


def _is_method(program: Program, call: ast.Call, scope: Scope, row: ServerCall) -> bool:
    """Return whether a call is a call of this method on an object of one of its classes."""
    func = call.func
    if not isinstance(func, ast.Attribute) or func.attr != row.method or not _imports(program, row.imported):
        return False
    if not row.of:
        return True
    if name := _class_of(program, func.value, scope):
        return name in row.of
    # An object of an unknown class with a usual name counts as the framework's, if no other framework is imported.
    others = {other.imported for other in server_calls() if other.method == row.method} - {row.imported}
    usual = isinstance(func.value, ast.Name) and func.value.id in _USUAL
    return usual and not any(_imports(program, other) for other in others)


def _imports(program: Program, module: str) -> bool:
    return any(module in found.imported for found in program.modules)


def _class_of(program: Program, node: ast.expr | None, scope: Scope, depth: int = 8) -> str:
    """Return the name of the class of an expression's value; empty if it is unknown."""
    if depth == 0:
        return ""
    if isinstance(node, ast.Call):
        name = dotted_name(node.func, scope).rpartition(".")[2]
        makers = [found for found in program.scopes if found.function and found.function.name == name]
        if len(makers) == 1:
            returned = [part.value for part in makers[0].nodes if isinstance(part, ast.Return) and part.value]
            return _class_of(program, returned[-1], makers[0], depth - 1) if returned else ""
        if isinstance(node.func, ast.Attribute) and not name[:1].isupper():
            # A method such as demo.queue() returns demo itself.
            return _class_of(program, node.func.value, scope, depth - 1)
        return name if name[:1].isupper() else ""
    if isinstance(node, ast.Name):
        current: Scope | None = scope
        while current:
            if bindings := current.bindings.get(node.id):
                return _class_of(program, bindings[-1].value, current, depth - 1)
            current = current.outer
        module, _, name = scope.module.imports.get(node.id, "").rpartition(".")
        ends = (f"{module.replace('.', '/')}.py", f"{module.replace('.', '/')}/__init__.py")
        for found in program.modules if module else ():
            if found.path.endswith(ends) and (bindings := found.scopes[0].bindings.get(name)):
                return _class_of(program, bindings[-1].value, found.scopes[0], depth - 1)
    return ""
