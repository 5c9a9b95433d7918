"""The import of Dockerfile instructions with a setting of the image: ports, labels, users, signals and others."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from mlspec.advice.draft.readers.instructions import DockerfileInstruction, expand
from mlspec.advice.imports.start_words import exec_form, read_healthcheck
from mlspec.advice.imports.verdicts import ImportSource, LineVerdict
from mlspec.spec import values


def read_setting(
    source: ImportSource, line: DockerfileInstruction, known: Mapping[str, str]
) -> Iterator[LineVerdict] | None:
    """Return the verdicts on an instruction with a setting; None for another instruction.

    ``known`` are the variables that the instruction may use.
    """
    read = _SETTINGS.get(line.name)
    return (replace(verdict, end=max(line.end, line.number)) for verdict in read(source, line, known)) if read else None


def forgive_shell(verdict: LineVerdict) -> LineVerdict:
    """Return the verdict; a SHELL instruction is no loss if no step is left for it."""
    if not verdict.text.startswith("SHELL "):
        return verdict
    return replace(verdict, outcome="carried", why="no step needs it")


def _read_expose(source: ImportSource, line: DockerfileInstruction, known: Mapping[str, str]) -> Iterator[LineVerdict]:
    for word in expand(line.rest, known).split():
        port, _, protocol = word.partition("/")
        value = f"{port}:{port}" + (f"/{protocol}" if protocol == "udp" else "")
        try:
            values.port(value)
            values.port_range(port)
        except values.Refused:
            yield source.doubt(line.number, f"EXPOSE {word}", "ports", "it is not a port")
        else:
            yield source.carry(line.number, f"EXPOSE {word}", "ports", value)


def _read_user(source: ImportSource, line: DockerfileInstruction, known: Mapping[str, str]) -> Iterator[LineVerdict]:
    user = expand(line.rest.strip("\"'"), known)
    if re.fullmatch(r"[1-9]\d*(?::\d+)?", user):
        yield source.carry(line.number, line.text, "user", user)
    else:
        root = user.partition(":")[0] in {"root", "0"}
        why = "steps run as root" if root else "images of mlspec already have a user without privileges"
        yield source.carry(line.number, line.text, why=why)


def _read_label(source: ImportSource, line: DockerfileInstruction, known: Mapping[str, str]) -> Iterator[LineVerdict]:
    found = re.findall(r"""("[^"]+"|[^\s="]+)=("(?:[^"\\]|\\.)*"|'[^']*'|\S*)""", line.rest)
    if not found:
        name, _, value = line.rest.partition(" ")
        found = [(name, value)]
    for name, value in found:
        text = expand(value.strip("\"'"), known)
        pair = name.strip("\"'"), text
        yield source.carry(line.number, f"LABEL {name}={value}", "labels", pair)


def _read_maintainer(source: ImportSource, line: DockerfileInstruction, _: Mapping[str, str]) -> Iterator[LineVerdict]:
    pair = "org.opencontainers.image.authors", line.rest.strip("\"'")
    yield source.change(line.number, line.text, "labels", pair, "a label of OCI")


def _read_health(source: ImportSource, line: DockerfileInstruction, _: Mapping[str, str]) -> Iterator[LineVerdict]:
    yield read_healthcheck(source, line)


def _read_volume(source: ImportSource, line: DockerfileInstruction, known: Mapping[str, str]) -> Iterator[LineVerdict]:
    for path in exec_form(line.rest) or expand(line.rest, known).split():
        mount = f"{values.slug(path)}:{path}"
        why = "a volume of that name; a folder of the host would be ./NAME"
        yield source.guess(line.number, f"VOLUME {path}", "mounts", mount, why)


def _read_signal(source: ImportSource, line: DockerfileInstruction, _: Mapping[str, str]) -> Iterator[LineVerdict]:
    yield source.carry(line.number, line.text, "stop_signal", line.rest.strip())


def _read_shell(source: ImportSource, line: DockerfileInstruction, _: Mapping[str, str]) -> Iterator[LineVerdict]:
    words = exec_form(line.rest) or []
    is_bash = any(word.endswith("bash") for word in words)
    way = ": if a step needs bash, write bash -c '...'" if is_bash else ""
    yield source.lose(line.number, line.text, f"sh runs the steps{way}")


_SETTINGS: dict[str, Callable[[ImportSource, DockerfileInstruction, Mapping[str, str]], Iterator[LineVerdict]]] = {
    "EXPOSE": _read_expose,
    "USER": _read_user,
    "LABEL": _read_label,
    "MAINTAINER": _read_maintainer,
    "HEALTHCHECK": _read_health,
    "VOLUME": _read_volume,
    "STOPSIGNAL": _read_signal,
    "SHELL": _read_shell,
}
