"""Run an image: check this host first, then replace this process by the run command."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from mlspec.build.ownership import LocalImage, check_owner
from mlspec.errors import Problem, Span, SpecError, ToolError
from mlspec.host.cache import witness
from mlspec.host.engine import built_images, engine, fitness, secrets, start
from mlspec.host.engine.prepared_run import PreparedRun
from mlspec.host.files.bounded import read_file
from mlspec.host.home import home_folder, known_home
from mlspec.plan.env_files import env_file_faults
from mlspec.targets.filters import HOME_MARK
from mlspec.targets.run_caller import Caller, run_words

Warn = Callable[[Problem], None]


def run(prepared: PreparedRun, arguments: Sequence[str], folder: Path, warn: Warn = lambda problem: None) -> NoReturn:
    """Replace this process by the run command of the image; the program's exit code becomes that of mlspec.

    Raises ToolError if there is no engine or no such image, or if this host cannot run it. Raises SpecError with all
    missing inputs and secrets.
    """
    environment = provide_all(prepared, folder, warn)
    _become(run_words(prepared.script, arguments, caller(prepared, folder)), folder, environment)


def shell(prepared: PreparedRun, folder: Path, warn: Warn = lambda problem: None) -> NoReturn:
    """Replace this process by a shell in the image, with the mounts, devices and environment of its program."""
    # The program may be running and use the ports.
    options = tuple(option for option in prepared.script.options if option[0] != "--publish")
    prepared = replace(prepared, ports=(), script=replace(prepared.script, options=options))
    environment = provide_all(prepared, folder, warn)
    script = "[ ! -x /bin/bash ] || exec /bin/bash; exec /bin/sh"
    words = run_words(prepared.script, ("-c", script), caller(prepared, folder), entrypoint="/bin/sh")
    _become(words, folder, environment)


def caller(prepared: PreparedRun, folder: Path) -> Caller:
    """Return the caller's user, home folder and terminal, and the files of this host, for the run command."""
    home = _home(prepared)
    return Caller(
        home=home,
        user=calling_user(),
        reads_terminal=os.isatty(0),
        writes_terminal=os.isatty(1),
        groups=_card_groups() if prepared.need.devices else (),
        existing=frozenset(path for _, path in prepared.env_files if _on_host(path, folder, home).exists()),
        engine=prepared.engine or "docker",
        is_root=sys.platform != "win32" and os.geteuid() == 0,
    )


def _home(prepared: PreparedRun) -> str:
    """Return the caller's home folder; raises ToolError if the run needs it and the caller has none."""
    paths = (*prepared.script.folders, *prepared.script.inputs, *(path for _, path in prepared.env_files))
    needs_home = any(HOME_MARK in path for path in paths)
    return home_folder() if needs_home else known_home()


def _card_groups() -> tuple[str, ...]:
    """Return the IDs of the groups that own the devices of AMD GPUs, in the order of the run script."""
    cards = reversed(sorted(Path("/dev/dri").glob("renderD*")))
    return tuple(str(card.stat().st_gid) for card in cards)


def calling_user() -> str | None:
    """Return the caller's user and group ID, for the files of the program; under sudo, those of the user before."""
    if sys.platform == "win32":
        return None
    uid, gid = str(os.geteuid()), str(os.getegid())
    if (uid, gid) == ("0", "0"):
        uid, gid = os.environ.get("SUDO_UID") or "0", os.environ.get("SUDO_GID") or "0"
    return f"{uid}:{gid}"


def _on_host(path: str, folder: Path, home: str) -> Path:
    return folder / path.replace(HOME_MARK, home)


def provide_all(prepared: PreparedRun, folder: Path, warn: Warn) -> Mapping[str, str]:
    """Check that the run has all it needs, and make its writable folders; return the environment for the command."""
    image = _find_own(prepared, folder, warn)
    fitness.require(prepared.need, image.platform, warn, prepared.engine)
    script, home = prepared.script, _home(prepared)
    problems = [
        Problem(code="MLS509", message=f"{path.replace(HOME_MARK, home)} does not exist", hint=_INPUT_HINT)
        for path in script.inputs
        if not _on_host(path, folder, home).exists()
    ]
    exports = script.exports
    problems += [secrets.missing(e.name, e.variable, "the program") for e in exports if not os.environ.get(e.variable)]
    if problems:
        raise SpecError(*(problem.at(prepared.spec, None) for problem in problems))
    if busy := start.port_problems(prepared.ports, prepared.engine):
        raise ToolError(*busy)
    folders = [(path.replace(HOME_MARK, "~"), _on_host(path, folder, home)) for path in script.folders]
    for _, place in folders:
        provide_folder(place, calling_user() if script.as_caller else None)
    # Without root, podman maps the users of a container to other users of this host.
    if prepared.engine != "podman":
        for problem in start.mount_problems(folders, calling_user() if script.as_caller else image.user):
            warn(problem)
    for written, path in prepared.env_files:
        _require_readable(_on_host(path, folder, home), written, warn)
    return {**os.environ, **{export.name: os.environ[export.variable] for export in exports}}


def _find_own(prepared: PreparedRun, folder: Path, warn: Warn) -> LocalImage:
    """Return the image to run; raises ToolError if there is none, or if another folder built the one of this name."""
    spec, name = prepared.spec, prepared.script.image
    build = f"mlspec build{'' if spec == 'mlspec.yaml' else f' -f {shlex.quote(spec)}'}"
    if prepared.engine == "podman":
        build += " --engine podman"
    image = engine.find_image(name, prepared.engine)
    if image is None:
        engine.fail("MLS508", f"the image {name} is not built here", f"run: {build}")
    problem = check_owner(name, image, built_images.recall(folder, name, image.id), _read_spec(folder / spec), build)
    if problem and problem.severity == "error":
        raise ToolError(problem)
    if problem:
        warn(problem)
    return image


def _read_spec(path: Path) -> str:
    try:
        return (witness.read(str(path)) or b"").decode("utf-8", "replace")
    except OSError:
        from mlspec.host.files.reading import text_of

        return text_of(path) or ""


_INPUT_HINT = "a read-only mount must exist before the run; create it, or correct its path"


def provide_folder(folder: Path, user: str | None) -> None:
    """Create a folder and its missing parents for the caller: the engine would create them as root."""
    if folder.exists():
        return
    provide_folder(folder.parent, user)
    try:
        folder.mkdir()
        if user and sys.platform != "win32":
            uid, gid = map(int, user.split(":"))
            os.chown(folder, uid, gid)
    except OSError as error:
        message = f"the folder {folder}, which the program writes to, cannot be created: {error.strerror}"
        engine.fail("MLS511", message, "create it yourself, or correct its path below mounts")


def _require_readable(path: Path, name: str, warn: Warn) -> None:
    """Warn about misleading lines of an environment file; raise SpecError for lines that docker refuses."""
    try:
        text = read_file(path).decode("utf-8-sig", "replace")
    except OSError:
        return
    for problem in _quoted_values(text, name):
        warn(problem)
    refused = []
    for fault in env_file_faults(text):
        # Without an excerpt: the value may be a secret.
        span = Span(fault.line, fault.start, fault.line, fault.end)
        if fault.is_refused:
            refused.append(Problem(code="MLS685", message=fault.message, hint=fault.hint).at(name, span))
        else:
            problem = Problem(code="MLS683", message=fault.message, hint=fault.hint, severity="warning")
            warn(problem.at(name, span))
    if refused:
        raise SpecError(*refused)


def _quoted_values(text: str, name: str) -> Iterator[Problem]:
    """Yield a warning for every value in quotes: ``docker run`` keeps the quotes in the value, Compose removes them."""
    for number, line in enumerate(text.splitlines(), start=1):
        variable, equals, value = line.partition("=")
        if equals and not line.lstrip().startswith("#") and value[:1] in {'"', "'"} and value[-1:] == value[:1]:
            message = (
                f"docker run passes the quotes around {variable.strip()} to the program; docker compose would "
                "remove them"
            )
            start = len(variable) + 2
            # Without an excerpt: the value may be a secret.
            span = Span(number, start, number, start + len(value))
            problem = Problem(code="MLS510", message=message, hint="remove the quotes", severity="warning")
            yield problem.at(name, span)


def _become(words: Sequence[str], folder: Path, environment: Mapping[str, str]) -> NoReturn:
    """Replace this process by a command, so that signals and the exit code are the command's own."""
    sys.stdout.flush()
    sys.stderr.flush()
    if sys.platform == "win32":  # exec there starts another process and ends this one, and the shell would not wait
        raise SystemExit(subprocess.run(words, cwd=folder, env=dict(environment)).returncode)
    # Python ignores SIGPIPE, and the command would inherit that.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.chdir(folder)
    os.execvpe(words[0], list(words), environment)  # noqa: S606 - words, and no shell, as in the run script
