"""The choice of the entrypoint of an image: a server, a script, a notebook server or a declared command."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from mlspec.advice.draft.folder import REQUIREMENT_FILES, Choice, Folder, pyproject, table
from mlspec.advice.draft.readers import Statement
from mlspec.advice.draft.scripts import Script, is_tool
from mlspec.spec.values import slug

_ENTRIES = ("train.py", "main.py", "app.py", "serve.py", "run.py")


# Patterns for the server of an entrypoint in a requirement file.
_BRINGS = {
    "uvicorn": r"""(?:^|["',\s])(?:uvicorn\b|fastapi\[[^\]]*(?:standard|all))""",
    "gunicorn": r"""(?:^|["',\s])gunicorn\b""",
    "flask": r"""(?i)(?:^|["',\s])flask\b""",
    "streamlit": r"""(?:^|["',\s])streamlit\b""",
    "gradio": r"""(?:^|["',\s])gradio\b""",
    "jupyterlab": r"""(?:^|["',\s])jupyter(?:lab)?(?![\w-])""",
}


@dataclass(frozen=True, slots=True)
class Entrypoint:
    """The command of the image, the package that it needs, its port, and the path of its health check.

    All fields but the first may be empty.
    """

    choice: Choice
    needs: str = ""
    port: str = ""
    health: str = ""
    environment: tuple[str, ...] = ()
    roots: tuple[str, ...] = ()
    """Folders of the project that Python has to search for modules."""
    others: tuple[str, ...] = ()
    """Other scripts that the image might start instead."""
    notes: tuple[Choice, ...] = ()
    mounts: tuple[str, ...] = ()
    """Mounts that keep the results of the command."""
    command: str = ""
    """The command of the project that the entrypoint stands for."""

    def is_served_by(self, requirements: str) -> bool:
        """Return whether the text of requirements brings the package that the entrypoint needs."""
        return bool(re.search(_BRINGS[self.needs], requirements, re.MULTILINE))

    def for_package(self) -> Entrypoint:
        """Return the entrypoint for an image that installs the project, and so has its commands."""
        value = self.command or self.choice.value
        return replace(self, choice=replace(self.choice, value=value), roots=())


def set_start(entry: Entrypoint, statement: Statement) -> Entrypoint:
    """Return an entrypoint with the command of a statement."""
    return replace(entry, choice=_entry_from_statement(statement).choice)


def entry_from_caller(entrypoint: str) -> Entrypoint:
    """Return the entrypoint of the caller; an empty text leaves the key out."""
    return Entrypoint(Choice("entrypoint", entrypoint, "your choice"))


def find_entry(folder: Folder, every: Sequence[Script], statements: Sequence[Statement], home: str) -> Entrypoint:
    """Return the entrypoint: from another tool's file, or the best script, a declared command or a notebook server."""
    if statements:
        return _entry_from_statement(statements[0])
    inner = _inner_projects(folder)
    scripts = [script for script in every if not is_tool(script.path) and not script.is_notebook]
    packages = {posixpath.dirname(script.path) for script in scripts if script.path.endswith("/__init__.py")}
    candidates = [script for script in scripts if not posixpath.basename(script.path).startswith("__")]
    # A folder with its own spec is another image.
    able = [script for script in candidates if inner.get(script.path.partition("/")[0]) != SPEC]
    levels = ([script for script in able if script.path.count("/") == depth] for depth in (0, 1))
    own = tuple(_other_spec(name) for name, file in sorted(inner.items()) if file == SPEC)
    for found, why in (ranked for level in levels for ranked in _rank_scripts(level)):
        if found:
            names = tuple(script.path for script in found[1:4])
            why += _of_another(found[0].path, inner)
            started = _entry_from_script(found[0], f"{why}; not used: {', '.join(names)}" if names else why, packages)
            return replace(started, others=names, notes=own)
    entry = _find_console_script(folder, scripts) or _notebook_server(every, home) or _no_entry(able)
    return replace(entry, notes=own)


SPEC = "mlspec.yaml"
_OF_A_PROJECT = (SPEC, "pyproject.toml", "setup.py", *REQUIREMENT_FILES, "Dockerfile", "environment.yml")


def _inner_projects(folder: Folder) -> dict[str, str]:
    """Return the folders one level down that look like a project, each with the file that shows it."""
    paths = folder.files | folder.texts.keys()
    tops = {path.partition("/")[0] for path in paths if "/" in path}
    found = {top: next((name for name in _OF_A_PROJECT if f"{top}/{name}" in paths), "") for top in tops}
    return {top: name for top, name in found.items() if name}


def _of_another(path: str, inner: Mapping[str, str]) -> str:
    top = path.partition("/")[0] if "/" in path else ""
    if top not in inner:
        return ""
    return f"; {top}/ has its own {inner[top]}: if that is another project, run: mlspec init {top}"


def _other_spec(name: str) -> Choice:
    return Choice("", f"{name}/", f"it has its own spec: mlspec render {name}/{SPEC}")


def _entry_from_statement(statement: Statement) -> Entrypoint:
    words = statement.value if isinstance(statement.value, tuple) else (statement.value,)
    needs = next((word for word in words[:1] if word in SERVERS), "")
    return Entrypoint(_command(list(words), f"{statement.place} starts it"), SERVERS.get(needs, ""))


# The commands of servers, and the packages that provide them.
SERVERS = {
    "uvicorn": "uvicorn",
    "gunicorn": "gunicorn",
    "flask": "flask",
    "streamlit": "streamlit",
    "jupyter": "jupyterlab",
}


def _no_entry(candidates: Sequence[Script]) -> Entrypoint:
    names = tuple(script.path for script in candidates[:4])
    why = f"it is unclear which to start: {', '.join(names)}" if names else "no script to start"
    return Entrypoint(Choice("entrypoint", "", why), others=names)


def _find_console_script(folder: Folder, scripts: Iterable[Script]) -> Entrypoint | None:
    """Return the first command of pyproject.toml, in a form that Python runs without the project being installed."""
    for name, target in table(table(pyproject(folder), "project"), "scripts").items():
        match = re.fullmatch(r"([A-Za-z_][\w.]*):([A-Za-z_]\w*)", str(target), re.ASCII)
        paths = {script.path for script in scripts}
        place = match[1].replace(".", "/") if match else ""
        for top in ("", "src/"):
            if match and {f"{top}{place}.py", f"{top}{place}/__init__.py"} & paths:
                code = f"import sys; from {match[1]} import {match[2]}; sys.exit({match[2]}())"
                choice = Choice("entrypoint", ("python", "-c", code), f'the script "{name}" of pyproject.toml')
                return Entrypoint(choice, roots=("src",) if top else (), command=name)
    return None


def _notebook_server(scripts: Iterable[Script], home: str) -> Entrypoint | None:
    """Return JupyterLab for a folder with notebooks; it opens a mounted folder of the host."""
    notebooks = [script.path for script in scripts if script.is_notebook]
    if not notebooks:
        return None
    tops = {path.partition("/")[0] if "/" in path else "" for path in notebooks}
    # The short form of a mount cannot hold a name with special characters.
    top = tops.pop() if len(tops) == 1 else ""
    place = f"/{top}" if top and slug(top) == top else ""
    # A user who is root on the host, as on rented machines, is root in the container: Jupyter needs --allow-root.
    words = ["jupyter", "lab", "--ip", "0.0.0.0", "--port", "8888", "--no-browser", "--allow-root"]  # noqa: S104
    words.append(f"--ServerApp.root_dir={home}{place}")
    shown = f".{place}/" if place else "this folder"
    why = f"there are notebooks, such as {notebooks[0]}; it shows {shown}, and prints its address when it runs"
    return Entrypoint(_command(words, why), "jupyterlab", "8888", mounts=(f".{place or '/'}:{home}{place}",))


def _rank_scripts(level: list[Script]) -> Iterator[tuple[list[Script], str]]:
    """Yield the scripts that the image may start, by kind, each kind with its reason; the most likely kind is first."""
    yield [s for name in _ENTRIES for s in level if posixpath.basename(s.path) == name], "by its name"
    yield [s for s in level if s.app], "it contains a web application"
    yield level if len(level) == 1 else [], "the only script"
    yield [s for s in level if s.is_main], "it has an if __name__ == '__main__'"


def _entry_from_script(script: Script, why: str, packages: set[str]) -> Entrypoint:
    folder, name = posixpath.split(script.path)
    # python would read a name that begins with a dash as an option.
    path = f"./{script.path}" if script.path.startswith("-") else script.path
    module, where = name.removesuffix(".py"), ["--app-dir", folder] if folder else []
    if folder in packages:
        module, where = f"{folder}.{module}", []
    application = f"{module}:{script.app}"
    is_module = all(map(str.isidentifier, module.split(".")))
    if script.framework in {"fastapi", "starlette"} and is_module:
        words = ["uvicorn", application, *where, "--host", "0.0.0.0", "--port", "8000"]  # noqa: S104 - in a container
        why = f"{script.path} holds a {script.framework} application"
        return Entrypoint(_command(words, why), "uvicorn", "8000", script.health)
    if script.framework == "flask" and is_module:
        words = ["flask", "--app", f"{path}:{script.app}", "run", "--host", "0.0.0.0", "--port", "8000"]  # noqa: S104
        return Entrypoint(
            _command(words, f"{script.path} contains a flask application"), "flask", "8000", script.health
        )
    if script.framework == "streamlit":
        words = ["streamlit", "run", path, "--server.address", "0.0.0.0", "--server.port", "8501"]  # noqa: S104
        # The last argument is the health check route of Streamlit.
        return Entrypoint(_command(words, f"{script.path} imports streamlit"), "streamlit", "8501", "/_stcore/health")
    if script.framework == "gradio":
        anywhere = ("GRADIO_SERVER_NAME=0.0.0.0",)  # gradio listens only inside its container by default
        why = f"{script.path} imports gradio"
        return Entrypoint(_command(["python", path], why), "gradio", "7860", environment=anywhere)
    return Entrypoint(_command(["python", path], f"{script.path}: {why}"))


def _command(words: list[str], why: str) -> Choice:
    """Return a command as one text if splitting at spaces gives its words, or else as a list of its words."""
    is_plain = all(re.fullmatch(r"[\w./:=+-]+", word, re.ASCII) for word in words)
    return Choice("entrypoint", " ".join(words) if is_plain else tuple(words), why)
