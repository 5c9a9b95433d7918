"""A folder of scripts to the first spec for it: what is there decides, and every guess says why."""

from __future__ import annotations

import ast
import dataclasses
import json
import posixpath
import re
import sys
import tomllib
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from mlspec import catalog, document, schema, spec, syntax
from mlspec.errors import Problem, SpecError

DEFAULT_PYTHON = "3.12"

_REQUIREMENT_FILES = ("requirements.in", "requirements.txt")
# What else lists packages, in a way that pip cannot read, and how to get at them.
_OTHER_LISTS = {
    "environment.yml": "list its pip packages in requirements.in",
    "environment.yaml": "list its pip packages in requirements.in",
    "Pipfile": "export it: pipenv requirements > requirements.txt",
}
_READ = {*_REQUIREMENT_FILES, *_OTHER_LISTS, "pyproject.toml", ".python-version"}
_DATA_FOLDERS = ("data", "datasets", "models", "checkpoints", "outputs")
_ENTRIES = ("train.py", "main.py", "app.py", "serve.py", "run.py")
_TOOLS = re.compile(r"^(?:setup|conftest|noxfile|tasks|test_.*|.*_test)\.py$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """What a folder holds: its name, the texts that :func:`is_read` asks for by their path, the folders in it."""

    name: str
    texts: Mapping[str, str]
    folders: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the caller decides; the rest is guessed."""

    name: str | None = None
    python: str | None = None
    base: str | None = None
    requirements: tuple[str, ...] = ()
    entrypoint: str | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """A key of the spec, what to write there (nothing where it is left to the reader), and why.

    Without a key it is a note on something that was found and left out.
    """

    key: str
    value: str | tuple[str, ...]
    why: str

    def __str__(self) -> str:
        value = self.value if isinstance(self.value, str) else ", ".join(self.value)
        return f"{self.key}: {value or 'left out'} ({self.why})" if self.key else f"{value}: left out ({self.why})"


@dataclass(frozen=True, slots=True)
class Draft:
    """The text of a first spec, and what was chosen in it."""

    text: str
    choices: tuple[Choice, ...]


def is_read(path: str) -> bool:
    """Tell whether the text of this file, by its path within the folder, says something about the spec."""
    # A name that is not printable could not be written into a spec either.
    is_script = path.endswith(".py") and not posixpath.basename(path).startswith(".")
    return path.isprintable() and (path in _READ or is_script)


def draft(folder: Folder, wanted: Wanted | None = None) -> Draft:
    """Return the first spec for a folder; raises SpecError where what the caller wants cannot be right."""
    wanted = wanted or Wanted()
    scripts = tuple(_script(path, text) for path, text in sorted(folder.texts.items()) if path.endswith(".py"))
    entry = _given(wanted.entrypoint) if wanted.entrypoint else _entry(scripts)
    choices = (
        _name(folder, wanted),
        _python(folder, wanted),
        *([Choice("base", wanted.base, "as asked")] if wanted.base else []),
        *_accelerator(scripts),
        *_requirements(folder, scripts, entry, wanted),
        entry.choice,
        *([Choice("ports", (f"{entry.port}:{entry.port}",), "where that answers")] if entry.port else []),
        *_mounts(folder),
    )
    text = _text(choices)
    _check(text)
    return Draft(text, choices)


def _check(text: str) -> None:
    try:
        settings = spec.validate(document.parse(text, "mlspec.yaml")).images[0].settings
    except SpecError as error:
        # The file is not there yet: what is wrong came from the caller.
        raise SpecError(*(dataclasses.replace(p, file="", span=None, excerpt="") for p in error.problems)) from None
    base = catalog.base_reference(settings.python, settings.base)
    if isinstance(base, catalog.BaseRefusal):
        raise SpecError(Problem(code="MLS105", message=base.message, hint=base.hint))


# Name and Python


def _name(folder: Folder, wanted: Wanted) -> Choice:
    if wanted.name:
        return Choice("name", wanted.name, "as asked")
    return Choice("name", syntax.slug(folder.name), "from the name of the folder")


def _python(folder: Folder, wanted: Wanted) -> Choice:
    if wanted.python:
        return Choice("python", wanted.python, "as asked")
    for line in folder.texts.get(".python-version", "").splitlines():
        if minor := _minor(line):
            return Choice(
                "python", minor, f".python-version says {line.strip()}; its minor version keeps getting fixes"
            )
    project = _table(_pyproject(folder), "project")
    required = str(project.get("requires-python", ""))
    if required and (fitting := _fitting(required)):
        return Choice("python", fitting, f"pyproject.toml requires {required}")
    return Choice("python", DEFAULT_PYTHON, "the default")


def _minor(text: str) -> str:
    match = re.fullmatch(r"\s*(?:c?python-?)?(\d+\.\d+)(?:\.\d+)?\s*", text)
    try:
        return syntax.python_version(match[1]) if match else ""
    except syntax.Refused:
        return ""


def _fitting(required: str) -> str:
    """Return the default Python where it fits, or else the newest that does; an empty text where none is known to."""
    try:
        specifier = SpecifierSet(required)
    except InvalidSpecifier:
        return ""
    known = [row.python for row in reversed(catalog.python_versions())]
    return next((p for p in (DEFAULT_PYTHON, *known) if any(specifier.contains(f"{p}.{n}") for n in range(40))), "")


def _pyproject(folder: Folder) -> Mapping[str, Any]:
    try:
        return tomllib.loads(folder.texts.get("pyproject.toml", ""))
    except tomllib.TOMLDecodeError:
        return {}


def _table(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = data.get(key)
    return value if isinstance(value, dict) else {}


def _accelerator(scripts: Iterable[_Script]) -> Iterator[Choice]:
    used = {name for script in scripts for name in script.imports}
    if able := sorted(used & {"jax", "tensorflow", "torch"}):
        yield Choice("accelerator", "", f"{able[0]} runs on the cpu, unless you say cuda")


# Requirements


def _requirements(folder: Folder, scripts: Iterable[_Script], entry: _Entry, wanted: Wanted) -> Iterator[Choice]:
    if wanted.requirements:
        yield Choice("requirements", wanted.requirements, "as asked")
        return
    for name in (*_REQUIREMENT_FILES, "pyproject.toml"):
        if name in folder.texts and (name != "pyproject.toml" or _lists_dependencies(folder)):
            yield _from_file(name, folder.texts[name], entry)
            return
    yield from (
        Choice("", name, f"pip cannot read it; {hint}") for name, hint in _OTHER_LISTS.items() if name in folder.texts
    )
    if "poetry" in _table(_pyproject(folder), "tool"):
        yield Choice(
            "", "pyproject.toml", "its packages are listed for poetry; export them: poetry export -o requirements.txt"
        )
    yield from _from_imports(folder, scripts, entry)


def _lists_dependencies(folder: Folder) -> bool:
    return bool(_table(_pyproject(folder), "project").get("dependencies"))


def _from_file(name: str, text: str, entry: _Entry) -> Choice:
    named = re.sub(r"#.*", "", text)
    missing = [] if not entry.needs or re.search(_BRINGS[entry.needs], named, re.MULTILINE) else [entry.needs]
    # A file of hashes is a lock already, and takes nothing beside it.
    if not missing or "--hash=" in text:
        also = f"; add {missing[0]} to it, which the entrypoint needs" if missing else ""
        return Choice("requirements", name, f"this file is here{also}")
    return Choice("requirements", (name, missing[0]), f"the file is here, and the entrypoint needs {missing[0]}")


# How a requirement file may name the server of an entrypoint.
_BRINGS = {
    "uvicorn": r"""(?:^|["',\s])(?:uvicorn\b|fastapi\[[^\]]*(?:standard|all))""",
    "flask": r"""(?i)(?:^|["',\s])flask\b""",
    "streamlit": r"""(?:^|["',\s])streamlit\b""",
}

# Imports whose package has another name; an empty one stands for a name that many packages share.
_DISTRIBUTIONS = {
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "Crypto": "pycryptodome",
    # The same library without windows, and so without libGL, which slim images lack.
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "distutils": "setuptools",
    "docx": "python-docx",
    "dotenv": "python-dotenv",
    "faiss": "faiss-cpu",
    "fitz": "pymupdf",
    "git": "gitpython",
    "google": "",
    "hydra": "hydra-core",
    "imblearn": "imbalanced-learn",
    "IPython": "ipython",
    "jwt": "pyjwt",
    "mpl_toolkits": "matplotlib",
    "multipart": "python-multipart",
    "PIL": "pillow",
    "pkg_resources": "setuptools",
    "pptx": "python-pptx",
    "psycopg2": "psycopg2-binary",
    "pylab": "matplotlib",
    "ruamel": "ruamel.yaml",
    "serial": "pyserial",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "slugify": "python-slugify",
    "tree": "dm-tree",
    "umap": "umap-learn",
    "whisper": "openai-whisper",
    "yaml": "pyyaml",
    "zmq": "pyzmq",
}


def _from_imports(folder: Folder, scripts: Iterable[_Script], entry: _Entry) -> Iterator[Choice]:
    used, optional = set[str](), set[str]()
    for script in scripts:
        if not _is_tool(script.path):
            local = _local_modules(folder, posixpath.dirname(script.path)) | sys.stdlib_module_names
            used |= script.imports - local
            optional |= script.optional - local
    names = {_DISTRIBUTIONS.get(name, name.replace("_", "-")) for name in used if name.isascii()} - {""}
    names |= {entry.needs} - {""}
    why = "what the scripts import; look the names over" if names else "no requirement file here, and nothing imported"
    yield Choice("requirements", tuple(sorted(names, key=str.lower)), why)
    for name in sorted(optional - used):
        yield Choice("", name, "imported only where it is installed; add it to the requirements if you need it")
    for name in sorted(name for name in used if _DISTRIBUTIONS.get(name) == ""):
        yield Choice("", name, "several packages bring this import; add yours to the requirements")


def _local_modules(folder: Folder, beside: str) -> set[str]:
    """Return the names of the modules that a script in the folder ``beside`` finds in the project."""
    places = {"", "src"}
    # A package is not run from within, so its modules hide nothing: loggers/wandb.py may import wandb.
    places |= {beside} if posixpath.join(beside, "__init__.py") not in folder.texts else set()
    found = set()
    for path in folder.texts:
        for place in places:
            if path.endswith(".py") and (not place or path.startswith(f"{place}/")):
                found.add(path[len(place) :].lstrip("/").split("/")[0].removesuffix(".py"))
    return found


# Scripts


@dataclass(frozen=True, slots=True, kw_only=True)
class _Script:
    path: str
    imports: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    """Imported where a missing package is expected, or for type checkers only."""
    app: str = ""
    framework: str = ""
    is_main: bool = False


_FRAMEWORKS = {"FastAPI": "fastapi", "Starlette": "starlette", "Flask": "flask"}


def _script(path: str, text: str) -> _Script:
    try:
        with warnings.catch_warnings(action="ignore"):
            tree = ast.parse(text)
    # What Python cannot read tells nothing; a null byte is a ValueError, deep nesting one of the last two.
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return _Script(path=path)
    every = _imported(ast.walk(tree))
    optional = _imported(node for part in ast.walk(tree) for node in _conditional(part))
    app, framework = next(_apps(tree), ("", "streamlit" if "streamlit" in every else ""))
    return _Script(
        path=path,
        imports=frozenset(every - optional),
        optional=frozenset(optional),
        app=app,
        framework=framework,
        is_main=any(isinstance(node, ast.If) and "__name__" in ast.unparse(node.test) for node in tree.body),
    )


def _imported(nodes: Iterable[ast.AST]) -> set[str]:
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            found.add(node.module.partition(".")[0])
    return found


def _conditional(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes within ``node`` that may fail to import, or are never run."""
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
    """Yield the variables of a module that hold a web application, each with its framework."""
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


def _is_tool(path: str) -> bool:
    """Tell whether a script is for the project's upkeep, so that no image needs what it imports."""
    *folders, name = path.split("/")
    return bool(_TOOLS.match(name)) or bool({"test", "tests"} & set(folders))


# The entrypoint


@dataclass(frozen=True, slots=True)
class _Entry:
    """What the image starts, the package that command needs, and the port it answers on; either may be empty."""

    choice: Choice
    needs: str = ""
    port: str = ""


def _given(entrypoint: str) -> _Entry:
    return _Entry(Choice("entrypoint", entrypoint, "as asked"))


def _entry(scripts: Iterable[_Script]) -> _Entry:
    scripts = [script for script in scripts if not _is_tool(script.path)]
    packages = {posixpath.dirname(script.path) for script in scripts if script.path.endswith("/__init__.py")}
    candidates = [script for script in scripts if not posixpath.basename(script.path).startswith("__")]
    levels = ([script for script in candidates if script.path.count("/") == depth] for depth in (0, 1))
    for found, why in (ranked for level in levels for ranked in _ranked(level)):
        if found:
            others = ", ".join(script.path for script in found[1:4])
            return _started(found[0], f"{why}; not taken: {others}" if others else why, packages)
    return _Entry(Choice("entrypoint", "", "no script found that is surely the one to start"))


def _ranked(level: list[_Script]) -> Iterator[tuple[list[_Script], str]]:
    """Yield the scripts that may be the one to start, the surest kind first, each kind with its reason."""
    yield [s for name in _ENTRIES for s in level if posixpath.basename(s.path) == name], "by its name"
    yield [s for s in level if s.app], "it holds a web application"
    yield level if len(level) == 1 else [], "the only script"
    yield [s for s in level if s.is_main], "it has an if __name__ == '__main__'"


def _started(script: _Script, why: str, packages: set[str]) -> _Entry:
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
        return _Entry(_command(words, f"{script.path} holds a {script.framework} application"), "uvicorn", "8000")
    if script.framework == "flask" and is_module:
        words = ["flask", "--app", f"{path}:{script.app}", "run", "--host", "0.0.0.0", "--port", "8000"]  # noqa: S104
        return _Entry(_command(words, f"{script.path} holds a flask application"), "flask", "8000")
    if script.framework == "streamlit":
        words = ["streamlit", "run", path, "--server.address", "0.0.0.0", "--server.port", "8501"]  # noqa: S104
        return _Entry(_command(words, f"{script.path} imports streamlit"), "streamlit", "8501")
    return _Entry(_command(["python", path], f"{script.path}: {why}"))


def _command(words: list[str], why: str) -> Choice:
    """Return a command as one text where a reader and a shell split it alike, or else as the list of its words."""
    is_plain = all(re.fullmatch(r"[\w./:=+-]+", word, re.ASCII) for word in words)
    return Choice("entrypoint", " ".join(words) if is_plain else tuple(words), why)


# Mounts


def _mounts(folder: Folder) -> Iterator[Choice]:
    there = [name for name in _DATA_FOLDERS if name in folder.folders]
    code = [name for name in there if any(path.startswith(f"{name}/") for path in folder.texts)]
    mounted = tuple(f"./{name}:/app/{name}" for name in there if name not in code)
    if mounted:
        yield Choice("mounts", mounted, "folders for data: seen by the program, and left out of the image")
    for name in code:
        yield Choice("", f"{name}/ as a mount", "it holds code, so it is copied into the image like the rest")


# The text

_HEAD = (
    schema.MODELINE
    + "# What the image needs. `mlspec render` compiles this file to a Dockerfile, an ignore file and run.sh.\n"
)
_COMMENTS = {
    "accelerator": "# For NVIDIA GPUs, remove the # from the next two lines.",
    "requirements": "# Packages: a file, or a list of names as pip takes them. They are pinned in requirements.lock.",
    "entrypoint": "# What the image starts.",
    "ports": "# HOST:CONTAINER; only this machine can reach it.",
    "mounts": "# Folders of this machine, HOST:CONTAINER. They stay out of the image; :ro makes one read-only.",
}
_EXAMPLES = {
    "accelerator": "accelerator: cuda\n# gpus: all",
    "requirements": "requirements: requirements.in",
    "entrypoint": "entrypoint: python train.py",
}
_ORDER = ("name", "python", "base", "accelerator", "requirements", "entrypoint", "ports", "mounts")


def _text(choices: Iterable[Choice]) -> str:
    chosen = {choice.key: choice for choice in choices if choice.key in _ORDER}
    return _HEAD + "".join(_lines(chosen[key]) for key in _ORDER if key in chosen)


def _lines(choice: Choice) -> str:
    key, value = choice.key, choice.value
    comment = f"{_COMMENTS[key]}\n" if key in _COMMENTS else ""
    if not value:
        return f"{comment}# {_EXAMPLES[key]}\n"
    if isinstance(value, str):
        return f"{comment}{key}: {_scalar(value)}\n"
    if key == "entrypoint":
        return f"{comment}{key}: [{', '.join(map(_scalar, value))}]\n"
    return f"{comment}{key}:\n" + "".join(f"  - {_scalar(item)}\n" for item in value)


_PART = r"[\w./=<>~*+-]+(?::[\w./=<>~*+-]+)*"
_PLAIN = re.compile(rf"\d+\.\d+(?:\.\d+)?|(?=[A-Za-z_/]|\./){_PART}(?: {_PART})*", re.ASCII)
# Words that some reader of YAML takes for a boolean or for nothing.
_WORDS = {"true", "false", "yes", "no", "on", "off", "y", "n", "null"}


def _scalar(text: str) -> str:
    """Return ``text`` as YAML, plain where every reader of YAML takes it for that text."""
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    # JSON's strings are YAML's, but for characters that YAML wants escaped and JSON does not.
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(char if char.isprintable() else f"\\U{ord(char):08x}" for char in quoted)
