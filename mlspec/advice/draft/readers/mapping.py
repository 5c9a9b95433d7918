"""The reader of tools whose file is one YAML mapping: Cog, Truss and BentoML. A table has the outcome of each key."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from mlspec.advice.draft.readers.conda import parse_yaml
from mlspec.advice.draft.readers.pip import read_pip_words
from mlspec.advice.draft.readers.statements import BUILD_STEP, Statement, ToolFile, carry_debian_package, carry_variable
from mlspec.errors import KeyPath
from mlspec.spec.document import Document


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool: its keys with the keys of a spec, the reasons for keys that are left out, and harmless keys."""

    name: str
    keys: Mapping[str, str]
    why: Mapping[str, str] = field(default_factory=dict)
    harmless: frozenset[str] = frozenset()
    proofs: frozenset[str] = frozenset()
    """Keys of which a file has at least one, if the file's name alone does not identify the tool."""


COG = Tool(
    "Cog",
    {
        "build.python_version": "python", "build.gpu": "accelerator", "build.cuda": "accelerator",
        "build.system_packages": "apt", "build.python_packages": "requirements", "environment": "environment",
        "build.python_requirements": "file",
    },
    {
        "build.run": BUILD_STEP,
        "build.pre_install": BUILD_STEP,
        "predict": "Cog's server calls it: write a server, and start it with entrypoint",
        "train": "Cog's server calls it: write a script, and start it with entrypoint",
        "build.cudnn": "packages such as torch include their own cuDNN",
    },
    frozenset({"image", "build.cudnn", "build.cog_runtime", "build.sdk_version"}),
)  # fmt: skip
TRUSS = Tool(
    "Truss",
    {
        "python_version": "python", "requirements": "requirements", "requirements_file": "file",
        "system_packages": "apt", "environment_variables": "environment", "resources.use_gpu": "accelerator",
    },
    {
        "model_class_filename": "Truss's server calls it: write a server, and start it with entrypoint",
        "base_image": "its installed packages are unknown; to build on it, write base",
        "secrets": "write their names under secrets",
        "build_commands": BUILD_STEP,
    },
    frozenset({"model_name", "description", "model_metadata", "resources.cpu", "resources.memory"}),
    frozenset({"model_class_filename", "model_class_name", "model_name", "model_framework", "model_metadata"}),
)  # fmt: skip
BENTO = Tool(
    "BentoML",
    {
        "python.packages": "requirements", "python.requirements_txt": "file", "docker.python_version": "python",
        "docker.system_packages": "apt", "docker.env": "environment", "envs": "environment",
        "docker.cuda_version": "accelerator",
    },
    {
        "service": "BentoML's server serves it: write entrypoint: bentoml serve NAME, and require bentoml",
        "docker.setup_script": BUILD_STEP,
        "docker.base_image": "its installed packages are unknown; to build on it, write base",
    },
    frozenset({"name", "labels", "description", "include", "exclude", "docker.distro", "owner"}),
)  # fmt: skip


def read_mapping(source: ToolFile, tool: Tool) -> Iterator[Statement]:
    """Yield the statements of a tool's file; nothing if the file belongs to another tool."""
    read = parse_yaml(source)
    if isinstance(read, Statement):
        if not tool.proofs:
            yield read
        return
    if tool.proofs and not tool.proofs & read.data.keys():
        return
    for path, value in _walk(read.data, ()):
        yield from _read_value(source, tool, read, path, value)


def _walk(value: object, path: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _walk(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _walk(item, (*path, index)) if not isinstance(item, dict) else [((*path, index), item)]
    elif value is not None:
        yield path, value


def _read_value(source: ToolFile, tool: Tool, read: Document, path: KeyPath, value: object) -> Iterator[Statement]:
    number = read.locate(path).line
    names = [str(step) for step in path if isinstance(step, str)]
    known = next((".".join(names[:n]) for n in range(len(names), 0, -1) if ".".join(names[:n]) in tool.keys), "")
    text = f"{'.'.join(names)}: {'***' if names[0] == 'secrets' else _plain(value)}"
    if known and value == "" and tool.keys[known] != "environment":
        # `truss init` writes keys without a value, such as requirements_file: "".
        return
    if known:
        yield from _carry(source, number, text, tool.keys[known], (names[-1], value))
        return
    ways = [".".join(names[:n]) for n in range(len(names), 0, -1)]
    why = next(
        (tool.why[way] for way in ways if way in tool.why), f"a spec has no equivalent of this key of {tool.name}"
    )
    yield source.leave(number, text, why, matters=not any(way in tool.harmless for way in ways))


def _carry(source: ToolFile, number: int, text: str, key: str, found: tuple[str, object]) -> Iterator[Statement]:
    name, value = found
    word = _plain(value)
    if key == "requirements":
        yield from read_pip_words(source, number, word)
    elif key == "apt":
        yield from carry_debian_package(source, number, word)
    elif key == "file":
        yield source.carry(number, text, "requirements", word.removeprefix("./"))
    elif key == "environment":
        # A variable is written NAME=VALUE, as an entry {name: NAME, value: VALUE}, or NAME: VALUE.
        if isinstance(value, dict):
            name, word = str(value.get("name", "")), str(value.get("value", ""))
        elif re.match(r"[A-Za-z_]\w*=", word):
            name, _, word = word.partition("=")
        yield carry_variable(source, number, text, name, word)
    elif key == "accelerator":
        if word != "false":
            cuda = re.match(r"\d+\.\d+", word)
            yield source.carry(number, text, key, f"cuda{cuda[0]}" if cuda else "cuda")
    else:
        yield source.carry(number, text, key, word)


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_plain(item)}" for key, item in value.items())
    return str(value)
