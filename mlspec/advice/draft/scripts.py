"""The reader of scripts and notebooks: their imports, their web applications, and signs that they are started."""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

_TOOLS = re.compile(r"^(?:setup|conftest|noxfile|tasks|test_.*|.*_test)\.py$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """The facts about a script or a notebook."""

    path: str
    imports: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    """Imports within a `try` for ImportError, and imports for type checkers only."""
    app: str = ""
    framework: str = ""
    is_main: bool = False
    health: str = ""
    """The path of the health check route."""
    text: str = ""
    installs: tuple[str, ...] = ()
    """The requirements that a notebook installs by itself."""

    @property
    def is_notebook(self) -> bool:
        """Whether this is a notebook."""
        return self.path.endswith(".ipynb")


_FRAMEWORKS = {"FastAPI": "fastapi", "Starlette": "starlette", "Flask": "flask"}


def read_scripts(texts: Mapping[str, str]) -> tuple[Script, ...]:
    """Read the scripts and notebooks among the texts of a folder, in the order of their paths."""
    return tuple(
        read_script(path, text) if path.endswith(".py") else _read_notebook(path, text)
        for path, text in sorted(texts.items())
        if path.endswith((".py", ".ipynb"))
    )


def read_script(path: str, text: str) -> Script:
    """Return the facts about a script; only its path if Python cannot parse it."""
    try:
        with warnings.catch_warnings(action="ignore"):
            tree = ast.parse(text)
    # A null byte raises ValueError; deep nesting raises RecursionError or MemoryError.
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Script(path=path)
    every = _find_imports(ast.walk(tree))
    optional = _find_imports(node for part in ast.walk(tree) for node in _conditional(part))
    pages = next((name for name in ("streamlit", "gradio") if name in every), "")
    app, framework = next(_apps(tree), ("", pages))
    return Script(
        path=path,
        imports=frozenset(every - optional),
        optional=frozenset(optional),
        app=app,
        framework=framework,
        text=text,
        health=_health(tree),
        is_main=any(isinstance(node, ast.If) and "__name__" in ast.unparse(node.test) for node in tree.body),
    )


def _health(tree: ast.Module) -> str:
    """Return the path of the first route with the name of a health check; empty if there is none."""
    paths = (
        call.args[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for call in node.decorator_list
        if isinstance(call, ast.Call) and call.args and isinstance(call.args[0], ast.Constant)
    )
    return next((path for path in paths if isinstance(path, str) and _HEALTH.fullmatch(path)), "")


_HEALTH = re.compile(r"/(?:[a-z0-9_-]+/)*(?:health|healthz|health_check|healthcheck|ping|livez|readyz|ready)", re.ASCII)


def _read_notebook(path: str, text: str) -> Script:
    cells = [read_script(path, _code(source)) for source in _sources(text)]
    installed = [word for source in _sources(text) for line in _PIP.findall(source) for word in line.split()]
    return Script(
        path=path,
        imports=frozenset(name for cell in cells for name in cell.imports),
        optional=frozenset(name for cell in cells for name in cell.optional),
        text="\n".join(cell.text for cell in cells),
        installs=tuple(word for word in installed if re.fullmatch(r"[A-Za-z0-9][\w.\[\],<>=!~-]*", word)),
    )


_PIP = re.compile(r"^[ \t]*[%!]\s*(?:python3?\s+-m\s+)?pip3?\s+install\s+([^;&|#\n]*)", re.MULTILINE)


def _sources(text: str) -> list[str]:
    """Return the sources of a notebook's code cells; empty if the notebook cannot be parsed."""
    try:
        cells = json.loads(text)["cells"]
        return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return []


def _code(source: str) -> str:
    """Return a cell without the syntax of IPython: magics and shell commands."""
    if source.lstrip().startswith("%%"):
        return ""
    return "\n".join(re.sub(r"^(\s*)[%!?].*", r"\1pass", line) for line in source.splitlines())


def _find_imports(nodes: Iterable[ast.AST]) -> set[str]:
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            found.add(node.module.partition(".")[0])
    return found


def _conditional(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes within ``node`` whose imports may fail or never run."""
    parts: list[ast.stmt] = []
    if isinstance(node, ast.Try):
        caught = " ".join(ast.unparse(handler.type) for handler in node.handlers if handler.type)
        if "ImportError" in caught or "ModuleNotFoundError" in caught:
            parts = [*node.body, *(statement for handler in node.handlers for statement in handler.body)]
    elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
        parts = node.body
    for part in parts:
        yield from ast.walk(part)


def _apps(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield the module's variables with a web application, each with its framework."""
    for node in tree.body:
        target = (
            node.targets[0]
            if isinstance(node, ast.Assign)
            else node.target
            if isinstance(node, ast.AnnAssign)
            else None
        )
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        if isinstance(target, ast.Name) and isinstance(value, ast.Call):
            called = ast.unparse(value.func).rpartition(".")[2]
            if called in _FRAMEWORKS:
                yield target.id, _FRAMEWORKS[called]


def is_tool(path: str) -> bool:
    """Return whether a script is a test or a development tool: no image needs its imports."""
    *folders, name = path.split("/")
    return bool(_TOOLS.match(name)) or bool({"test", "tests"} & set(folders))
