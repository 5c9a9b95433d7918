"""The readers of other tools' files, and the table of file kinds with their readers."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from mlspec.advice.draft.readers import mapping, projects, small_files
from mlspec.advice.draft.readers.conda import is_for_r, read_conda
from mlspec.advice.draft.readers.statements import Statement, ToolFile
from mlspec.advice.draft.readers.user_dockerfile import read_dockerfile

__all__ = [
    "KINDS",
    "Kind",
    "ToolFile",
    "Statement",
    "is_for_r",
    "is_of_a_tool",
    "find_tools_below",
    "is_requirement_file",
    "read_tools",
]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file: its names, its folders, its reader, and whether only the first of several files is read."""

    name: str
    pattern: re.Pattern[str]
    read: Callable[[ToolFile], Iterator[Statement]]
    folders: tuple[str, ...] = ("",)
    takes_one: bool = False


def _regex(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


_BINDER = ("", "binder", ".binder")
CONDA, DOCKERFILE = "conda", "Dockerfile"
# In order of precedence: if two files contradict each other, the first one wins.
KINDS = (
    Kind("python", _regex(r"\.python-version"), small_files.read_python_version),
    Kind("pyproject", _regex(r"pyproject\.toml"), projects.read_pyproject),
    Kind(CONDA, _regex(r"(?:conda|env|environment)(?:[-_.][\w.-]*)?\.ya?ml"), read_conda, _BINDER, takes_one=True),
    Kind("Pipfile", _regex("Pipfile"), projects.read_pipfile),
    Kind("setup.cfg", _regex(r"setup\.cfg"), projects.read_setup_cfg),
    Kind("setup.py", _regex(r"setup\.py"), projects.read_setup_py),
    Kind(
        DOCKERFILE, _regex(r"(?:Dockerfile|Containerfile)(?:[.-][\w.-]+)?|[\w.-]+\.Dockerfile"), read_dockerfile,
        (*_BINDER, "docker"), takes_one=True,
    ),
    Kind("Cog", _regex(r"cog\.yaml"), partial(mapping.read_mapping, tool=mapping.COG)),
    Kind("Truss", _regex(r"config\.yaml"), partial(mapping.read_mapping, tool=mapping.TRUSS)),
    Kind("BentoML", _regex(r"bentofile\.yaml"), partial(mapping.read_mapping, tool=mapping.BENTO)),
    Kind("apt", _regex(r"apt\.txt"), small_files.read_apt_txt, _BINDER),
    Kind("runtime", _regex(r"runtime\.txt"), small_files.read_runtime_txt, _BINDER),
    Kind("script", _regex(r"postBuild|start"), small_files.read_script, _BINDER),
    Kind("Compose", _regex(r"(?:docker-)?compose(?:[.-][\w.-]+)?\.ya?ml"), small_files.read_compose),
    Kind("devcontainer", _regex(r"\.?devcontainer\.json"), small_files.read_devcontainer, ("", ".devcontainer")),
    Kind(
        "lock", _regex(r"(?:uv|poetry|pdm|pixi)\.lock|Pipfile\.lock|pylock(?:\.[\w-]+)?\.toml|conda-lock\.ya?ml"),
        small_files.read_other_lock,
    ),
    Kind(
        "other",
        _regex(r"install\.R|renv\.lock|pixi\.toml|Project\.toml|default\.nix"),
        small_files.read_nothing,
        _BINDER,
    ),
    Kind("other", _regex(r"Dockerfile"), small_files.read_nothing, (".devcontainer",)),
)  # fmt: skip


def _kind_of(path: str) -> Kind | None:
    folder, name = posixpath.split(path)
    return next((kind for kind in KINDS if folder in kind.folders and kind.pattern.fullmatch(name)), None)


def is_of_a_tool(path: str) -> bool:
    """Return whether a path within a project is the file of another tool."""
    kind = _kind_of(path)
    return kind is not None and not path.endswith(".dockerignore")


_DEEPEST = 3
_NOT_A_PROJECT = {"test", "tests", "docs", "doc", "examples", "vendor", "third_party", ".devcontainer"}


def find_tools_below(paths: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the folders below the top, but near it, with the names of other tools' files: a draft skips them there."""
    found = dict[str, list[str]]()
    for path in sorted(path for path in paths if not is_of_a_tool(path)):
        folder, name = posixpath.split(path)
        is_near = bool(folder) and folder.count("/") < _DEEPEST and not _NOT_A_PROJECT & set(folder.split("/"))
        if is_near and _MAKES_AN_IMAGE.fullmatch(name):
            found.setdefault(folder, []).append(name)
    return {folder: tuple(names) for folder, names in found.items()}


_MAKES_AN_IMAGE = re.compile(
    r"pyproject\.toml|setup\.(?:py|cfg)|Pipfile|(?:Dockerfile|Containerfile)|environment\.ya?ml|cog\.yaml"
)

# Also in folders below: requirements/base.txt, services/api/requirements.txt.
_REQUIREMENTS = re.compile(r"(?:.*/)?(?:[\w.-]*[-_.])?(?:requirements?|reqs)(?:[-_.][\w.-]*)?\.(?:txt|in)")
_IN_FOLDER = re.compile(r"(?:.*/)?requirements/[\w.-]+\.(?:txt|in)")


def is_requirement_file(path: str) -> bool:
    """Return whether a file has the name of a list of packages for pip."""
    return bool(_REQUIREMENTS.fullmatch(path) or _IN_FOLDER.fullmatch(path))


def read_tools(texts: Mapping[str, str]) -> tuple[Statement, ...]:
    """Return the statements of all other tools' files, in the order of precedence of the files."""
    found = list[Statement]()
    for kind in dict.fromkeys(KINDS):
        paths = sorted((path for path in texts if _kind_of(path) is kind and is_of_a_tool(path)), key=_rank)
        for number, path in enumerate(paths):
            if number and kind.takes_one:
                why = f"{paths[0]} is read instead"
                found.append(Statement(file=path, text="", why=why, matters=False))
            else:
                found += kind.read(ToolFile(path, texts[path]))
    return tuple(found)


def _rank(path: str) -> tuple[bool, int, str]:
    """Return the sort key of files of one kind: repo2docker's folder first, then the shortest name."""
    is_binder = path.startswith(("binder/", ".binder/"))
    return not is_binder, len(path), path
