"""The import of a BentoML service that describes its image in Python: `bentoml.images.Image` and `@bentoml.service`.

The methods are those of BentoML's documentation of the runtime environment, 1.4.
"""

from __future__ import annotations

import ast
import posixpath
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mlspec.advice.imports.device_options import read_amount
from mlspec.advice.imports.parent_images import read_parent
from mlspec.advice.imports.pip_words import read_list, read_pip_entry
from mlspec.advice.imports.script_steps import RunContext, read_script
from mlspec.advice.imports.system_packages import read_debian_package
from mlspec.advice.imports.variables import read_variable
from mlspec.advice.imports.verdicts import ImportSource, LineVerdict, spread
from mlspec.errors import Problem, Span, SpecError
from mlspec.facts import debian
from mlspec.spec import values

_COMPUTED = "the code computes it: write its value"


def read_service(source: ImportSource) -> Iterator[LineVerdict]:
    """Yield the verdicts on a module with a service; raise SpecError if it is not Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source.text)
    except (SyntaxError, ValueError, RecursionError) as error:
        number = getattr(error, "lineno", None) or 1
        problem = Problem(code="MLS417", message="this is not Python", hint="correct this line, or import another file")
        raise SpecError(problem.at(source.file, Span(number, 1, number, 2))) from None
    calls = sorted(_list_calls(tree), key=lambda call: (call.number, call.node.func.end_col_offset or 0))
    found = [verdict for call in calls for verdict in _read_call(source, call)]
    services = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and _service_of(node) is not None]
    for service in services:
        found += _read_decorator(source, service, is_first=service is services[-1])
    yield from sorted(found, key=lambda verdict: verdict.number)
    code = source.carry(1, source.lines[0], why="code, not about the image")
    yield spread(code, len(source.lines))


def _call_name(node: ast.expr) -> str:
    return ast.unparse(node.func) if isinstance(node, ast.Call) else ast.unparse(node)


def _service_of(node: ast.ClassDef) -> ast.expr | None:
    return next((one for one in node.decorator_list if re.fullmatch(r"(?:bentoml\.)?service", _call_name(one))), None)


@dataclass(frozen=True, slots=True)
class _Call:
    """One call in the chain that makes an image: its name, its plain arguments, and the place of each."""

    name: str
    node: ast.Call

    @property
    def number(self) -> int:
        """The line of the name of the method."""
        func = self.node.func
        return (func.end_lineno or func.lineno) if isinstance(func, ast.Attribute) else func.lineno


def _list_calls(tree: ast.Module) -> Iterator[_Call]:
    """Yield the calls of the image, such as ``Image(...)`` and ``.python_packages(...)``."""
    makers = {"bentoml.images.Image", "images.Image", "Image", "bentoml.images.PythonImage"}
    named = {
        ast.unparse(node.targets[0])
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and _root_of(node.value) in makers and "bentoml" in ast.unparse(tree)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func) if isinstance(node.func, ast.Attribute | ast.Name) else ""
        if name in makers - {"Image"} or (name == "Image" and "bentoml.images" in ast.unparse(tree)):
            yield _Call("Image", node)
        elif isinstance(node.func, ast.Attribute) and _root_of(node) in makers | named:
            yield _Call(node.func.attr, node)


def _root_of(node: ast.expr) -> str:
    """Return the name at the beginning of a chain of calls: Image of ``Image().run("x")``."""
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Call):
        node = node.func.value
    if isinstance(node, ast.Call):
        name = ast.unparse(node.func)
        return name if name.endswith("Image") else name.rpartition(".")[0]
    return ""


def _plain(node: ast.expr) -> Any:  # noqa: ANN401
    """Return the value of a literal; None if the code computes it."""
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None


def _read_call(source: ImportSource, call: _Call) -> Iterator[LineVerdict]:
    text = ast.unparse(call.node) if call.name == "Image" else f".{call.name}(...)"
    if call.name == "Image":
        named = {str(keyword.arg): keyword.value for keyword in call.node.keywords}
        for name, node in named.items():
            yield from _read_option(source, node.lineno, f"{name}={ast.unparse(node)}", name, _plain(node))
        if not named:
            yield source.carry(call.number, text, why="see the calls")
        return
    read = _METHODS.get(call.name)
    if read is None:
        yield source.lose(call.number, text, "a spec has no equivalent of this method of BentoML")
        return
    for node in (*call.node.args, *(keyword.value for keyword in call.node.keywords)):
        value, number = _plain(node), node.lineno
        for item in value if isinstance(value, list | tuple) else [value]:
            if isinstance(item, str):
                yield from read(source, number, item)
            elif not isinstance(item, bool):
                yield source.lose(number, ast.unparse(node), _COMPUTED)
    if not call.node.args and not call.node.keywords:
        yield from read(source, call.number, "")


def _read_option(source: ImportSource, number: int, text: str, name: str, value: Any) -> Iterator[LineVerdict]:  # noqa: ANN401
    if value is None:
        yield source.lose(number, text, _COMPUTED)
    elif name == "python_version":
        yield source.carry(number, text, "python", str(value))
    elif name == "distro" and debian.debian_release(str(value)):
        yield source.carry(number, text, "base", f"slim-{value}")
    elif name == "distro":
        is_debian = value == "debian"
        why = "the image is Debian" if is_debian else f"Debian replaces {value}"
        yield source.carry(number, text, why=why) if is_debian else source.change(number, text, "", None, why)
    elif name == "base_image":
        yield from read_parent(source, number, str(value))
    else:
        yield source.carry(number, text, why="mlspec locks packages by itself")


def _read_project(source: ImportSource, number: int, path: str) -> Iterator[LineVerdict]:
    path = posixpath.normpath(posixpath.join(posixpath.dirname(source.file), path or "pyproject.toml"))
    yield source.carry(number, path, "requirements", path)


def _read_requirements(source: ImportSource, number: int, path: str) -> Iterator[LineVerdict]:
    yield from read_list(source, number, path, path or "requirements.txt")


def _read_command(source: ImportSource, number: int, command: str, at: str = "after_install") -> Iterator[LineVerdict]:
    yield from read_script(RunContext(source, {}, {}, at), command, lambda _: number)


def _read_script(source: ImportSource, number: int, path: str) -> Iterator[LineVerdict]:
    program = "python" if path.endswith(".py") else "sh"
    yield from _read_command(source, number, f"{program} ./{path.removeprefix('./')}", "after_code")


_METHODS: dict[str, Callable[[ImportSource, int, str], Iterator[LineVerdict]]] = {
    "python_packages": read_pip_entry,
    "requirements_file": _read_requirements,
    "pyproject_toml": _read_project,
    "system_packages": read_debian_package,
    "run": _read_command,
    "run_script": _read_script,
    "run_python_script": _read_script,
}


# The decorator


def _read_decorator(source: ImportSource, service: ast.ClassDef, *, is_first: bool) -> Iterator[LineVerdict]:
    """Yield the verdicts on `@bentoml.service`; of several services, the last one calls the others."""
    node = _service_of(service)
    module = posixpath.splitext(source.file)[0].replace("/", ".")
    if is_first:
        words = ("bentoml", "serve", f"{module}:{service.name}", "--host", "0.0.0.0")  # noqa: S104 - in a container
        number, text = service.lineno, f"class {service.name}"
        yield source.guess(number, text, "entrypoint", words, "BentoML's own server")
        yield source.guess(number, text, "requirements", "bentoml", "the server is in this package")
        yield source.guess(number, text, "ports", "3000:3000", "the port of the server")
    for keyword in node.keywords if isinstance(node, ast.Call) else ():
        text = f"{keyword.arg}={ast.unparse(keyword.value)}"
        yield from _read_setting(source, keyword.value, text, str(keyword.arg))


def _read_setting(source: ImportSource, node: ast.expr, text: str, name: str) -> Iterator[LineVerdict]:
    number, value = node.lineno, _plain(node)
    if name == "image":
        yield source.carry(number, text, why="see its calls")
    elif name == "name" and isinstance(value, str):
        slug = values.slug(value)
        is_same = slug == value
        yield source.carry(number, text, "name", value) if is_same else source.change(
            number, text, "name", slug, "changed to a valid image name"
        )  # fmt: skip
    elif name == "envs" and isinstance(value, list):
        for row in value:
            pair = row if isinstance(row, dict) else {}
            given = pair.get("value")
            shown = None if given is None else str(given)
            yield read_variable(source, number, str(pair.get("name", text)), str(pair.get("name", "")), shown)
    elif name == "resources" and isinstance(value, dict):
        yield from _read_resources(source, number, value)
    else:
        yield source.lose(number, text, "only BentoML's cloud or its server uses it")


def _read_resources(source: ImportSource, number: int, resources: Mapping[str, Any]) -> Iterator[LineVerdict]:
    for name, value in resources.items():
        text = f"{name}: {value}"
        if name == "gpu" and isinstance(value, int) and value > 0:
            yield source.change(number, text, "accelerator", "cuda", "the service needs a GPU")
            yield source.carry(number, text, "gpus", value)
        elif name == "gpu_type":
            model = re.sub(r"^(?:nvidia-)?(?:tesla-)?", "", str(value).lower())
            is_known = bool(values.GPU_MODEL.fullmatch(model))
            yield source.carry(number, text, "gpu_models", model) if is_known else source.lose(
                number, text, "a spec has no such model of GPUs"
            )  # fmt: skip
        elif name in {"cpu", "memory"}:
            yield read_amount(source, number, text, name, str(value))
        else:
            yield source.lose(number, text, "the cluster's resources: a spec has no such key")
