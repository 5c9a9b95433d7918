"""The readers of small files: those of repo2docker, Compose files, devcontainers, and other tools' locks."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mlspec.advice.draft.readers.conda import parse_yaml
from mlspec.advice.draft.readers.statements import BUILD_STEP, Statement, ToolFile, carry_debian_package
from mlspec.spec.banner import MARK


def read_apt_txt(source: ToolFile) -> Iterator[Statement]:
    """Yield the Debian packages of repo2docker's apt.txt."""
    for number, line in enumerate(source.text.splitlines(), 1):
        for word in line.partition("#")[0].split():
            yield from carry_debian_package(source, number, word)


def read_runtime_txt(source: ToolFile) -> Iterator[Statement]:
    """Yield the Python of a runtime.txt of repo2docker or Heroku."""
    for number, line in enumerate(source.text.splitlines(), 1):
        if text := line.strip():
            if text.lower().startswith("r-"):
                yield source.leave(number, text, "it asks for R; mlspec makes Python images")
            else:
                yield source.carry(number, text, "python", text)


def read_python_version(source: ToolFile) -> Iterator[Statement]:
    """Yield the Pythons of .python-version, in their order."""
    lines = enumerate(source.text.splitlines(), 1)
    named = [(number, line.strip()) for number, line in lines if line.strip() and not line.strip().startswith("#")]
    for number, text in named:
        yield source.carry(number, text, "python", text)


def read_script(source: ToolFile) -> Iterator[Statement]:
    """Yield that a script of repo2docker is left out: a build step, or a script that runs before the program."""
    is_start = source.file.endswith("start")
    why = "it runs before the program: call it in entrypoint" if is_start else BUILD_STEP
    yield source.leave(0, "", why)


def read_compose(source: ToolFile) -> Iterator[Statement]:
    """Yield the services of a Compose file; a spec describes only services that are built here."""
    if MARK in source.text:
        return
    read = parse_yaml(source)
    if isinstance(read, Statement):
        yield read
        return
    services = read.data.get("services")
    for name, service in services.items() if isinstance(services, dict) else ():
        number = read.locate(("services", name), on_key=True).line
        if isinstance(service, dict) and "build" not in service:
            yield source.leave(number, f"service {name}", "a ready-made image", matters=False)
        else:
            keys = ", ".join(service) if isinstance(service, dict) else ""
            why = f"copy what it needs by hand ({keys}); most keys have the same name in a spec"
            yield source.leave(number, f"service {name}", why)
    if not isinstance(services, dict):
        yield source.leave(0, "", "it has no services")


_DEVCONTAINER = re.compile(
    r'^\s*"(features|\w+Command|containerEnv|remoteEnv|runArgs|mounts|image|build|dockerFile|dockerComposeFile)"\s*:'
)
_ALSO_HARMLESS = {"image", "build", "dockerFile", "dockerComposeFile", "runArgs", "mounts"}


def read_devcontainer(source: ToolFile) -> Iterator[Statement]:
    """Yield the keys of a devcontainer that add something to its image."""
    if MARK in source.text:
        return
    yield source.leave(0, "", "it describes the container of an editor", matters=False)
    for number, line in enumerate(source.text.splitlines(), 1):
        if found := _DEVCONTAINER.match(line):
            why = "add it to the spec, if the program needs it outside the editor, too"
            yield source.leave(number, line.strip().rstrip(","), why, matters=found[1] not in _ALSO_HARMLESS)


def read_other_lock(source: ToolFile) -> Iterator[Statement]:
    """Yield that the pins of another tool's lock are not taken; ``explain_locks`` drops this for a named lock."""
    yield source.leave(0, "", "mlspec does not take its pins, and locks again")


def read_nothing(source: ToolFile) -> Iterator[Statement]:
    """Yield that a file is not read."""
    yield source.leave(0, "", "mlspec does not read it: add what the program needs by hand")
