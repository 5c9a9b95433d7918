"""The import of a service of a Compose file: most keys have the same name in a spec."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from mlspec.advice.imports.device_options import read_amount, read_device, read_group
from mlspec.advice.imports.keyed import Keyed, KeyReader, ignore_because, lose_because, read_keys
from mlspec.advice.imports.mounted_paths import read_volume
from mlspec.advice.imports.parent_images import read_parent
from mlspec.advice.imports.pip_words import PipWord
from mlspec.advice.imports.run_options import read_run_option
from mlspec.advice.imports.shared_keys import TARGET, list_arguments, read_environment, read_name
from mlspec.advice.imports.start_words import read_words, simplify
from mlspec.advice.imports.verdicts import ImportSource, LineVerdict, spread
from mlspec.advice.imports.yaml_source import items_of, parse_yaml, text_of
from mlspec.spec import values


def read_compose(source: ImportSource) -> Iterator[LineVerdict]:
    """Yield the verdicts on a Compose file; raise SpecError if it is not YAML."""
    read = parse_yaml(source)
    yield from read_keys(Keyed(source, read, (), read.data, read.data), _TOP, "Compose")


def _read_services(one: Keyed) -> Iterator[LineVerdict]:
    services = list(one.pairs())
    built = [service for service in services if isinstance(service.value, dict) and "build" in service.value]
    chosen = built or [service for service in services[:1] if isinstance(service.value, dict)]
    for service in services:
        if service not in chosen:
            yield service.carry(why="a published image: keep it in a Compose file of your own")
            continue
        image = values.slug(service.name) if len(chosen) > 1 else ""
        yield from (replace(verdict, image=image) for verdict in read_keys(service, _SERVICE, "Compose"))


def _read_build(one: Keyed) -> Iterator[LineVerdict]:
    if not isinstance(one.value, dict):
        yield _follow_dockerfile(one, text_of(one.value), "Dockerfile")
        return
    context = text_of(one.value.get("context")) or "."
    for part in one.pairs():
        if part.name == "dockerfile":
            yield _follow_dockerfile(part, context, text_of(part.value), one.value)
        elif part.name == "context":
            named = "dockerfile" in one.value
            yield (
                part.carry(why="the folder of the build")
                if named
                else _follow_dockerfile(part, context, "Dockerfile", one.value)
            )
        elif part.name == "target" and _has_stage(one, context, text_of(part.value)):
            yield part.carry(why="the stage that mlspec reads")
        elif part.name == "args":
            yield from _read_arguments(part)
        else:
            yield part.lose("a setting of the build, which a spec does not have")


def _read_arguments(one: Keyed) -> Iterator[LineVerdict]:
    known = dict(list_arguments(one.value))
    for item in one.pairs() if isinstance(one.value, dict) else one.items():
        name = item.name if isinstance(one.value, dict) else text_of(item.value).partition("=")[0]
        is_known = name in known
        why = (
            "given to the Dockerfile"
            if is_known
            else "a build argument of the caller: write its value where it is used"
        )
        yield item.carry(why=why) if is_known else item.lose(why)


def _has_stage(one: Keyed, context: str, name: str) -> bool:
    text = one.source.read(_dockerfile_of(one, context, text_of(one.value.get("dockerfile")) or "Dockerfile"))
    stages = re.findall(r"(?im)^\s*FROM\s+.*?(?:\sAS\s+(\S+))?\s*$", text or "")
    return name.lower() in map(str.lower, stages)


def _dockerfile_of(one: Keyed, context: str, name: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(one.source.file), context, name))


def _follow_dockerfile(one: Keyed, context: str, name: str, build: Mapping[str, Any] | None = None) -> LineVerdict:
    path = _dockerfile_of(one, context, name)
    if one.source.read(path) is None:
        if path.startswith("../"):
            why = f"the build copies from {context}: write context: {context}, and import its Dockerfile as well"
            return one.doubt("context", why)
        return one.carry(why=f"to import that file too: mlspec import {path}")
    given = build or {}
    arguments = (*list_arguments(given.get("args")), (TARGET, text_of(given.get("target"))))
    return replace(one.carry(why=f"read: {path}"), reads=(path,), arguments=arguments)


def _read_plain(one: Keyed) -> Iterator[LineVerdict]:
    yield one.carry(str(one.path[-1]), one.value)


def _read_list(one: Keyed) -> Iterator[LineVerdict]:
    for item in one.items():
        yield item.carry(str(one.path[-1]), item.value)


_MOUNT_KEYS = {"type", "source", "target", "read_only"}


def _read_volumes(one: Keyed) -> Iterator[LineVerdict]:
    for item in one.items():
        if isinstance(item.value, dict):
            kept = {
                name: value for name, value in item.value.items() if name in {"type", "source", "target", "read_only"}
            }
            lost = sorted(item.value.keys() - kept.keys())
            yield item.change("mounts", kept, f"without {', '.join(lost)}") if lost else item.carry("mounts", kept)
        else:
            yield spread(read_volume(item.source, item.number, item.text, text_of(item.value)), item.end)


def _read_command(one: Keyed) -> Iterator[LineVerdict]:
    key = str(one.path[-1])
    words = [text_of(word) for word in items_of(one.value)] if isinstance(one.value, list) else None
    found = simplify(words) if words is not None else read_words(text_of(one.value))
    if "$" in " ".join(found.words).replace("$$", ""):
        yield one.doubt(key, "it contains a variable of Compose, and a spec has the same values everywhere")
    elif found.changes:
        yield one.change(key, found.words, "; ".join(found.changes))
    else:
        yield one.carry(key, found.words)


def _read_deploy(one: Keyed) -> Iterator[LineVerdict]:
    for part in one.pairs():
        if part.name != "resources":
            yield part.lose("the cluster's resources: a spec has no such key")
            continue
        for kind in part.pairs():
            for amount in kind.pairs():
                yield from _read_resource(kind.name, amount)


def _read_resource(kind: str, one: Keyed) -> Iterator[LineVerdict]:
    if kind == "limits" and one.name in {"cpus", "memory"}:
        yield _read_amount(one)
    elif one.name == "devices":
        for item in one.items():
            yield from _read_gpus(item)
    else:
        yield one.lose("a spec has limits of processors and memory only")


def _read_amount(one: Keyed) -> LineVerdict:
    return read_amount(one.source, one.number, one.text, one.name, text_of(one.value))


def _read_gpus(item: Keyed) -> Iterator[LineVerdict]:
    devices = item.value if isinstance(item.value, dict) else {}
    count = devices.get("count")
    ids = devices.get("device_ids")
    value = {"device_ids": ids} if ids else int(str(count)) if str(count).isdigit() else "all"
    yield item.change("gpus", value, "the devices are GPUs")
    yield replace(item.change("accelerator", "cuda", "the devices are NVIDIA GPUs"), end=item.number)


def _read_user(one: Keyed) -> Iterator[LineVerdict]:
    user = text_of(one.value)
    if re.fullmatch(r"\d+(?::\d+)?", user):
        yield one.carry("user", user)
    else:
        yield one.carry(why="images of mlspec already have a user without privileges")


def _read_environment(one: Keyed) -> Iterator[LineVerdict]:
    for verdict in read_environment(one):
        value = verdict.value[1] if verdict.key == "environment" and verdict.value else None
        yield _interpolate(verdict, str(value)) if value and "$" in str(value) else verdict


def _interpolate(verdict: LineVerdict, value: str) -> LineVerdict:
    """Return the verdict on a variable whose value Compose completes from the caller's variables."""
    name = verdict.value[0]
    if re.fullmatch(rf"\$(?:{re.escape(name)}|\{{{re.escape(name)}\}})", value):
        return replace(verdict, value=(name, None)).worsen("changed", "the caller of a run sets it")
    if found := re.fullmatch(rf"\$\{{{re.escape(name)}:?-([^${{}}]*)\}}", value):
        why = "the default of the file: another value is a variable without a value, which the caller sets"
        return replace(verdict, value=(name, found[1])).worsen("changed", why)
    if "$" not in value.replace("$$", ""):
        return replace(verdict, value=(name, value.replace("$$", "$"))).worsen("changed", "$$ is $ in Compose")
    why = "it holds a variable of the caller: name it without a value, and set it where the image is run"
    return replace(verdict, outcome="unsure", value=None, why=why)


def _read_image(one: Keyed) -> Iterator[LineVerdict]:
    service = one.top.get("services", {}).get(one.path[1], {})
    if "build" in service or "$" in text_of(one.value):
        yield one.carry(why="the image that is built")
    else:
        yield from read_parent(one.source, one.number, text_of(one.value))


def _read_devices(one: Keyed) -> Iterator[LineVerdict]:
    for item in one.items():
        yield from read_device(item.source, item.number, item.text, text_of(item.value))


def _read_groups(one: Keyed) -> Iterator[LineVerdict]:
    for item in one.items():
        yield from read_group(item.source, item.number, item.text, text_of(item.value))


def _read_secrets(one: Keyed) -> Iterator[LineVerdict]:
    for item in one.items():
        name = re.sub(r"\W", "_", text_of(item.value)).upper()
        yield item.change("secrets", name, "a variable of that name, which the caller sets")


def _read_labels(one: Keyed) -> Iterator[LineVerdict]:
    for pair in one.pairs():
        yield pair.carry("labels", (pair.name, text_of(pair.value)))
    for item in one.items() if isinstance(one.value, list) else ():
        name, _, value = text_of(item.value).partition("=")
        yield item.carry("labels", (name, value))


def _read_limits(one: Keyed) -> Iterator[LineVerdict]:
    for pair in one.pairs():
        yield pair.carry("ulimits", (pair.name, pair.value))


_NOT_OF_AN_IMAGE = lose_because("it is about services, not about an image")
_START = ignore_because("about the start, not about the image")
_SERVICE: dict[str, KeyReader] = {
    "build": _read_build,
    "image": _read_image,
    "environment": _read_environment,
    "env_file": _read_list,
    "ports": _read_list,
    "expose": ignore_because("for other services"),
    "volumes": _read_volumes,
    "command": _read_command,
    "entrypoint": _read_command,
    "working_dir": _read_plain,
    "user": _read_user,
    "shm_size": _read_plain,
    "init": _read_plain,
    "read_only": _read_plain,
    "tmpfs": _read_list,
    "healthcheck": _read_plain,
    "gpus": _read_plain,
    "devices": _read_devices,
    "group_add": _read_groups,
    "ulimits": _read_limits,
    "labels": _read_labels,
    "secrets": _read_secrets,
    "stop_signal": _read_plain,
    "stop_grace_period": _read_plain,
    "platform": lambda one: iter([one.carry("platforms", text_of(one.value))]),
    "deploy": _read_deploy,
    "ipc": lambda one: read_run_option(one.source, [PipWord(f"--ipc={text_of(one.value)}", one.number)]),
    "cpus": lambda one: iter([_read_amount(one)]),
    "mem_limit": lambda one: iter([_read_amount(one)]),
    "container_name": ignore_because("mlspec run names the container"),
    "develop": ignore_because("mlspec dev restarts the program after an edit"),
    "pull_policy": _START,
    "profiles": _START,
    "stdin_open": _START,
    "tty": _START,
    "restart": lose_because("it is about services: keep it in a Compose file of your own"),
    "depends_on": _NOT_OF_AN_IMAGE,
    "networks": _NOT_OF_AN_IMAGE,
    "network_mode": _NOT_OF_AN_IMAGE,
    "runtime": lambda one: iter([one.change("gpus", "all", "NVIDIA's runtime gives all GPUs")]),
}
_TOP: dict[str, KeyReader] = {
    "services": _read_services,
    "version": ignore_because("Compose ignores it"),
    "name": read_name,
    "volumes": ignore_because("Docker makes volumes when they are first used"),
    "networks": _NOT_OF_AN_IMAGE,
    "secrets": ignore_because("secrets are variables of the caller"),
    "configs": _NOT_OF_AN_IMAGE,
}
