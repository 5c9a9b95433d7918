"""The import of setup.py and setup.cfg: plain texts are read, computed values are lost."""

from __future__ import annotations

import ast
import configparser
import re
import warnings
from collections.abc import Iterator
from dataclasses import replace

from mlspec.advice.imports.pip_words import read_list, read_pip_entry
from mlspec.advice.imports.verdicts import ImportSource, LineVerdict, spread
from mlspec.errors import Problem, Span, SpecError

_COMPUTED = "the code computes it: write the requirements into a requirements file"
_OF_THE_PACKAGE = "about the package, not about the image"


def _refuse(source: ImportSource, number: int, message: str, hint: str) -> SpecError:
    line = source.lines[number - 1] if 1 <= number <= len(source.lines) else ""
    place = Span(max(1, number), 1, max(1, number), len(line) + 2)
    return SpecError(Problem(code="MLS417", message=message, hint=hint).at(source.file, place, line))


# setup.cfg


def read_setup_cfg(source: ImportSource) -> Iterator[LineVerdict]:
    """Yield the verdicts on a setup.cfg; raise SpecError if it cannot be parsed."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(source.text)
    except configparser.Error as error:
        number = getattr(error, "lineno", None) or next((row[0] for row in getattr(error, "errors", ())), 1)
        message = f"this is not a setup.cfg: {str(error).splitlines()[0].lower()}"
        raise _refuse(source, number, message, "correct this line, or import another file") from None
    section, key = "", ""
    for number, line in enumerate(source.lines, 1):
        if header := re.match(r"\[([^\]]+)\]", line):
            section, key = header[1].strip(), ""
        elif line.strip() and not line.lstrip().startswith(("#", ";")):
            found = re.match(r"([\w.-]+)\s*[=:]\s*(.*)", line)
            key = found[1].lower() if found else key
            yield from _read_option(source, number, section, key, (found[2] if found else line).strip())


def _read_option(source: ImportSource, number: int, section: str, key: str, text: str) -> Iterator[LineVerdict]:
    shown = source.lines[number - 1].strip()
    if (section, key) == ("options", "python_requires"):
        yield source.carry(number, shown, "python", text)
    elif (section, key) == ("options", "install_requires"):
        if text.startswith("file:"):
            for name in re.split(r"[,\s]+", text.removeprefix("file:").strip()):
                yield from read_list(source, number, shown, name)
        elif text:
            yield from read_pip_entry(source, number, text)
        else:
            yield source.carry(number, shown, why="see the list below")
    elif section == "options.extras_require":
        yield source.carry(number, shown, why="optional: to install it, write it under requirements")
    elif section == "options.entry_points" and "=" in text:
        yield source.carry(number, shown, why="a script of the package: to start it, write its module into entrypoint")
    else:
        yield source.carry(number, shown, why=_OF_THE_PACKAGE)


# setup.py


def read_setup_py(source: ImportSource) -> Iterator[LineVerdict]:
    """Yield the verdicts on a setup.py; raise SpecError if Python cannot parse it."""
    try:
        with warnings.catch_warnings(action="ignore"):
            tree = ast.parse(source.text)
    except SyntaxError as error:
        message = f"this is not Python: {error.msg}"
        raise _refuse(source, error.lineno or 1, message, "correct it, or import another file") from None
    except (ValueError, RecursionError, MemoryError):
        raise _refuse(source, 1, "this is not Python", "correct it, or import another file") from None
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    setups = [call for call in calls if ast.unparse(call.func).rpartition(".")[2] == "setup"]
    if not setups:
        yield source.lose(0, "", "it calls no setup()")
    required = set[int]()
    for call in setups:
        for keyword in call.keywords:
            for verdict in _read_keyword(source, tree, keyword):
                required |= set(range(verdict.number, verdict.end + 1))
                yield verdict
    yield from _read_rest(source, tree, required)


def _read_rest(source: ImportSource, tree: ast.Module, judged: set[int]) -> Iterator[LineVerdict]:
    """Yield the verdicts on the lines without requirements: they describe the package, not the image."""
    for node in tree.body:
        free = [n for n in range(node.lineno, (node.end_lineno or node.lineno) + 1) if n not in judged]
        for number in free:
            if source.lines[number - 1].strip():
                yield source.carry(number, source.lines[number - 1], why=_OF_THE_PACKAGE)


def _read_keyword(source: ImportSource, tree: ast.Module, keyword: ast.keyword) -> Iterator[LineVerdict]:
    if keyword.arg not in {None, "install_requires", "python_requires"}:
        return
    value = _follow(tree, keyword.value)
    text = f"{keyword.arg or '**'}={ast.unparse(keyword.value)}".replace("**=", "**")
    end = keyword.value.end_lineno or keyword.value.lineno
    if keyword.arg == "python_requires" and isinstance(value, ast.Constant):
        yield source.carry(value.lineno, text, "python", str(value.value))
    elif keyword.arg == "install_requires":
        yield from _read_required(source, tree, keyword.value, text)
    else:
        yield spread(source.lose(keyword.value.lineno, text, _COMPUTED), end)


def _read_required(source: ImportSource, tree: ast.Module, written: ast.expr, text: str) -> Iterator[LineVerdict]:
    """Yield the verdicts on an expression for requirements: lists, names of lists, files, and sums of these."""
    value = _follow(tree, written)
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add):
        for part in (value.left, value.right):
            yield from _read_required(source, tree, part, text)
    elif isinstance(value, ast.List | ast.Tuple):
        for item in value.elts:
            yield from _read_item(source, tree, item)
    elif file := _read_of_file(source, tree, written):
        yield from read_list(source, written.lineno, text, file)
    else:
        yield spread(source.lose(written.lineno, text, _COMPUTED), written.end_lineno or written.lineno)
    if isinstance(written, ast.Name):
        yield from _read_additions(source, tree, written.id)


def _read_item(source: ImportSource, tree: ast.Module, item: ast.expr) -> Iterator[LineVerdict]:
    if isinstance(item, ast.Constant) and isinstance(item.value, str):
        for verdict in read_pip_entry(source, item.lineno, item.value):
            yield replace(verdict, end=item.end_lineno or verdict.end)
    elif isinstance(item, ast.Starred):
        yield from _read_required(source, tree, item.value, ast.unparse(item))
    else:
        yield spread(source.lose(item.lineno, ast.unparse(item), _COMPUTED), item.end_lineno or item.lineno)


def _read_additions(source: ImportSource, tree: ast.Module, name: str) -> Iterator[LineVerdict]:
    """Yield the verdicts on statements that add to a list; what only a condition adds is a person's decision."""
    for node in ast.walk(tree):
        text = ast.unparse(node) if isinstance(node, ast.Expr | ast.AugAssign) else ""
        if not re.match(rf"{re.escape(name)}(?:\.(?:append|extend|insert)\(| \+= )", text):
            continue
        added = node.value.args[-1] if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) else None
        added = node.value if isinstance(node, ast.AugAssign) else added
        if node in tree.body and isinstance(added, ast.Constant):
            yield from _read_item(source, tree, added)
        elif node in tree.body and added is not None:
            yield from _read_required(source, tree, added, text)
        else:
            number = getattr(node, "lineno", 1)
            why = "the code adds it under a condition: write it under requirements if the image needs it"
            yield spread(source.doubt(number, text, "requirements", why), getattr(node, "end_lineno", number))


def _follow(tree: ast.Module, value: ast.expr) -> ast.expr:
    """Return the value that the module assigns to a name; other expressions are returned as they are."""
    if not isinstance(value, ast.Name):
        return value
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(ast.unparse(target) == value.id for target in node.targets):
            return node.value
    return value


def _read_of_file(source: ImportSource, tree: ast.Module, value: ast.expr) -> str:
    """Return the requirement file from which the module reads a value; empty if no such file is here."""
    around = ast.unparse(_follow(tree, value))
    if isinstance(value, ast.Call):
        name = ast.unparse(value.func)
        functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name]
        around += "".join(map(ast.unparse, functions))
    elif isinstance(value, ast.Name):
        around = source.text
    found = re.findall(r"[\"']([\w./-]*require[\w./-]*\.(?:txt|in))[\"']", around)
    return next((name for name in found if source.read(name) is not None), "")
