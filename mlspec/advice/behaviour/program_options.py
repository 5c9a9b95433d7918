"""The options of a program's command line, as argparse and click declare them."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from mlspec.advice.behaviour.program import Program
from mlspec.advice.behaviour.scopes import Function, Scope


@dataclass(frozen=True, slots=True, eq=False)
class Option:
    """One option: the name of its value in the code, its flags on the command line, and its default."""

    name: str
    flags: tuple[str, ...]
    default: ast.expr | None
    scope: Scope


class Options:
    """The options of a program, by the attribute of argparse or the parameter of click that has their value."""

    def __init__(self, attributes: dict[str, list[Option]], parameters: dict[tuple[int, str], Option]) -> None:
        self._attributes = attributes
        self._parameters = parameters

    def of_attribute(self, name: str) -> Option | None:
        """Return the option of argparse with this attribute; None if there is no such option, or several."""
        found = self._attributes.get(name, [])
        return found[0] if len(found) == 1 else None

    def of_parameter(self, function: Function, name: str) -> Option | None:
        """Return the option of click whose value a parameter of a function gets; None if there is none."""
        return self._parameters.get((id(function), name))

    def __iter__(self) -> Iterator[Option]:
        """Yield all options, those of argparse first."""
        yield from (option for options in self._attributes.values() for option in options)
        yield from self._parameters.values()


def options_of(program: Program) -> Options:
    """Return the options that a program declares."""
    attributes: dict[str, list[Option]] = defaultdict(list)
    for call, scope in program.calls():
        is_declared = isinstance(call.func, ast.Attribute) and call.func.attr == "add_argument"
        if is_declared and (option := _option(call, scope, "dest")):
            attributes[option.name].append(option)
    parameters = {
        (id(scope.function), option.name): option
        for scope in program.scopes
        if scope.function
        for decorator in scope.function.decorator_list
        if isinstance(decorator, ast.Call) and _last(decorator.func) in {"option", "argument"}
        if (option := _option(decorator, scope.outer or scope, ""))
    }
    return Options(dict(attributes), parameters)


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _option(call: ast.Call, scope: Scope, destination: str) -> Option | None:
    """Return the option that a call declares; ``destination`` is the keyword that sets the name of its value."""
    names = [part.value for part in call.args if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    keywords = {keyword.arg: keyword.value for keyword in call.keywords}
    flags = tuple(flag for name in names if name.startswith("-") for flag in name.split("/"))
    plain = [name for name in names if not name.startswith("-")]
    long = next((flag for flag in flags if flag.startswith("--")), flags[0] if flags else "")
    told = keywords.get(destination)
    name = told.value if isinstance(told, ast.Constant) else (plain[0] if plain else long.lstrip("-").replace("-", "_"))
    return Option(str(name), flags, keywords.get("default"), scope) if name else None
