"""The import of Cog's cog.yaml, key by key: github.com/replicate/cog, docs/yaml.md."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import replace

from mlspec.advice.imports.keyed import Keyed, KeyReader, ignore_because, lose_because, read_keys
from mlspec.advice.imports.listed_steps import read_steps
from mlspec.advice.imports.shared_keys import (
    read_expanded_environment,
    read_name,
    read_python,
    read_requirements,
    read_requirements_file,
    read_system_packages,
)
from mlspec.advice.imports.verdicts import ImportSource, LineVerdict
from mlspec.advice.imports.yaml_source import parse_yaml, text_of

SERVER = "python -m cog.server.http"


def read_cog(source: ImportSource) -> Iterator[LineVerdict]:
    """Yield the verdicts on a cog.yaml; raise SpecError if it is not YAML."""
    read = parse_yaml(source)
    top = Keyed(source, read, (), read.data, read.data)
    if _is_first_form(read.data):
        yield from read_keys(top, {**_TOP, "environment": _read_build, "model": _read_predict}, "Cog")
        return
    if "build" not in read.data and not {"predict", "run", "image"} & read.data.keys():
        yield source.lose(0, "", "it has no key build, so it does not describe an image")
    yield from read_keys(top, _TOP, "Cog")


def _is_first_form(data: Mapping[str, object]) -> bool:
    """Return whether a file is of Cog before 0.1, where ``environment`` was ``build`` and ``model`` was ``predict``."""
    environment = data.get("environment")
    return "build" not in data and isinstance(environment, dict) and bool(environment.keys() & _BUILD.keys())


def _read_build(one: Keyed) -> Iterator[LineVerdict]:
    yield from read_keys(one, _BUILD, "Cog")


def _read_gpu(one: Keyed) -> Iterator[LineVerdict]:
    written = text_of(one.value).lower()
    if written in {"true", "yes", "on"}:
        yield one.carry("accelerator", "cuda")
    elif written in {"false", "no", "off"}:
        yield one.carry("accelerator", "cpu")
    else:
        yield one.doubt("accelerator", "it is neither true nor false")


def _read_cuda(one: Keyed) -> Iterator[LineVerdict]:
    found = re.match(r"(\d+\.\d+)", text_of(one.value))
    if not found:
        yield one.guess("accelerator", "cuda", "it names no minor version of CUDA")
    elif found[1] == text_of(one.value):
        yield one.carry("accelerator", f"cuda{found[1]}")
    else:
        yield one.change("accelerator", f"cuda{found[1]}", "the minor version decides which wheels fit")


def _read_run(one: Keyed) -> Iterator[LineVerdict]:
    for item in one.items():
        if isinstance(item.value, dict):
            yield from _read_run_mapping(item)
        else:
            command, cache, secrets = split_mounts(text_of(item.value))
            more = {name: value for name, value in (("cache", cache), ("secrets", secrets)) if value}
            yield from read_steps(item, command, more=more)
            yield from (replace(item.carry("secrets", name), end=item.number) for name in secrets)


def split_mounts(command: str) -> tuple[str, list[str], list[str]]:
    """Return a command without BuildKit's mounts in front, the folders of its caches, and the names of its secrets."""
    cache, secrets = list[str](), list[str]()
    while found := re.match(r"\s*--mount=(\S+)\s*", command):
        parts = dict(part.partition("=")[::2] for part in found[1].split(","))
        if parts.get("type") == "cache":
            cache.append(parts.get("target") or parts.get("dst") or "")
        elif parts.get("type") == "secret":
            secrets.append(secret_name(parts.get("id", "")))
        command = command[found.end() :]
    return command, list(filter(None, cache)), list(filter(None, secrets))


def secret_name(text: str) -> str:
    """Convert the ID of a secret to the name of a variable."""
    return re.sub(r"\W", "_", text).upper().lstrip("0123456789")


def _read_run_mapping(item: Keyed) -> Iterator[LineVerdict]:
    mounts = item.value.get("mounts") or []
    names = [secret_name(str(mount.get("id", ""))) for mount in mounts if isinstance(mount, dict)]
    names = [name for name in names if name]
    targets = [str(mount["target"]) for mount in mounts if isinstance(mount, dict) and mount.get("target")]
    for verdict in read_steps(item, text_of(item.value.get("command")), more={"secrets": names} if names else {}):
        why = f"the secret is a variable in a step, not the file {', '.join(targets)}"
        yield verdict.worsen("changed", why) if targets and verdict.key == "run" and not verdict.is_loss else verdict
    yield from (replace(item.carry("secrets", name), end=item.number) for name in names)


def _read_pre_install(one: Keyed) -> Iterator[LineVerdict]:
    for item in one.items():
        yield from read_steps(item, text_of(item.value), "before_install")


def _read_sdk(one: Keyed) -> Iterator[LineVerdict]:
    yield one.carry("requirements", f"cog=={text_of(one.value)}")


def _read_predict(one: Keyed) -> Iterator[LineVerdict]:
    file = text_of(one.value).partition(":")[0]
    yield one.guess("entrypoint", tuple(shlex.split(SERVER)), f"Cog's server, which calls {file}")
    yield one.guess("requirements", "cog", "the server is in this package")
    yield one.guess("ports", "5000:5000", "the port of the server")
    if "/src/" in one.source.text:
        yield one.guess("working_dir", "/src", "Cog copies the code there, and the file names paths in it")


def _read_image(one: Keyed) -> Iterator[LineVerdict]:
    name = text_of(one.value).rpartition("/")[2].partition(":")[0]
    yield from read_name(replace(one, value=name))
    yield one.lose(f"name the registry when you build: mlspec build --tag {text_of(one.value)}")


_SERVER_ONLY = "only Cog's server uses it"
_TOP: dict[str, KeyReader] = {
    "build": _read_build,
    "environment": read_expanded_environment,
    "image": _read_image,
    "model": _read_image,
    "predict": _read_predict,
    "run": _read_predict,
    "train": lose_because("a second image: write it under images, with its own entrypoint"),
    "concurrency": lose_because("only Cog's server uses it; a server of your own has an option for it"),
    "weights": lose_because("write the folder of the weights under mounts"),
    "tests": lose_because(_SERVER_ONLY),
    "fast": lose_because(_SERVER_ONLY),
}
_BUILD: dict[str, KeyReader] = {
    "environment": read_expanded_environment,
    "python_version": read_python,
    "gpu": _read_gpu,
    "cuda": _read_cuda,
    "cudnn": ignore_because("packages such as torch include their own cuDNN"),
    "system_packages": read_system_packages,
    "python_packages": read_requirements,
    "python_requirements": read_requirements_file,
    "run": _read_run,
    "pre_install": _read_pre_install,
    "sdk_version": _read_sdk,
    "cog_runtime": lose_because("a spec has no runtime of Cog"),
    "fast": lose_because(_SERVER_ONLY),
}
