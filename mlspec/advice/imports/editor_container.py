"""The import of devcontainer.json: JSON with comments, which the YAML parser reads without the comments."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from mlspec.advice.imports.keyed import Keyed, KeyReader, ignore_because, lose_because, read_keys
from mlspec.advice.imports.mounted_paths import read_volume
from mlspec.advice.imports.parent_images import read_parent
from mlspec.advice.imports.pip_words import PipWord
from mlspec.advice.imports.run_options import read_run_option
from mlspec.advice.imports.script_steps import RunContext, read_script
from mlspec.advice.imports.shared_keys import TARGET, list_arguments, read_environment, read_name
from mlspec.advice.imports.system_packages import read_debian_package
from mlspec.advice.imports.verdicts import ImportSource, LineVerdict
from mlspec.advice.imports.yaml_source import text_of
from mlspec.spec import document

_PIECE = re.compile(r'"(?:\\.|[^"\\])*"|//[^\n]*|/\*.*?\*/|,(?=\s*(?://[^\n]*\s*)*[}\]])', re.DOTALL)
_INSTALLED = {"git", "git-lfs", "common-utils", "sshd", "docker-in-docker", "docker-outside-of-docker"}


def read_editor_container(source: ImportSource) -> Iterator[LineVerdict]:
    """Yield the verdicts on a devcontainer.json; raise SpecError if it is not JSON."""
    # YAML reads JSON without comments, final commas and leading tabs.
    plain = _PIECE.sub(_blank, source.text).replace("\t", "  ")
    read = document.parse(plain, source.file)
    yield from read_keys(Keyed(source, read, (), read.data, read.data), _KEYS, "a devcontainer")


def _blank(found: re.Match[str]) -> str:
    # Line breaks stay, so that the places of values do not change.
    return found[0] if found[0].startswith('"') else re.sub(r"[^\n]", " ", found[0])


def _read_image(one: Keyed) -> Iterator[LineVerdict]:
    yield from read_parent(one.source, one.number, text_of(one.value))


def _read_build(one: Keyed) -> Iterator[LineVerdict]:
    values = one.value if isinstance(one.value, dict) else {"dockerfile": one.value}
    for name, value in values.items():
        part = replace(one, path=(*one.path, name), value=value) if isinstance(one.value, dict) else one
        folder = posixpath.dirname(one.source.file)
        if name.lower() == "dockerfile":
            path = posixpath.normpath(posixpath.join(folder, text_of(value)))
            here = one.source.read(path) is not None
            yield (
                replace(part.carry(why=f"read: {path}"), reads=(path,), arguments=_list_given(values))
                if here
                else part.doubt("base", f"there is no file {path} here")
            )
        elif name == "context":
            yield part.carry(why="the folder of the build")
        elif name == "target":
            yield part.carry(why="the stage that mlspec reads")
        elif name == "args":
            yield part.carry(why="given to the Dockerfile")
        else:
            yield part.lose("a setting of the build")


def _list_given(build: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return (*list_arguments(build.get("args")), (TARGET, text_of(build.get("target"))))


def _read_features(one: Keyed) -> Iterator[LineVerdict]:
    for part in one.pairs():
        name = part.name.rpartition("/")[2].partition(":")[0]
        options = part.value if isinstance(part.value, dict) else {}
        if name == "python":
            yield part.carry("python", text_of(options.get("version")) or "*")
        elif name == "nvidia-cuda":
            version = re.match(r"\d+\.\d+", text_of(options.get("cudaVersion")))
            yield part.change(
                "accelerator", f"cuda{version[0]}" if version else "cuda", "packages contain the libraries of CUDA"
            )
        elif name in {"apt-packages", "apt-get-packages", "apt"}:
            for package in re.split(r"[,\s]+", text_of(options.get("packages")).strip()):
                yield from read_debian_package(part.source, part.number, package)
        elif name == "node":
            yield part.change("apt", "nodejs", "Debian's nodejs, of Debian's own version")
        elif name in {"poetry", "uv", "pipx-package", "pre-commit", "ruff", "black", "mypy", "jupyterlab"}:
            yield part.lose("a tool for development: write it under requirements if the program needs it")
        elif name in _INSTALLED:
            yield (
                part.change("apt", name, "a package of Debian")
                if name in {"git", "git-lfs"}
                else part.lose("for the editor")
            )
        else:
            yield part.lose("a feature of the editor's container: write its packages under apt")


def _read_arguments(one: Keyed) -> Iterator[LineVerdict]:
    todo = [PipWord(text_of(item.value), item.number) for item in one.items()]
    while todo:
        if todo[0].text.startswith("-"):
            yield from read_run_option(one.source, todo)
        else:
            word = todo.pop(0)
            yield one.source.lose(word.number, word.text, "it is not an option")


def _read_mounts(one: Keyed) -> Iterator[LineVerdict]:
    for item in one.items():
        if isinstance(item.value, dict):
            value = f"{item.value.get('source', '')}:{item.value.get('target', '')}"
            yield replace(read_volume(item.source, item.number, item.text, value), end=item.end)
        else:
            yield from read_run_option(item.source, [PipWord(f"--mount={text_of(item.value)}", item.number)])


def _read_command(one: Keyed) -> Iterator[LineVerdict]:
    commands = one.value.values() if isinstance(one.value, dict) else (one.value,)
    command = " && ".join(
        shlex.join(map(str, value)) if isinstance(value, list) else text_of(value) for value in commands
    )
    context = RunContext(one.source, {}, {}, "after_code")
    for verdict in read_script(context, command, lambda _: one.number):
        yield replace(verdict.worsen("guessed", "the editor runs it in the container"), end=one.end)


def _read_user(one: Keyed) -> Iterator[LineVerdict]:
    yield one.carry(why="images of mlspec already have a user without privileges")


def _read_ports(one: Keyed) -> Iterator[LineVerdict]:
    for item in one.items():
        host, _, port = text_of(item.value).rpartition(":")
        if host and host not in {"localhost", "127.0.0.1"} and not host.isdigit():
            yield item.carry(why=f"a port of {host}, which is another container")
        else:
            yield item.carry("ports", f"{port}:{port}")


def _read_requirements(one: Keyed) -> Iterator[LineVerdict]:
    for part in one.pairs():
        if part.name == "gpu" and part.value not in (False, "optional"):
            yield part.change("gpus", "all", "a GPU of the host")
            yield part.change("accelerator", "cuda", "the host has a GPU")
        else:
            yield part.lose("the host's resources: a spec has no such key")


def _read_variables(one: Keyed) -> Iterator[LineVerdict]:
    for verdict in read_environment(one):
        value = str(verdict.value[1]) if verdict.key == "environment" and verdict.value else ""
        name = verdict.value[0] if value else ""
        if found := re.fullmatch(r"\$\{localEnv:(\w+)(?::([^}]*))?\}", value):
            pair = (name, None) if found[1] == name and not found[2] else (name, found[2] or "")
            why = "the value of the caller, at each run" if pair[1] is None else "without the value of the host"
            yield replace(verdict, value=pair).worsen("changed", why)
        elif "${" in value:
            why = "it contains a variable of the editor's container: write its value"
            yield replace(verdict, outcome="unsure", value=None, why=why)
        else:
            yield verdict


def _read_compose_files(one: Keyed) -> Iterator[LineVerdict]:
    folder = posixpath.dirname(one.source.file)
    for item in one.items():
        path = posixpath.normpath(posixpath.join(folder, text_of(item.value)))
        yield item.lose(f"import that file too: mlspec import {one.source.file} {path}")


def _read_workspace(one: Keyed) -> Iterator[LineVerdict]:
    yield one.change("", None, "the code is copied to /app")


_KEYS: dict[str, KeyReader] = {
    "name": read_name,
    "image": _read_image,
    "build": _read_build,
    "dockerFile": _read_build,
    "context": ignore_because("the folder of the build"),
    "features": _read_features,
    "runArgs": _read_arguments,
    "containerEnv": _read_variables,
    "remoteEnv": lose_because("for the editor's terminals: write it under environment if the program needs it"),
    "mounts": _read_mounts,
    "workspaceMount": _read_workspace,
    "workspaceFolder": _read_workspace,
    "postCreateCommand": _read_command,
    "onCreateCommand": _read_command,
    "updateContentCommand": _read_command,
    "postStartCommand": lose_because("for the editor: write it into entrypoint if the program needs it"),
    "postAttachCommand": lose_because("for the editor"),
    "initializeCommand": lose_because("it runs on the host"),
    "customizations": lose_because("for the editor"),
    "extensions": lose_because("for the editor"),
    "settings": lose_because("for the editor"),
    "forwardPorts": _read_ports,
    "appPort": _read_ports,
    "remoteUser": _read_user,
    "containerUser": _read_user,
    "hostRequirements": _read_requirements,
    "dockerComposeFile": _read_compose_files,
    "service": ignore_because("a service of the Compose file"),
    "init": lambda one: iter([one.carry("init", one.value)]),
}
