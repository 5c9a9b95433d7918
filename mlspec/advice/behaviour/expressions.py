"""The evaluation of expressions to paths and texts, from the code, the command and the environment."""

from __future__ import annotations

import ast
import itertools
import posixpath
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from mlspec.advice.behaviour.attributes import attribute_values
from mlspec.advice.behaviour.dotted_names import dotted_name
from mlspec.advice.behaviour.parameters import argument_of, default_of, has_parameter
from mlspec.advice.behaviour.program import Program
from mlspec.advice.behaviour.program_options import Option, options_of
from mlspec.advice.behaviour.scopes import Binding, Module, Scope
from mlspec.advice.behaviour.texts import (
    CHANGES,
    MOST,
    PATHS,
    SAME,
    UNCHANGED,
    UNKNOWN_PART,
    Known,
    climb,
    cut_at,
    find_agreement,
    is_number,
    is_whole_number,
    with_sure_start,
)


class Expressions:
    """The values of the expressions of one program, each computed once. It never guesses an unknown value."""

    def __init__(self, program: Program) -> None:
        self._start = program.start
        self._modules = {module.path: module for module in program.modules}
        self._known: dict[tuple[int, int], Known] = {}
        self._options = options_of(program)
        self._attributes: dict[str, list[tuple[ast.expr, Scope]]] = defaultdict(list)
        self._calls: dict[str, list[tuple[ast.Call, Scope]]] = defaultdict(list)
        for call, scope in program.calls():
            named = call.func.attr if isinstance(call.func, ast.Attribute) else dotted_name(call.func, scope)
            if program.is_own(dotted_name(call.func, scope), scope):
                self._calls[named.rpartition(".")[2]].append((call, scope))
        self._functions: dict[str, list[Scope]] = defaultdict(list)
        for scope in program.scopes:
            if scope.function:
                self._functions[scope.function.name].append(scope)
        for name, value, scope in attribute_values(program):
            self._attributes[name].append((value, scope))

    def of(self, node: ast.expr | None, scope: Scope) -> Known:
        """Return the possible values of an expression: texts, and None for the value None; empty if it is unknown."""
        if node is None:
            return ()
        key = (id(node), id(scope))
        if key not in self._known:
            self._known[key] = ()
            handle = _HANDLERS.get(type(node))
            self._known[key] = tuple(dict.fromkeys(handle(self, node, scope)))[:MOST] if handle else ()
        return self._known[key]

    def texts(self, node: ast.expr | None, scope: Scope) -> tuple[str, ...]:
        """Return the possible values of an expression that are texts."""
        return tuple(value for value in self.of(node, scope) if value is not None)

    @property
    def working_dir(self) -> str:
        """The folder in which the program starts."""
        return self._start.working_dir

    def option_texts(self, option: Option) -> tuple[str, ...]:
        """Return the value of an option from the command, or its default."""
        return tuple(value for value in self._option(option) if value is not None)

    def variable(self, name: str, default: str) -> Known:
        """Return the value of an environment variable, or its default; an empty name stands for no variable."""
        return self._variable((name,), (default,)) if name else (default,)

    # Handlers of kinds of expressions

    def _constant(self, node: ast.Constant, scope: Scope) -> Known:
        value = node.value
        return (value,) if value is None or isinstance(value, str) else (str(value),) if is_number(value) else ()

    def _joined_text(self, node: ast.JoinedStr, scope: Scope) -> Known:
        parts = [
            self.texts(part.value, scope) or (UNKNOWN_PART,)
            if isinstance(part, ast.FormattedValue) and part.format_spec is None
            else self.texts(part, scope) or (UNKNOWN_PART,)
            for part in node.values
        ]
        return with_sure_start("".join(parts) for parts in itertools.product(*parts))

    def _operation(self, node: ast.BinOp, scope: Scope) -> Known:
        left = self.texts(node.left, scope)
        if isinstance(node.op, ast.Mod):
            return with_sure_start(cut_at(text, "%") for text in left)
        right = self.texts(node.right, scope) or (UNKNOWN_PART,)
        if isinstance(node.op, ast.Div):
            return tuple(posixpath.join(a, b) for a in left for b in right)
        return tuple(a + b for a in left for b in right) if isinstance(node.op, ast.Add) else ()

    def _either(self, node: ast.BoolOp, scope: Scope) -> Known:
        for part in node.values if isinstance(node.op, ast.Or) else ():
            known = self.of(part, scope)
            if not known or any(known):
                return tuple(value for value in known if value)
        return ()

    def _choice(self, node: ast.IfExp, scope: Scope) -> Known:
        return find_agreement([self.of(node.body, scope), self.of(node.orelse, scope)])

    def _item(self, node: ast.Subscript, scope: Scope) -> Known:
        if dotted_name(node.value, scope) == "os.environ":
            return self._variable(self.of(node.slice, scope), ())
        if isinstance(node.value, ast.Attribute) and node.value.attr == "parents" and is_whole_number(node.slice):
            paths = self.texts(node.value.value, scope)
            return tuple(climb(path, int(ast.literal_eval(node.slice)) + 1) for path in paths)
        wanted = self.of(node.slice, scope)
        value, place = self._only_value(scope, node.value)
        pairs = zip(value.keys, value.values, strict=True) if isinstance(value, ast.Dict) else ()
        found = [item for key, item in pairs if key and wanted and self.of(key, place) == wanted]
        return self.of(found[0], place) if len(found) == 1 else ()

    def _only_value(self, scope: Scope, node: ast.expr) -> tuple[ast.expr | None, Scope]:
        """Return the only value that is bound to a name, and its scope; None if there is not exactly one."""
        current: Scope | None = scope
        while current and isinstance(node, ast.Name):
            if bindings := current.bindings.get(node.id):
                return (bindings[0].value if len(bindings) == 1 else None), current
            current = current.outer
        module, name = self._module_of(dotted_name(node, scope))
        bindings = module.scopes[0].bindings.get(name, []) if module else []
        return (bindings[0].value, module.scopes[0]) if module and len(bindings) == 1 else (None, scope)

    def _module_of(self, dotted: str) -> tuple[Module | None, str]:
        """Return the module of the project to which a dotted name belongs, or None, and the name in the module."""
        module, _, name = dotted.rpartition(".")
        path = module.replace(".", "/")
        ends = (f"{path}.py", f"{path}/__init__.py")
        at = [known for known in self._modules if module and any(known == e or known.endswith(f"/{e}") for e in ends)]
        return (self._modules[at[0]] if len(at) == 1 else None), name

    def _name(self, node: ast.Name, scope: Scope) -> Known:
        return self._resolve_name(node.id, scope, node.lineno)

    def _resolve_name(self, name: str, scope: Scope, line: float) -> Known:
        if name == "__file__":
            return (posixpath.join(self._start.working_dir, scope.module.path),)
        current: Scope | None = scope
        while current:
            bindings = [b for b in current.bindings.get(name, ()) if b.line < line]
            if bindings or name in current.bindings or has_parameter(current, name):
                return self._resolve_bindings(name, bindings, current)
            current, line = current.outer, float("inf")
        return self._resolve_import(scope.module.imports.get(name, ""))

    def _resolve_bindings(self, name: str, bindings: Sequence[Binding], scope: Scope) -> Known:
        found: list[Known] = []
        for binding in reversed(bindings):
            found.append(self.of(binding.value, scope))
            if not binding.is_conditional:
                return find_agreement(found)
        if has_parameter(scope, name):
            found.append(self._parameter(name, scope))
        return find_agreement(found)

    def _resolve_import(self, dotted: str) -> Known:
        module, name = self._module_of(dotted)
        return self._resolve_name(name, module.scopes[0], float("inf")) if module else ()

    def _parameter(self, name: str, scope: Scope) -> Known:
        """Return the arguments that callers pass; without callers, the value from the command line or the default."""
        function = scope.function
        assert function  # noqa: S101 - only functions have parameters
        if option := self._options.of_parameter(function, name):
            return self._option(option)
        default = default_of(function, name)
        named = scope.owner.name if scope.owner and function.name == "__init__" else function.name
        calls = self._calls.get(named, ())
        found: list[Known] = []
        for call, place in calls:
            argument, is_clear = argument_of(call, scope, name)
            found.append(self.of(argument, place) if argument else self._default(default, scope) if is_clear else ())
        if calls:
            return tuple(value for known in found for value in known)
        return self._option_texts(name) or self._default(default, scope)

    def _default(self, default: ast.expr | None, scope: Scope) -> Known:
        if isinstance(default, ast.Call) and dotted_name(default.func, scope).startswith("typer."):
            default = default.args[0] if default.args else None
        return self.of(default, scope.outer or scope)

    def _option(self, option: Option) -> Known:
        return self._option_texts(*option.flags) or (
            self.of(option.default, option.scope) if option.default else (None,)
        )

    def _option_texts(self, *names: str) -> Known:
        """Return the value that the command gives to an option with one of these names."""
        flags = {
            flag if flag.startswith("-") else f"--{form}" for flag in names for form in (flag, flag.replace("_", "-"))
        }
        words = self._start.words
        for number, word in enumerate(words):
            flag, equals, value = word.partition("=")
            if flag in flags:
                return (value,) if equals else tuple(words[number + 1 : number + 2])
        return ()

    def _variable(self, names: Known, default: Known) -> Known:
        """Return the value of an environment variable, or its default if certainly nothing sets the variable."""
        start = self._start
        if len(names) != 1 or names[0] is None:
            return ()
        if names[0] in start.environment:
            value = start.environment[names[0]]
            return () if value is None else (value,)
        return default if start.is_environment_known else ()

    def _attribute(self, node: ast.Attribute, scope: Scope) -> Known:
        if node.attr == "parent":
            return tuple(climb(path, 1) for path in self.texts(node.value, scope))
        dotted = dotted_name(node, scope)
        if dotted in {"os.sep", "os.path.sep"}:
            return ("/",)
        if known := self._resolve_import(dotted):
            return known
        if option := self._options.of_attribute(node.attr):
            return self._option(option)
        places = self._attributes.get(node.attr, [])
        return self._option_texts(node.attr) or find_agreement([self.of(value, place) for value, place in places])

    def _call(self, node: ast.Call, scope: Scope) -> Known:
        dotted = dotted_name(node.func, scope)
        first = node.args[0] if node.args else None
        if dotted in PATHS:
            return self._join_paths(node.args, scope) if node.args else (".",)
        if dotted in SAME:
            return self.of(first, scope)
        if dotted in {"os.getcwd", "pathlib.Path.cwd"}:
            return (self._start.working_dir,)
        if dotted == "os.path.dirname":
            return tuple(posixpath.dirname(path) for path in self.texts(first, scope))
        if dotted in {"os.environ.get", "os.getenv"}:
            default = self.of(node.args[1], scope) if len(node.args) > 1 else (None,)
            return self._variable(self.of(first, scope), default)
        if isinstance(node.func, ast.Attribute) and (known := self._method(node.func, node.args, scope)):
            return known
        return self._resolve_return(dotted.rpartition(".")[2])

    def _resolve_return(self, name: str) -> Known:
        """Return the return value of the project's function with this name; empty if there are several functions."""
        functions = self._functions.get(name, [])
        returned = [node for scope in functions for node in scope.nodes if isinstance(node, ast.Return) and node.value]
        return find_agreement([self.of(node.value, functions[0]) for node in returned]) if len(functions) == 1 else ()

    def _method(self, func: ast.Attribute, arguments: Sequence[ast.expr], scope: Scope) -> Known:
        paths = self.texts(func.value, scope)
        if not paths or func.attr in UNCHANGED:
            return paths if func.attr in UNCHANGED else ()
        if func.attr == "format":
            return with_sure_start(cut_at(text, "{") for text in paths)
        if func.attr in {"joinpath", "with_name", "with_suffix"}:
            given = self._join_paths(arguments, scope) or (UNKNOWN_PART,)
            change = CHANGES[func.attr]
            return tuple(change(path, part or "") for path in paths for part in given)
        return ()

    def _join_paths(self, parts: Sequence[ast.expr], scope: Scope) -> Known:
        known = [self.texts(part, scope) or ((UNKNOWN_PART,) if number else ()) for number, part in enumerate(parts)]
        return tuple(posixpath.join(*paths) for paths in itertools.product(*known)) if parts else ()


_HANDLERS: Mapping[type[ast.expr], Callable[[Expressions, ast.expr, Scope], Known]] = {
    ast.Constant: Expressions._constant,  # type: ignore[dict-item]
    ast.JoinedStr: Expressions._joined_text,  # type: ignore[dict-item]
    ast.BinOp: Expressions._operation,  # type: ignore[dict-item]
    ast.BoolOp: Expressions._either,  # type: ignore[dict-item]
    ast.IfExp: Expressions._choice,  # type: ignore[dict-item]
    ast.Subscript: Expressions._item,  # type: ignore[dict-item]
    ast.Name: Expressions._name,  # type: ignore[dict-item]
    ast.Attribute: Expressions._attribute,  # type: ignore[dict-item]
    ast.Call: Expressions._call,  # type: ignore[dict-item]
}
