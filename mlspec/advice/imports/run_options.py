"""The import of `docker run` options from a command line, a README or a devcontainer."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Sequence

from mlspec.advice.imports.device_options import read_amount, read_device, read_group
from mlspec.advice.imports.mounted_paths import read_volume
from mlspec.advice.imports.parent_images import read_parent
from mlspec.advice.imports.pip_words import PipWord
from mlspec.advice.imports.start_words import simplify
from mlspec.advice.imports.variables import read_variable
from mlspec.advice.imports.verdicts import ImportSource, LineVerdict
from mlspec.spec import values

_SHORT = {
    "-v": "--volume", "-p": "--publish", "-e": "--env", "-w": "--workdir", "-u": "--user", "-m": "--memory",
    "-h": "--hostname", "-l": "--label", "-c": "--cpu-shares",
}  # fmt: skip
_FLAGS = {
    "--rm", "--init", "--read-only", "--privileged", "--interactive", "--tty", "--detach", "--publish-all",
    "--no-healthcheck", "--sig-proxy", "--oom-kill-disable", "--quiet",
}  # fmt: skip
_NOTHING = {
    "--rm": "mlspec run removes the container", "--interactive": "mlspec run uses a terminal if there is one",
    "--tty": "mlspec run uses a terminal if there is one", "--detach": "about the start, not about the image",
    "--name": "mlspec run names the container", "--pull": "mlspec run builds the image",
    "--restart": "about the start, not about the image", "--quiet": "about the start, not about the image",
    "--hostname": "the container's own name", "--publish-all": "the run publishes the ports of the spec",
}  # fmt: skip
# Images that somebody else builds: what such a container runs on.
_PUBLISHED = re.compile(
    r"(?:docker\.io/(?:library/)?)?(?:python|pytorch/pytorch|nvidia/cuda|tensorflow/tensorflow|jupyter/[\w-]+|nvcr\.io/nvidia/.+)(?::|@|$)"
)
_LOST = {
    "--privileged": "a spec gives no rights on the host: write its GPUs under gpus",
    "--network": "a spec has no networks: use ports", "--net": "a spec has no networks: use ports",
    "--cap-add": "a spec gives no rights on the host",
    "--security-opt": "a spec gives no rights on the host", "--pid": "a spec gives no rights on the host",
    "--add-host": "a spec has no host names",
}  # fmt: skip


def read_run_words(source: ImportSource, words: Sequence[PipWord]) -> Iterator[LineVerdict]:
    """Yield the verdicts on the words of a `docker run`: options, image and command."""
    todo = list(words)
    while todo and todo[0].text.startswith("-"):
        yield from read_run_option(source, todo)
    if not todo:
        return
    image = todo.pop(0)
    is_built = "/" not in image.text or "docker build" in source.text or source.read("Dockerfile") is not None
    if _PUBLISHED.match(image.text) or not is_built:
        yield from read_parent(source, image.number, image.text)
    else:
        yield source.carry(image.number, image.text, why="the image that is built")
    if todo:
        text = " ".join(word.text for word in todo)
        yield source.carry(todo[0].number, text, "command", simplify([word.text for word in todo]).words)
        below = [word for word in todo if word.number != todo[0].number]
        yield from (source.carry(word.number, word.text, why="part of the command") for word in below)


def read_run_option(source: ImportSource, todo: list[PipWord]) -> Iterator[LineVerdict]:
    """Yield the verdicts on the first option in ``todo``, and remove the option and its value from the list."""
    word = todo.pop(0)
    if word.text.startswith("--"):
        name, has_value, value = word.text.partition("=")
    elif re.fullmatch(r"-[itd]+", word.text):
        yield source.carry(word.number, word.text, why="about the start, not about the image")
        return
    else:
        name, value = _SHORT.get(word.text[:2], word.text[:2]), word.text[2:].lstrip("=")
        has_value = value = value.strip()
    if not has_value and name not in _FLAGS and todo:
        value = todo.pop(0).text
    text = f"{name} {value}".strip()
    if name in _NOTHING:
        yield source.carry(word.number, text, why=_NOTHING[name])
    elif name in _LOST:
        yield source.lose(word.number, text, _LOST[name])
    elif read := _OPTIONS.get(name):
        yield from read(source, word.number, text, value)
    else:
        yield source.lose(word.number, text, "a spec has no such option")


def _plain(key: str) -> Callable[[ImportSource, int, str, str], Iterator[LineVerdict]]:
    def read(source: ImportSource, number: int, text: str, value: str) -> Iterator[LineVerdict]:
        yield source.carry(number, text, key, value)

    return read


def _amount(name: str) -> Callable[[ImportSource, int, str, str], Iterator[LineVerdict]]:
    def read(source: ImportSource, number: int, text: str, value: str) -> Iterator[LineVerdict]:
        yield read_amount(source, number, text, name, value)

    return read


def _flag(key: str) -> Callable[[ImportSource, int, str, str], Iterator[LineVerdict]]:
    def read(source: ImportSource, number: int, text: str, _: str) -> Iterator[LineVerdict]:
        yield source.carry(number, text, key, True)

    return read


def read_gpus(source: ImportSource, number: int, text: str, value: str) -> Iterator[LineVerdict]:
    """Yield the verdicts on --gpus."""
    bare = value.strip("\"'")
    if bare.isdigit():
        yield source.carry(number, text, "gpus", int(bare))
    elif found := re.search(r"device=([\w,.:-]+)", bare):
        yield source.carry(number, text, "gpus", {"device_ids": found[1].split(",")})
    else:
        yield source.carry(number, text, "gpus", "all")
    yield source.carry(number, text, "accelerator", "cuda")


def _read_env(source: ImportSource, number: int, text: str, value: str) -> Iterator[LineVerdict]:
    name, equals, found = value.partition("=")
    if name == "DISPLAY":
        yield source.lose(number, text, "a spec has no display")
    elif "$" in found:
        why = "the value of the caller, at each run"
        yield source.change(number, text, "environment", (name, None), why)
    else:
        yield read_variable(source, number, text, name, found if equals else None)


def _read_volume(source: ImportSource, number: int, text: str, value: str) -> Iterator[LineVerdict]:
    yield read_volume(source, number, text, value)


def _read_mount(source: ImportSource, number: int, text: str, value: str) -> Iterator[LineVerdict]:
    parts = {name.strip(): found for name, _, found in (part.partition("=") for part in value.split(","))}
    target = parts.get("target") or parts.get("dst") or parts.get("destination") or ""
    ending = ":ro" if {"readonly", "ro"} & parts.keys() else ""
    if parts.get("type") == "tmpfs":
        yield source.carry(number, text, "tmpfs", target)
    else:
        yield read_volume(source, number, text, f"{parts.get('source') or parts.get('src') or ''}:{target}{ending}")


def _read_port(source: ImportSource, number: int, text: str, value: str) -> Iterator[LineVerdict]:
    whole = value if ":" in value else f"{value}:{value}"
    why = "" if ":" in value else "Docker would choose any port of the host"
    yield source.change(number, text, "ports", whole, why) if why else source.carry(number, text, "ports", whole)


def _read_user(source: ImportSource, number: int, text: str, value: str) -> Iterator[LineVerdict]:
    if re.fullmatch(r"\d+(?::\d+)?", value):
        yield source.carry(number, text, "user", value)
    else:
        yield source.carry(number, text, why="the default; with writable mounts, the container runs as its caller")


def _read_ulimit(source: ImportSource, number: int, text: str, value: str) -> Iterator[LineVerdict]:
    name, _, limits = value.partition("=")
    soft, _, hard = limits.partition(":")
    if not re.fullmatch(r"-?\d+(?::-?\d+)?", limits):
        yield source.doubt(number, text, "ulimits", "it is not a number")
    else:
        yield source.carry(number, text, "ulimits", (name, {"soft": int(soft), "hard": int(hard or soft)}))


def _read_ipc(source: ImportSource, number: int, text: str, value: str) -> Iterator[LineVerdict]:
    if value == "host":
        yield source.guess(number, text, "shm_size", "8gb", "instead of the shared memory of the host")
    else:
        yield source.lose(number, text, "a spec has no such option")


def _read_entry(source: ImportSource, number: int, text: str, value: str) -> Iterator[LineVerdict]:
    try:
        words = tuple(shlex.split(value))
    except ValueError:
        words = (value,)
    yield source.carry(number, text, "entrypoint", words)


def _read_label(source: ImportSource, number: int, text: str, value: str) -> Iterator[LineVerdict]:
    name, _, found = value.partition("=")
    yield source.carry(number, text, "labels", (name, found))


def _read_folder(source: ImportSource, number: int, text: str, value: str) -> Iterator[LineVerdict]:
    if value == "/app":
        yield source.carry(number, text, why="the folder of the code")
    elif "$" in value or not values.is_host_path(value):
        yield source.doubt(number, text, "working_dir", "it is not a path in the container")
    else:
        yield source.carry(number, text, "working_dir", value)


def _read_runtime(source: ImportSource, number: int, text: str, value: str) -> Iterator[LineVerdict]:
    if value == "nvidia":
        yield source.change(number, text, "gpus", "all", "NVIDIA's runtime gives all GPUs")
        yield source.change(number, text, "accelerator", "cuda", "NVIDIA's runtime gives all GPUs")
    else:
        yield source.lose(number, text, "a spec has no such option")


def _read_stop_timeout(source: ImportSource, number: int, text: str, value: str) -> Iterator[LineVerdict]:
    yield source.carry(number, text, "stop_grace_period", f"{value}s")


_OPTIONS: dict[str, Callable[[ImportSource, int, str, str], Iterator[LineVerdict]]] = {
    "--gpus": read_gpus,
    "--runtime": _read_runtime,
    "--device": read_device,
    "--cpus": _amount("cpus"),
    "--memory": _amount("memory"),
    "--group-add": read_group,
    "--env": _read_env,
    "--env-file": _plain("env_file"),
    "--volume": _read_volume,
    "--mount": _read_mount,
    "--publish": _read_port,
    "--user": _read_user,
    "--ulimit": _read_ulimit,
    "--ipc": _read_ipc,
    "--entrypoint": _read_entry,
    "--label": _read_label,
    "--workdir": _read_folder,
    "--shm-size": _plain("shm_size"),
    "--tmpfs": _plain("tmpfs"),
    "--stop-signal": _plain("stop_signal"),
    "--stop-timeout": _read_stop_timeout,
    "--platform": _plain("platforms"),
    "--init": _flag("init"),
    "--read-only": _flag("read_only"),
}
