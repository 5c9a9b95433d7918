"""The facts that the doctor judges, gathered side by side, each within a bounded number of seconds."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from mlspec.advice.doctor.facts import Builder, DockerCommand, Engine, Facts, Host, Need, Probe
from mlspec.host import machine as host
from mlspec.host.engine import engine
from mlspec.host.network import probes as reach
from mlspec.host.network import registry
from mlspec.host.network.user_configuration import certificate_file, configuration, examine_configuration

# Seconds for all probes together: that of an engine behind ssh may take its whole patience.
_PATIENCE = 12
_ANSWER = 4
# The default package index's address is pip's to know.
_BASE = "python:3.12-slim"

Fact = Host | DockerCommand | Engine | Builder | Probe


def gather(
    folder: Path,
    needs: Iterable[Need],
    *,
    bases: Iterable[str] = (),
    indexes: Iterable[str] = (),
    offline: bool = False,
) -> Facts:
    """Return the facts of this host, its engine and, unless ``offline``, the network; never raises.

    ``folder`` is the project's, ``bases`` are the images that specs are built on, ``indexes`` the addresses that their
    packages come from besides the default index.
    """
    own = examine_configuration()
    tasks: dict[str, Callable[[], Fact]] = {
        "host": lambda: host.examine_host(folder.resolve()),
        "command": engine.command,
        "engine": engine.examine_engine,
        "builder": engine.builder,
    }
    # What to ask is what the configuration says.
    if not offline and not own.problems:
        # Now, and not in each thread: it writes the certificates to a file.
        certificate_file()
        tasks["index"] = lambda: reach.answer("package index", (_index(),), _ANSWER)
        for url in dict.fromkeys(indexes):
            tasks[f"index {url}"] = functools.partial(_own_index, url)
        for base in dict.fromkeys(bases) or (_BASE,):
            tasks[f"registry of {base}"] = functools.partial(_registry, base)
    found = reach.at_once(tasks, _PATIENCE)
    return replace(_facts(found, tasks, tuple(needs)), own=own)


def _facts(found: dict[str, Fact], asked: Iterable[str], needs: tuple[Need, ...]) -> Facts:
    this, command, answering, builder = (found.get(name) for name in ("host", "command", "engine", "builder"))
    late = Engine(address=os.environ.get("DOCKER_HOST", ""), silence="unreached", words="it did not answer in time")
    engine_ = answering if isinstance(answering, Engine) else late
    command_ = command if isinstance(command, DockerCommand) else DockerCommand()
    # A builder without an engine or a buildx is not there, for a reason that is told already.
    is_there = isinstance(builder, Builder) and engine_.version and command_.buildx
    return Facts(
        host=this if isinstance(this, Host) else host.here(),
        command=command_,
        engine=engine_,
        builder=builder if is_there and isinstance(builder, Builder) else None,
        answers=tuple(dict.fromkeys(_answer(name, found) for name in asked if name.startswith(("index", "registry")))),
        needs=needs,
    )


def _answer(name: str, found: dict[str, Fact]) -> Probe:
    fact = found.get(name)
    place = "package index" if name.startswith("index") else "registry"
    late = Probe(place=place, host="its address", state="silent", words="it did not answer in time")
    return fact if isinstance(fact, Probe) else late


def _registry(base: str) -> Probe:
    return reach.answer("registry", registry.addresses(base), _ANSWER)


def _index() -> str:
    from pip._internal.models.index import PyPI

    # One package's page: the page of all of them is 40 MB.
    return f"{(configuration().index_url or PyPI.simple_url).rstrip('/')}/pip/"


def _own_index(url: str) -> Probe:
    asked = configuration().index(url)
    answer = reach.answer("package index", (f"{asked.rstrip('/')}/pip/",), _ANSWER)
    # A mirror is named by its own address.
    return replace(answer, index=url if asked == url else "")
