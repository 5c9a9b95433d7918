"""Checks that the other generated files preserve the values of a spec: read or run each like its real reader."""

from __future__ import annotations

import csv
import os
import posixpath
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import yaml

from mlspec.plan.plan import Plan
from mlspec.spec.keys import Settings
from mlspec.spec.nested_keys import Mount
from mlspec.spec.spec import Spec
from mlspec.spec.values import is_below_spec
from mlspec.targets import run_caller, run_script
from tests.support.fuzz.dockerfiles import Unquoted, same
from tests.support.moby import left_out

HOME = '/tmp/a home\'s "x" $y'
ARGUMENTS = ("--x", "a b", "$(id)", "")
DANGEROUS = {"--privileged", "--volume", "-v", "--cap-add", "--pid", "--security-opt"}
COMPOSE_HOME = "\0{HOME:?is not set}"
KINDS = {"Job", "Deployment", "Service", "PersistentVolumeClaim", "ConfigMap", "Secret"}


# The ignore file


def check_ignore(text: str, plan: Plan, settings: Settings) -> None:
    """Raise Unquoted if an ignore file lets private files into an image, or excludes other files."""
    for written in (*_bound(settings), *_private_files(settings)):
        path = posixpath.normpath(written.replace("\\", "/"))
        if is_below_spec(written) and not left_out(text, plan.context.path_of(path)):
            raise Unquoted(f"ignore file: nothing leaves out {written!r}")
        # The line must not match a longer path either; no other pattern matches this one.
        longer = plan.context.path_of(f"q7{path}q7")
        if is_below_spec(written) and settings.include is None and left_out(text, longer):
            raise Unquoted(f"ignore file: leaves out more than {written!r}")
    for needed in (plan.files.dockerfile, plan.files.run_script, plan.files.spec):
        if not left_out(text, plan.context.path_of(needed)):
            raise Unquoted(f"ignore file: {needed} is not left out")
    if settings.include is None and left_out(text, plan.context.path_of("a7/train.py")):
        raise Unquoted("ignore file: leaves out everything")


def _bound(settings: Settings) -> list[str]:
    return [mount.source or "" for mount in settings.mounts if mount.type == "bind"]


def _private_files(settings: Settings) -> list[str]:
    secrets = [secret.file for secret in settings.secrets.values() if secret.file]
    return [*(entry.path for entry in settings.env_file), *secrets]


# run.sh


def check_run(folder: Path, text: str, plan: Plan, settings: Settings, stubs: Path) -> None:
    """Run a script with a stub of docker that records its arguments. Raise Unquoted if they do not match the spec."""
    script, dump = folder / "run.sh", folder / "argv.bin"
    script.write_text(text, encoding="utf-8")
    dump.unlink(missing_ok=True)
    environment = {variable: "secret" for _, variable in plan.run.environment_secrets}
    own = {"PATH": f"{stubs}:/usr/bin:/bin", "HOME": HOME, "DUMP": str(dump)}
    if {*own, "LD_PRELOAD", "LD_LIBRARY_PATH"} & environment.keys() or not all(map(_can_be_there, _needed(settings))):
        return
    done = subprocess.run(
        ["sh", str(script), *ARGUMENTS],
        env=environment | own,
        capture_output=True,
        timeout=20,
        stdin=subprocess.DEVNULL,
        check=False,
        cwd="/",
    )
    if dump.exists():
        words = [word.decode("utf-8", "surrogateescape") for word in dump.read_bytes().split(b"\0")[:-1]]
        _check_words(words, plan, settings)
        return
    said = done.stderr.decode("utf-8", "replace")
    if "no such file or folder, but the spec needs it" not in said and "set it first" not in said:
        raise Unquoted(f"run.sh: exit {done.returncode}: {said[:300]}")


def _needed(settings: Settings) -> Iterator[str]:
    yield from _private_files(settings)
    yield from (mount.source or "" for mount in settings.mounts if mount.type == "bind" and mount.read_only)


def _can_be_there(name: str) -> bool:
    """Tell whether a file that a run needs lies in the folder or in the fake home, not elsewhere on this host."""
    place = _real(name, HOME)
    return "\0" not in name and (place.startswith(HOME) or not place.startswith("/"))


def _check_words(words: list[str], plan: Plan, settings: Settings) -> None:
    caller = run_caller.Caller(home=HOME, user=f"{os.getuid()}:{os.getgid()}")
    expected = list(run_caller.run_words(run_script.run_script(plan.run), list(ARGUMENTS), caller))
    if all(entry.required for entry in plan.run.env_files):
        same("run.sh: words", sorted(words), sorted(expected[1:]))
    same("run.sh: arguments", tuple(words[-len(ARGUMENTS) :]), ARGUMENTS)
    found = [_fields(words[at + 1]) for at, word in enumerate(words) if word == "--mount"]
    mounts = [row for row in found if row["type"] != "tmpfs" and not row["target"].startswith("/run/secrets/")]
    wanted = [mount for mount in settings.mounts if mount.type != "tmpfs"]
    same("run.sh: mounts", [_row(row) for row in mounts], [_mount_row(mount) for mount in wanted])
    if taken := DANGEROUS & set(words[: -len(ARGUMENTS)]):
        raise Unquoted(f"run.sh: {taken}")


def _fields(value: str) -> dict[str, str]:
    (row,) = csv.reader([value])
    return {name: text for name, _, text in (field.partition("=") for field in row)}


def _row(row: dict[str, str]) -> tuple[str, str, bool]:
    source = row["source"]
    return (source if row["type"] == "volume" else _real(source, HOME)), row["target"], "readonly" in row


def _mount_row(mount: Mount) -> tuple[str, str, bool]:
    source = mount.source or ""
    return (source if mount.type == "volume" else _real(source, HOME)), mount.target, mount.read_only


def _real(source: str, home: str) -> str:
    """Return a path of the host with its home folder expanded."""
    source = source.replace("\\", "/")
    if source == "~" or source.startswith("~/"):
        source = home + source[1:]
    if source.startswith(home):
        return source.rstrip("/").replace("//", "/")
    return source if source.startswith("/") or source[1:3] == ":/" else posixpath.normpath(source)


# compose.yaml and kubernetes.yaml


def _compose_text(value: object) -> object:
    """Interpolate a value like Compose: ``$$`` becomes ``$``, and NUL marks the name of a variable."""
    if isinstance(value, str):
        return re.sub(r"\$(\$|\{[^}]*\}|\w+)", lambda m: "$" if m[1] == "$" else f"\0{m[1]}", value)
    if isinstance(value, dict):
        return {key: _compose_text(item) for key, item in value.items()}
    return [_compose_text(item) for item in value] if isinstance(value, list) else value


def check_compose(text: str, spec: Spec) -> None:
    """Raise Unquoted if Compose reads other mounts, files or secrets than those of a spec."""
    data = _compose_text(yaml.safe_load(text))
    assert isinstance(data, dict)
    same("compose: keys", set(data) - {"name", "services", "volumes", "secrets"}, set())
    files = {_real(row["file"], COMPOSE_HOME) for row in data.get("secrets", {}).values() if "file" in row}
    for image in spec.images:
        settings = image.settings
        service = data["services"][image.key] if image.key else next(iter(data["services"].values()))
        volumes = [row for row in service.get("volumes", ()) if row["type"] != "tmpfs"]
        found = [(_compose_source(row["source"], row["type"]), row["target"]) for row in volumes]
        mounts = [mount for mount in settings.mounts if mount.type != "tmpfs"]
        wanted = [(_compose_source(mount.source or "", mount.type), mount.target) for mount in mounts]
        same("compose: volumes", found, wanted)
        for secret in settings.secrets.values():
            if secret.file and _real(secret.file, COMPOSE_HOME) not in files:
                raise Unquoted(f"compose: {secret.file!r} is not in {files!r}")
        listed = [_real(row["path"], COMPOSE_HOME) for row in service.get("env_file", ())]
        same("compose: env_file", listed, [_real(entry.path, COMPOSE_HOME) for entry in settings.env_file])


def _compose_source(source: str, kind: str) -> str:
    return source if kind == "volume" else _real(source, COMPOSE_HOME).removeprefix("./")


def check_kubernetes(text: str, spec: Spec) -> None:
    """Raise Unquoted if Kubernetes lacks a mount of a spec."""
    documents = [document for document in yaml.safe_load_all(text) if document]
    same("kubernetes: kinds", {document["kind"] for document in documents} - KINDS, set())
    workloads = [document for document in documents if document["kind"] in {"Job", "Deployment"}]
    containers = [document["spec"]["template"]["spec"]["containers"][0] for document in workloads]
    paths = {row["mountPath"] for container in containers for row in container.get("volumeMounts", ())}
    lacking = {mount.target for image in spec.images for mount in image.settings.mounts} - paths
    same("kubernetes: not mounted", lacking, set())
