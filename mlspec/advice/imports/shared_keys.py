"""The readers of keys that several tools share under various names: packages, variables, steps and names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from mlspec.advice.draft.readers.instructions import expand, find_variables
from mlspec.advice.imports.keyed import Keyed
from mlspec.advice.imports.pip_words import read_list, read_pip_entry
from mlspec.advice.imports.system_packages import read_debian_package
from mlspec.advice.imports.variables import read_variable
from mlspec.advice.imports.verdicts import LineVerdict, spread
from mlspec.advice.imports.yaml_source import text_of
from mlspec.spec import values

DOWNLOADS = re.compile(r"\b(?:curl|wget)\b")
TARGET = "--target"
"""The name of the stage to build, among the build arguments."""
_CHECKED = re.compile(r"sha\d+sum|md5sum|gpg|openssl dgst")


def read_requirements(one: Keyed) -> Iterator[LineVerdict]:
    """Yield the verdicts on a list in pip's syntax."""
    for item in one.items():
        for verdict in read_pip_entry(item.source, item.number, text_of(item.value)):
            yield spread(verdict, item.end)


def read_requirements_file(one: Keyed) -> Iterator[LineVerdict]:
    """Yield the verdict on the name of a requirement file; the file itself is read later."""
    name = text_of(one.value)
    if name.endswith("pyproject.toml"):
        yield one.carry("requirements", name.removeprefix("./"))
    else:
        yield from read_list(one.source, one.number, one.text, name)


def read_system_packages(one: Keyed) -> Iterator[LineVerdict]:
    """Yield the verdicts on a list of Debian packages."""
    for item in one.items():
        for word in text_of(item.value).split():
            yield from read_debian_package(item.source, item.number, word)


def read_environment(one: Keyed) -> Iterator[LineVerdict]:
    """Yield the verdicts on variables: a mapping, a list of NAME=VALUE, or a list of {name: NAME, value: VALUE}."""
    if isinstance(one.value, dict):
        for pair in one.pairs():
            text = None if pair.value is None else text_of(pair.value)
            yield read_variable(pair.source, pair.number, pair.text, str(pair.path[-1]), text)
        return
    for item in one.items():
        if isinstance(item.value, dict):
            name, value = str(item.value.get("name", "")), item.value.get("value")
            yield spread(
                read_variable(item.source, item.number, item.text, name, None if value is None else text_of(value)),
                item.end,
            )
        else:
            name, equals, value = text_of(item.value).partition("=")
            yield read_variable(item.source, item.number, item.text, name, value if equals else None)


def read_expanded_environment(one: Keyed) -> Iterator[LineVerdict]:
    """Yield the verdicts on variables that may use earlier ones, as in ENV of a Dockerfile."""
    known = dict[str, str]()
    for verdict in read_environment(one):
        if verdict.key != "environment" or verdict.value is None or "$" not in str(verdict.value[1]):
            if verdict.key == "environment" and verdict.value:
                known[verdict.value[0]] = verdict.value[1] or ""
            yield verdict
            continue
        name, written = verdict.value
        value = known[name] = expand(written, known)
        if any(find_variables(value)):
            yield replace(verdict, outcome="unsure", value=None, why="it uses a variable that is not set here")
        else:
            yield replace(verdict, value=(name, value)).worsen("changed", "with the variables in it")


def read_name(one: Keyed) -> Iterator[LineVerdict]:
    """Yield the verdict on the name of a project."""
    name = text_of(one.value)
    slug = values.slug(name)
    yield one.carry("name", name) if slug == name else one.change("name", slug, "changed to a valid image name")


def read_python(one: Keyed) -> Iterator[LineVerdict]:
    """Yield the verdict on a Python, from its text in the file: as a number, 3.10 would be 3.1."""
    written = text_of(one.value)
    if written == "3.1":
        yield one.change("python", "3.10", "3.1 is 3.10, which YAML read as a number")
    else:
        yield one.carry("python", written)


def list_arguments(value: object) -> tuple[tuple[str, str], ...]:
    """Return the build arguments of a mapping, or of a list of NAME=VALUE; those without a value are the caller's."""
    if isinstance(value, dict):
        rows = [(str(name), "" if text is None else text_of(text)) for name, text in value.items()]
    else:
        rows = [text_of(item).partition("=")[::2] for item in value] if isinstance(value, list) else []
    return tuple((name, text) for name, text in rows if text and "$" not in text)


def read_step(
    one: Keyed, command: str, at: str = "after_install", more: Mapping[str, object] | None = None
) -> LineVerdict:
    """Return the verdict on a step of a build."""
    command = command.rstrip()
    value = {"command": command, **({} if at == "after_install" else {"at": at}), **(more or {})}
    if not command.strip():
        return one.carry(why="it has no command")
    if refused := refuse_script(command):
        return one.doubt("run", refused)
    if DOWNLOADS.search(command) and "http" in command and not _CHECKED.search(command):
        return one.change("run", value, "it does not check the checksum of the file that it downloads")
    return one.carry("run", value)


def refuse_script(command: str) -> str:
    """Return the reason why a spec refuses a command; empty if it accepts the command."""
    try:
        values.script(command)
    except values.Refused as refused:
        return str(refused)
    return ""
