"""What an image starts: a server, a script, a notebook server or what the project declares."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from mlspec.advice.draft.folder import Choice, Folder, pyproject, table
from mlspec.advice.draft.other_tools import started_by_dockerfile
from mlspec.advice.draft.scripts import Script, is_tool

_ENTRIES = ("train.py", "main.py", "app.py", "serve.py", "run.py")


@dataclass(frozen=True, slots=True)
class Entry:
    """What the image starts, the package that command needs, the port it answers on, and how to ask for its health.

    All but the first may be empty.
    """

    choice: Choice
    needs: str = ""
    port: str = ""
    health: str = ""
    environment: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    """Scripts that might be meant as well."""


def given(entrypoint: str) -> Entry:
    """Return what the caller wants to start; an empty text is nothing."""
    return Entry(Choice("entrypoint", entrypoint, "as asked"))


def find_entry(folder: Folder, every: Iterable[Script]) -> Entry:
    """Return what the image starts: what a Dockerfile says, or the surest script, or a notebook server."""
    if words := started_by_dockerfile(folder):
        return Entry(_command(list(words), "the Dockerfile here starts it"))
    scripts = [script for script in every if not is_tool(script.path) and not script.is_notebook]
    packages = {posixpath.dirname(script.path) for script in scripts if script.path.endswith("/__init__.py")}
    candidates = [script for script in scripts if not posixpath.basename(script.path).startswith("__")]
    levels = ([script for script in candidates if script.path.count("/") == depth] for depth in (0, 1))
    for found, why in (ranked for level in levels for ranked in _ranked(level)):
        if found:
            names = tuple(script.path for script in found[1:4])
            started = _started(found[0], f"{why}; not taken: {', '.join(names)}" if names else why, packages)
            return replace(started, others=names)
    return _declared(folder, scripts) or _notebook_server(every) or _no_entry(candidates)


def _no_entry(candidates: Sequence[Script]) -> Entry:
    names = tuple(script.path for script in candidates[:4])
    why = f"nothing says which to start of {', '.join(names)}" if names else "no script here to start"
    return Entry(Choice("entrypoint", "", why), others=names)


def _declared(folder: Folder, scripts: Iterable[Script]) -> Entry | None:
    """Return the first of the project's own commands, as Python runs it without the project being installed."""
    for name, target in table(table(pyproject(folder), "project"), "scripts").items():
        match = re.fullmatch(r"([A-Za-z_][\w.]*):([A-Za-z_]\w*)", str(target), re.ASCII)
        paths = {script.path for script in scripts}
        place = match[1].replace(".", "/") if match else ""
        for top in ("", "src/"):
            if match and {f"{top}{place}.py", f"{top}{place}/__init__.py"} & paths:
                code = f"import sys; from {match[1]} import {match[2]}; sys.exit({match[2]}())"
                choice = Choice("entrypoint", ("python", "-c", code), f'what pyproject.toml calls "{name}"')
                return Entry(choice, environment=("PYTHONPATH=/app/src",) if top else ())
    return None


def _notebook_server(scripts: Iterable[Script]) -> Entry | None:
    notebooks = [script.path for script in scripts if script.is_notebook]
    if not notebooks:
        return None
    words = ["jupyter", "lab", "--ip", "0.0.0.0", "--port", "8888", "--no-browser"]  # noqa: S104 - in a container
    why = f"there are notebooks, such as {notebooks[0]}; it prints its address when it runs"
    return Entry(_command(words, why), "jupyterlab", "8888")


def _ranked(level: list[Script]) -> Iterator[tuple[list[Script], str]]:
    """Yield the scripts that may be the one to start, the surest kind first, each kind with its reason."""
    yield [s for name in _ENTRIES for s in level if posixpath.basename(s.path) == name], "by its name"
    yield [s for s in level if s.app], "it holds a web application"
    yield level if len(level) == 1 else [], "the only script"
    yield [s for s in level if s.is_main], "it has an if __name__ == '__main__'"


def _started(script: Script, why: str, packages: set[str]) -> Entry:
    folder, name = posixpath.split(script.path)
    # Behind python, a name that begins with a dash would be an option.
    path = f"./{script.path}" if script.path.startswith("-") else script.path
    module, where = name.removesuffix(".py"), ["--app-dir", folder] if folder else []
    if folder in packages:
        module, where = f"{folder}.{module}", []
    application = f"{module}:{script.app}"
    is_module = all(map(str.isidentifier, module.split(".")))
    if script.framework in {"fastapi", "starlette"} and is_module:
        words = ["uvicorn", application, *where, "--host", "0.0.0.0", "--port", "8000"]  # noqa: S104 - in a container
        why = f"{script.path} holds a {script.framework} application"
        return Entry(_command(words, why), "uvicorn", "8000", script.health)
    if script.framework == "flask" and is_module:
        words = ["flask", "--app", f"{path}:{script.app}", "run", "--host", "0.0.0.0", "--port", "8000"]  # noqa: S104
        return Entry(_command(words, f"{script.path} holds a flask application"), "flask", "8000", script.health)
    if script.framework == "streamlit":
        words = ["streamlit", "run", path, "--server.address", "0.0.0.0", "--server.port", "8501"]  # noqa: S104
        # Streamlit's own route for this purpose.
        return Entry(_command(words, f"{script.path} imports streamlit"), "streamlit", "8501", "/_stcore/health")
    if script.framework == "gradio":
        anywhere = ("GRADIO_SERVER_NAME=0.0.0.0",)  # gradio answers its own container alone, unless told so
        why = f"{script.path} imports gradio"
        return Entry(_command(["python", path], why), "gradio", "7860", environment=anywhere)
    return Entry(_command(["python", path], f"{script.path}: {why}"))


def _command(words: list[str], why: str) -> Choice:
    """Return a command as one text where a reader and a shell split it alike, or else as the list of its words."""
    is_plain = all(re.fullmatch(r"[\w./:=+-]+", word, re.ASCII) for word in words)
    return Choice("entrypoint", " ".join(words) if is_plain else tuple(words), why)
