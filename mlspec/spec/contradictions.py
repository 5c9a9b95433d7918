"""Contradictions between keys, which the types of single keys cannot find."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mlspec.errors import Problem, Replace, quote_value
from mlspec.facts.image_reference import names_registry
from mlspec.spec.targets import CLUSTER_TARGETS
from mlspec.text import did_you_mean, slip

if TYPE_CHECKING:
    from mlspec.spec.spec import Image


def find_contradictions(image: Image, name: str | None) -> Iterator[Problem]:
    """Yield the contradictions of an image; ``name`` is the name in its spec, if it has one."""
    yield from image.find_context_problems()
    yield from _mount_conflicts(image)
    yield from _path_variable(image)
    yield from _unknown_secrets(image)
    yield from _accelerator_conflicts(image)
    yield from _registry_conflicts(image, name)
    yield from _node_conflicts(image)
    settings = image.settings
    if settings.dev and "devcontainer" not in image.targets:
        message = "no file has the packages for developers: only a dev container gets them"
        yield image.problem("MLS146", message, "add: targets: [devcontainer]; or remove dev", "dev")
    if (
        settings.healthcheck
        and settings.healthcheck.path
        and not any(port.protocol == "tcp" for port in settings.ports)
    ):
        hint = 'add the port that answers: ports: ["8000:8000"]'
        message = "the health check uses HTTP, but no port is named"
        yield image.problem("MLS123", message, hint, "healthcheck")


def _node_conflicts(image: Image) -> Iterator[Problem]:
    settings = image.settings
    if settings.nodes == 1:
        return
    if settings.ports:
        message = "a program that publishes ports runs on one machine: nothing would divide its requests"
        yield image.problem("MLS149", message, "remove nodes", "nodes")
    elif not CLUSTER_TARGETS & {*image.targets}:
        message = "no file starts the program on several machines"
        hint = f"add: targets: [{', '.join(sorted(CLUSTER_TARGETS))}], or one of them; or remove nodes"
        yield image.problem("MLS149", message, hint, "nodes")


def _registry_conflicts(image: Image, name: str | None) -> Iterator[Problem]:
    if image.settings.registry and name and names_registry(name):
        place, _, own = name.rpartition("/")
        message = f"the name of the image begins with a registry already: {place}"
        yield image.problem("MLS142", message, f"write: name: {own}; or remove registry", "registry")


def _accelerator_conflicts(image: Image) -> Iterator[Problem]:
    settings = image.settings
    # Without an accelerator in the spec, the default decides on packages only: the base image may support GPUs.
    if settings.gpus and settings.accelerator.is_cpu and "accelerator" in settings.model_fields_set:
        message = "the spec asks for GPUs, but the accelerator is the CPU"
        hint = "write: accelerator: cuda; or remove gpus"
        yield image.problem("MLS130", message, hint, "gpus")
    if settings.gpu_models and not settings.accelerator.is_cuda:
        message = f"these are NVIDIA GPUs, but the accelerator is {settings.accelerator}"
        hint = "write: accelerator: cuda; or remove gpu_models"
        yield image.problem("MLS131", message, hint, "gpu_models")


def _path_variable(image: Image) -> Iterator[Problem]:
    if "$" in (image.settings.environment.get("PATH") or ""):
        message = "mlspec does not expand variables in values, so this PATH would contain the text $PATH"
        hint = "write all its folders: PATH: /app/bin:/opt/venv/bin:/usr/local/bin:/usr/bin:/bin"
        yield image.problem("MLS111", message, hint, "environment", "PATH")


def _mount_conflicts(image: Image) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, mount in enumerate(image.settings.mounts):
        if mount.target in seen:
            message = f"{mount.target} is mounted twice"
            yield image.problem("MLS113", message, "keep one", "mounts", index)
        seen.add(mount.target)


def _unknown_secrets(image: Image) -> Iterator[Problem]:
    known = image.settings.secrets
    named = [
        (("run", index, "secrets", number), name)
        for index, step in enumerate(image.settings.run)
        for number, name in enumerate(step.secrets)
    ] + [
        (("indexes", index, "secret"), entry.secret)
        for index, entry in enumerate(image.settings.indexes)
        if entry.secret
    ]
    for path, name in named:
        if name not in known:
            hint = did_you_mean(name, known) or f"add: secrets: [{name}]"
            meant = slip(name, known)
            repairs = (Replace(image.origin(*path), name, meant),) if meant else ()
            yield image.problem("MLS117", f"there is no secret {quote_value(name)}", hint, *path, repairs=repairs)
