"""The import of Truss's config.yaml and BentoML's bentofile.yaml, key by key."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import replace

from mlspec.advice.imports.conda_environment import read_channels, read_dependencies
from mlspec.advice.imports.device_options import read_amount
from mlspec.advice.imports.keyed import Keyed, KeyReader, ignore_because, lose_because, read_keys
from mlspec.advice.imports.listed_steps import read_steps
from mlspec.advice.imports.pip_words import read_index
from mlspec.advice.imports.shared_keys import (
    read_environment,
    read_name,
    read_python,
    read_requirements,
    read_requirements_file,
    read_step,
    read_system_packages,
)
from mlspec.advice.imports.start_words import read_words
from mlspec.advice.imports.verdicts import ImportSource, LineVerdict
from mlspec.advice.imports.yaml_source import parse_yaml, text_of
from mlspec.facts import debian
from mlspec.lock.requirements.sources.source_tables import TomlText
from mlspec.spec import values


def read_truss(source: ImportSource) -> Iterator[LineVerdict]:
    """Yield the verdicts on Truss's config.yaml; raise SpecError if it is not YAML."""
    read = parse_yaml(source)
    if not read.data.get("docker_server"):
        why = "Truss's server calls the model: write a server of your own, and start it with entrypoint"
        yield source.lose(0, "", why)
    yield from read_keys(Keyed(source, read, (), read.data, read.data), _TRUSS, "Truss")


def read_bento(source: ImportSource) -> Iterator[LineVerdict]:
    """Yield the verdicts on a bentofile.yaml; raise SpecError if it is not YAML."""
    read = parse_yaml(source)
    yield from read_keys(Keyed(source, read, (), read.data, read.data), _BENTO, "BentoML")


def read_bento_tables(source: ImportSource, toml: TomlText) -> Iterator[LineVerdict]:
    """Yield the verdicts on `[tool.bentoml.build]` of a pyproject.toml, which has the keys of a bentofile.yaml."""
    path = ("tool", "bentoml", "build")
    build = toml.table(*path)
    yield from read_keys(Keyed(source, toml, path, build, build), _BENTO, "BentoML")


# Truss


def _read_resources(one: Keyed) -> Iterator[LineVerdict]:
    for part in one.pairs():
        if part.name == "use_gpu":
            yield part.carry("accelerator", "cuda") if part.value is True else part.carry("accelerator", "cpu")
        elif part.name == "accelerator" and part.value:
            model, _, count = text_of(part.value).partition(":")
            yield part.change("accelerator", "cuda", f"{model} is NVIDIA's")
            if values.GPU_MODEL.fullmatch(model.lower()):
                yield part.carry("gpu_models", model.lower())
            if count.isdigit() and int(count) > 1:
                yield part.carry("gpus", int(count))
        elif part.value is None:
            yield part.carry(why="the value is empty")
        elif part.name in {"cpu", "memory"}:
            yield read_amount(part.source, part.number, part.text, part.name, text_of(part.value))
        else:
            yield part.lose("the cluster's resources: a spec has no such key")


def _read_secrets(one: Keyed) -> Iterator[LineVerdict]:
    for part in one.pairs():
        name = re.sub(r"\W", "_", part.name).upper()
        shown = replace(part, value=None)
        why = f"a variable of that name, which the caller sets, and not the file /secrets/{part.name}"
        yield shown.change("secrets", name, why)


def _read_base(one: Keyed) -> Iterator[LineVerdict]:
    for part in one.pairs():
        if part.name == "image":
            yield part.guess("base", text_of(part.value), "used as base: it needs the Python of this spec")
        else:
            yield part.lose("a spec has no equivalent of this key of Truss")


def _read_build_commands(one: Keyed) -> Iterator[LineVerdict]:
    for item in one.items():
        yield from read_steps(item, text_of(item.value), "after_code")


def _read_truss_python(one: Keyed) -> Iterator[LineVerdict]:
    found = re.fullmatch(r"py(3)(\d+)", text_of(one.value))
    yield one.carry("python", f"{found[1]}.{found[2]}") if found else one.carry("python", text_of(one.value))


def _read_include(one: Keyed) -> Iterator[LineVerdict]:
    for item in one.items():
        yield item.doubt("include", "a folder beside the project: copy it into the project")


def _read_server(one: Keyed) -> Iterator[LineVerdict]:
    port = text_of(one.value.get("server_port")) if isinstance(one.value, dict) else ""
    for part in one.pairs():
        if part.name == "start_command":
            words = read_words(text_of(part.value).strip())
            yield part.change("entrypoint", words.words, "; ".join(words.changes) or "the program of the image")
        elif part.name == "server_port" and port.isdigit():
            yield part.carry("ports", f"{port}:{port}")
        elif part.name == "readiness_endpoint" and port.isdigit():
            yield part.change("healthcheck", text_of(part.value), "asked on the first of the ports")
        elif part.name == "liveness_endpoint":
            yield part.carry(why="the health check asks")
        else:
            yield part.lose("only a gateway of Truss uses it")


_SERVER = lose_because("only Truss's server uses it: write your own server, and start it with entrypoint")
_TRUSS: dict[str, KeyReader] = {
    "model_name": read_name,
    "python_version": _read_truss_python,
    "requirements": read_requirements,
    "requirements_file": read_requirements_file,
    "system_packages": read_system_packages,
    "environment_variables": read_environment,
    "secrets": _read_secrets,
    "resources": _read_resources,
    "base_image": _read_base,
    "docker_server": _read_server,
    "live_reload": ignore_because("how Truss uploads it, and not the image"),
    "spec_version": ignore_because("the form of this file"),
    "apply_library_patches": ignore_because("how Truss serves, and not the image"),
    "build_commands": _read_build_commands,
    "external_package_dirs": _read_include,
    "model_module_dir": ignore_because("the folders of the code stay as they are"),
    "bundled_packages_dir": ignore_because("the folders of the code stay as they are"),
    "data_dir": ignore_because("the folders of the project stay as they are"),
    "description": ignore_because("about the model, not about the image"),
    "model_metadata": ignore_because("about the model, not about the image"),
    "model_class_name": _SERVER,
    "model_class_filename": _SERVER,
    "model_framework": _SERVER,
    "model_cache": lose_because("write the folder of the weights under mounts"),
    "weights": lose_because("write the folder of the weights under mounts"),
    "external_data": lose_because("download it into a folder under mounts, and check its checksum"),
    "examples_filename": _SERVER,
    "runtime": _SERVER,
}


# BentoML


def _read_service(one: Keyed) -> Iterator[LineVerdict]:
    words = ("bentoml", "serve", text_of(one.value), "--host", "0.0.0.0")  # noqa: S104 - in a container
    yield one.guess("entrypoint", words, "BentoML's own server")
    yield one.guess("requirements", "bentoml", "the server is in this package")
    yield one.guess("ports", "3000:3000", "the port of the server")


def _read_docker(one: Keyed) -> Iterator[LineVerdict]:
    yield from read_keys(one, _DOCKER, "BentoML")


def _read_distro(one: Keyed) -> Iterator[LineVerdict]:
    distro = text_of(one.value)
    if distro == "debian":
        yield one.carry(why="the image is Debian")
    elif debian.debian_release(distro):
        yield one.carry("base", f"slim-{distro}")
    else:
        yield one.change("", None, f"Debian replaces {distro}")


def _read_cuda(one: Keyed) -> Iterator[LineVerdict]:
    found = re.match(r"\d+\.\d+", text_of(one.value))
    yield (
        one.carry("accelerator", f"cuda{found[0]}")
        if found
        else one.guess("accelerator", "cuda", "it names no minor version of CUDA")
    )


def _read_script(one: Keyed) -> Iterator[LineVerdict]:
    path = text_of(one.value).removeprefix("./")
    step = read_step(one, f"sh ./{path}", "after_code")
    yield step.worsen("changed", "it runs after the code is copied")


def _read_python(one: Keyed) -> Iterator[LineVerdict]:
    yield from read_keys(one, _PYTHON, "BentoML")


def _read_index(one: Keyed) -> Iterator[LineVerdict]:
    for item in one.items():
        yield read_index(item.source, item.number, item.text, text_of(item.value))


def _read_base_image(one: Keyed) -> Iterator[LineVerdict]:
    yield one.guess("base", text_of(one.value), "used as base: it needs the Python of this spec")


def _read_included(one: Keyed) -> Iterator[LineVerdict]:
    for item in one.items():
        yield item.change("", None, "mlspec copies the whole project, except ignored files")


def _read_excluded(one: Keyed) -> Iterator[LineVerdict]:
    for item in one.items():
        yield item.doubt("include", f'to leave it out, write include: [., "!{text_of(item.value)}"]')


def _read_conda(one: Keyed) -> Iterator[LineVerdict]:
    yield from read_keys(one, _CONDA, "BentoML")


def _follow_environment(one: Keyed) -> Iterator[LineVerdict]:
    path = posixpath.normpath(posixpath.join(posixpath.dirname(one.source.file), text_of(one.value)))
    if one.source.read(path) is None:
        yield one.doubt("requirements", f"there is no file {path} here")
    else:
        yield replace(one.carry(why=f"read: {path}"), reads=(path,))


_BENTO: dict[str, KeyReader] = {
    "service": _read_service,
    "name": read_name,
    "labels": ignore_because("labels of BentoML's store"),
    "owner": ignore_because("about the bento, not about the image"),
    "description": ignore_because("about the bento, not about the image"),
    "include": _read_included,
    "exclude": _read_excluded,
    "python": _read_python,
    "docker": _read_docker,
    "conda": _read_conda,
    "envs": read_environment,
    "models": lose_because("write the folder of the models under mounts"),
}
_CONDA: dict[str, KeyReader] = {
    "channels": read_channels,
    "dependencies": read_dependencies,
    "pip": read_requirements,
    "environment_yml": _follow_environment,
}
_PYTHON: dict[str, KeyReader] = {
    "packages": read_requirements,
    "requirements_txt": read_requirements_file,
    "lock_packages": ignore_because("mlspec locks packages by itself"),
    "pack_git_packages": ignore_because("mlspec pins packages from git"),
    "index_url": _read_index,
    "extra_index_url": _read_index,
    "pip_args": lose_because("mlspec sets the options of pip"),
    "find_links": lose_because(
        "the files in this place may change: write each as NAME @ https://... under requirements"
    ),
    "trusted_host": lose_because("it turns off the check of certificates"),
    "no_index": lose_because("packages come from an index"),
    "wheels": lose_because("put them where a build can download them: NAME @ https://..."),
}
_DOCKER: dict[str, KeyReader] = {
    "distro": _read_distro,
    "python_version": read_python,
    "cuda_version": _read_cuda,
    "system_packages": read_system_packages,
    "env": read_environment,
    "setup_script": _read_script,
    "base_image": _read_base_image,
    "dockerfile_template": lose_because("a template of BentoML: write its steps under run"),
}
