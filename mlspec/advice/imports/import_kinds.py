"""The table of file kinds that mlspec imports, with their names, typical contents and readers."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mlspec.advice.imports import (
    bento_code,
    binder_files,
    cog,
    command_lines,
    compose_service,
    conda_environment,
    editor_container,
    ignored_files,
    image_recipe,
    pipfile,
    pixi_manifest,
    project_file,
    requirement_list,
    served_models,
    setup_files,
)
from mlspec.advice.imports.verdicts import ImportSource, LineVerdict

Read = Callable[[ImportSource], Iterator[LineVerdict]]


@dataclass(frozen=True, slots=True)
class ImportKind:
    """A kind of file: its usual name for people, its file names, its reader, and a pattern for its text."""

    name: str
    names: re.Pattern[str]
    read: Read
    proof: re.Pattern[str] | None = None


def _of(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.MULTILINE)


# The first kind whose file name fits is taken, or else the first whose text fits.
IMPORT_KINDS = (
    ImportKind(
        "cog.yaml", _of(r"cog\.ya?ml"), cog.read_cog, _of(r"^build:(?:.*\n(?:[ #].*\n|\n)*)?[\s\S]*^(?:predict|train):")
    ),
    ImportKind(
        "conda environment file",
        _of(r"(?:conda|env|environment)(?:[-_.][\w.-]*)?\.ya?ml"),
        conda_environment.read_conda,
        _of(r"^dependencies:\s*(?:#.*)?\n(?:\s*#.*\n|\s*\n)*\s*-"),
    ),
    ImportKind(
        "Dockerfile",
        _of(r"(?i)(?:[\w.-]*dockerfile|containerfile)(?:[.-][\w.-]+)?"),
        image_recipe.read_recipe,
        _of(r"(?i)\A(?:\s*(?:#.*)?\n)*(?:ARG\s.*\n(?:\s*(?:#.*)?\n)*)*FROM\s+\S"),
    ),
    ImportKind(
        "pyproject.toml", _of(r"pyproject\.toml"), project_file.read_project_file, _of(r"^\[(?:project|tool\.poetry)\]")
    ),
    ImportKind("pixi.toml", _of(r"pixi\.toml"), pixi_manifest.read_pixi_manifest),
    ImportKind("pixi.lock", _of(r"pixi\.lock"), pixi_manifest.refuse_pixi_lock),
    ImportKind(
        "service.py of BentoML",
        _of(r"(?!)"),
        bento_code.read_service,
        _of(r"^\s*@bentoml\.service\b|\bbentoml\.images\b"),
    ),
    ImportKind("Pipfile", _of(r"Pipfile"), pipfile.read_pipfile, _of(r"^\[packages\]")),
    ImportKind(
        "bentofile.yaml",
        _of(r"bentofile\.ya?ml"),
        served_models.read_bento,
        _of(r"^service:[\s\S]*^(?:python|docker):"),
    ),
    ImportKind(
        "config.yaml of Truss",
        _of(r"truss\.ya?ml"),
        served_models.read_truss,
        _of(r"^(?:model_class_filename|model_class_name|model_name|model_framework|model_metadata):"),
    ),
    ImportKind("setup.cfg", _of(r"setup\.cfg"), setup_files.read_setup_cfg, _of(r"^\[options\]")),
    ImportKind("setup.py", _of(r"setup\.py"), setup_files.read_setup_py, _of(r"^\s*(?:\w+\.)?setup\(")),
    ImportKind(
        "Compose file",
        _of(r"(?:docker-)?compose(?:[.-][\w.-]+)?\.ya?ml"),
        compose_service.read_compose,
        _of(r"^services:"),
    ),
    ImportKind("devcontainer.json", _of(r"\.?devcontainer\.json"), editor_container.read_editor_container),
    ImportKind(".dockerignore", _of(r"(?:[\w.-]*\.)?dockerignore"), ignored_files.read_ignored),
    ImportKind("apt.txt", _of(r"(?:apt|packages)\.txt"), binder_files.read_apt_list),
    ImportKind("runtime.txt", _of(r"runtime\.txt|\.python-version"), binder_files.read_runtime),
    ImportKind("postBuild", _of(r"postBuild"), binder_files.read_post_build),
    ImportKind("start", _of(r"start"), binder_files.read_start_script),
    ImportKind(
        "text with a docker run line",
        _of(r".*\.(?:md|rst|sh)|docker run"),
        command_lines.read_command_lines,
        _of(r"^\W{0,4}(?:sudo\s+)?(?:docker|podman)\s+run\s"),
    ),
    ImportKind("list of requirements", _of(r".*\.(?:txt|in)"), requirement_list.read_requirement_list),
)


def kind_of(path: str, text: str) -> ImportKind | None:
    """Return the kind of a file, by its name or else by its text; None if no kind fits."""
    name = posixpath.basename(path)
    by_name = next((kind for kind in IMPORT_KINDS if kind.names.fullmatch(name)), None)
    return by_name or next((kind for kind in IMPORT_KINDS if kind.proof and kind.proof.search(text)), None)


def describe_kinds() -> str:
    """Return the names of all kinds, separated by commas."""
    return ", ".join(dict.fromkeys(kind.name for kind in IMPORT_KINDS))
