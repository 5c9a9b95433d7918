"""The observations that the doctor judges, made in parallel, each with a time limit."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mlspec.advice.doctor.observations import (
    Builder,
    DockerCommand,
    Engine,
    Host,
    Need,
    Observations,
    PodmanFacts,
    Probe,
)
from mlspec.host import machine
from mlspec.host.engine import engine, podman
from mlspec.host.network import probes, registry
from mlspec.host.network.user_configuration import certificate_file, configuration, examine_configuration

if TYPE_CHECKING:
    from mlspec.targets.run_caller import EngineName

# Seconds for all probes together: the probe of an engine behind ssh may use up its own limit.
_PATIENCE = 12
_ANSWER = 4
# The base image to look up if no spec names a base image. pip knows the address of the default package index.
_BASE = "python:3.12-slim"

Observation = Host | DockerCommand | Engine | Builder | PodmanFacts | Probe
_DOCKER: Mapping[str, Callable[[], Observation]] = {
    "command": lambda: engine.command(),
    "engine": lambda: engine.examine_engine(),
    "builder": lambda: engine.builder(),
}
_PODMAN: Mapping[str, Callable[[], Observation]] = {"podman": podman.examine_podman}


def gather(
    folder: Path,
    needs: Iterable[Need],
    *,
    bases: Iterable[str] = (),
    indexes: Iterable[str] = (),
    offline: bool = False,
    engine_name: EngineName = "docker",
) -> Observations:
    """Return the observations of this host, its engine and, unless ``offline``, the network; never raises.

    ``folder`` is the project folder. ``bases`` are the base images of the specs. ``indexes`` are the addresses of their
    package indexes besides the default index.
    """
    own = examine_configuration()
    tasks: dict[str, Callable[[], Observation]] = {
        "host": lambda: machine.examine_host(folder.resolve()),
        **(_PODMAN if engine_name == "podman" else _DOCKER),
    }
    # The addresses to probe come from the configuration, so a configuration with problems allows no probe.
    if not offline and not own.problems:
        # Call this function here, once, and not in each thread: the function writes the certificates to a file.
        certificate_file()
        tasks["index"] = lambda: probes.answer("package index", (_index(),), _ANSWER)
        for url in dict.fromkeys(indexes):
            tasks[f"index {url}"] = functools.partial(_own_index, url)
        for base in dict.fromkeys(bases) or (_BASE,):
            tasks[f"registry of {base}"] = functools.partial(_registry, base)
    found = probes.at_once(tasks, _PATIENCE)
    return replace(_gather(found, tasks, tuple(needs)), own=own)


def _gather(found: dict[str, Observation], asked: Collection[str], needs: tuple[Need, ...]) -> Observations:
    this, command, answering, builder = (found.get(name) for name in ("host", "command", "engine", "builder"))
    podman_ = found.get("podman")
    if isinstance(podman_, PodmanFacts) or "podman" in asked:
        return Observations(
            host=this if isinstance(this, Host) else machine.here(),
            command=DockerCommand(),
            engine=Engine(),
            podman=podman_ if isinstance(podman_, PodmanFacts) else PodmanFacts(),
            answers=_list_answers(found, asked),
            needs=needs,
        )
    late = Engine(address=os.environ.get("DOCKER_HOST", ""), silence="unreached", words="it did not answer in time")
    engine_ = answering if isinstance(answering, Engine) else late
    command_ = command if isinstance(command, DockerCommand) else DockerCommand()
    # Without an engine or buildx there is no builder, and the doctor already reports the missing engine or buildx.
    is_there = isinstance(builder, Builder) and engine_.version and command_.buildx
    return Observations(
        host=this if isinstance(this, Host) else machine.here(),
        command=command_,
        engine=engine_,
        builder=builder if is_there and isinstance(builder, Builder) else None,
        answers=_list_answers(found, asked),
        needs=needs,
    )


def _list_answers(found: dict[str, Observation], asked: Collection[str]) -> tuple[Probe, ...]:
    """Return the answers of the places on the network, each once."""
    return tuple(dict.fromkeys(_answer(name, found) for name in asked if name.startswith(("index", "registry"))))


def _answer(name: str, found: dict[str, Observation]) -> Probe:
    fact = found.get(name)
    place = "package index" if name.startswith("index") else "registry"
    late = Probe(place=place, host="its address", state="silent", words="it did not answer in time")
    return fact if isinstance(fact, Probe) else late


def _registry(base: str) -> Probe:
    return probes.answer("registry", registry.addresses(base), _ANSWER)


def _index() -> str:
    from pip._internal.models.index import PyPI

    # Ask for the page of one package: the page of all packages has 40 MB.
    return f"{(configuration().index_url or PyPI.simple_url).rstrip('/')}/pip/"


def _own_index(url: str) -> Probe:
    asked = configuration().index(url)
    answer = probes.answer("package index", (f"{asked.rstrip('/')}/pip/",), _ANSWER)
    # Messages name a mirror by the mirror's own address.
    return replace(answer, index=url if asked == url else "")
