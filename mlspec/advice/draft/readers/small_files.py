"""Files that are read in part, or named only: what repo2docker, Compose, a devcontainer and locks of others say."""

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
    """Yield the Python of repo2docker's, or Heroku's, runtime.txt."""
    for number, line in enumerate(source.text.splitlines(), 1):
        if text := line.strip():
            if text.lower().startswith("r-"):
                yield source.leave(number, text, "it asks for R; mlspec makes Python images")
            else:
                yield source.carry(number, text, "python", text)


def read_python_version(source: ToolFile) -> Iterator[Statement]:
    """Yield the Python of .python-version: the first that is named."""
    lines = enumerate(source.text.splitlines(), 1)
    named = [(number, line.strip()) for number, line in lines if line.strip() and not line.strip().startswith("#")]
    for number, text in named:
        yield source.carry(number, text, "python", text)


def read_script(source: ToolFile) -> Iterator[Statement]:
    """Yield what a script of repo2docker is: a step, or what starts in front of the program."""
    is_start = source.file.endswith("start")
    why = "it runs before the program: call it from entrypoint" if is_start else BUILD_STEP
    yield source.leave(0, "", why)


def read_compose(source: ToolFile) -> Iterator[Statement]:
    """Yield the services of a Compose file; those that are built here are what a spec describes."""
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
            yield source.leave(number, f"service {name}", "an image of others", matters=False)
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
    """Yield what a devcontainer adds to its image."""
    if MARK in source.text:
        return
    yield source.leave(0, "", "it describes an editor's container", matters=False)
    for number, line in enumerate(source.text.splitlines(), 1):
        if found := _DEVCONTAINER.match(line):
            why = "add it to the spec, if the program needs it outside the editor, too"
            yield source.leave(number, line.strip().rstrip(","), why, matters=found[1] not in _ALSO_HARMLESS)


# How the pins of a lock become a requirement file.
_EXPORTS = {
    "uv.lock": "uv export --no-emit-project -o requirements.txt",
    "poetry.lock": "poetry export -o requirements.txt (it takes poetry-plugin-export)",
    "pdm.lock": "pdm export -o requirements.txt",
    "Pipfile.lock": "pipenv requirements > requirements.txt",
}


def read_other_lock(source: ToolFile) -> Iterator[Statement]:
    """Yield that the pins of another tool's lock are not taken."""
    export = _EXPORTS.get(source.file.rpartition("/")[2], "")
    way = f"; to keep them: {export}" if export else ""
    yield source.leave(0, "", f"its pins are not taken, mlspec locks anew{way}")


def read_nothing(source: ToolFile) -> Iterator[Statement]:
    """Yield that a file is not read."""
    yield source.leave(0, "", "mlspec does not read it: add what the program needs by hand")
