"""Running an image: what has to be there before, and handing this process over to it."""

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

from mlspec.advice.doctor.facts import Need
from mlspec.build.ownership import LocalImage, check_owner
from mlspec.errors import Problem, Span, SpecError, ToolError
from mlspec.host.engine import built_images, engine, fitness, secrets, start
from mlspec.host.files import read as disk
from mlspec.host.files.bounded import read_file
from mlspec.host.home import home_folder, known_home
from mlspec.plan.env_files import env_file_faults
from mlspec.plan.run import RunPlan
from mlspec.targets import run_script as commands
from mlspec.targets.filters import HOME_MARK
from mlspec.targets.run_script import Caller

Warn = Callable[[Problem], None]


def run(
    plan: RunPlan,
    arguments: Sequence[str],
    folder: Path,
    warn: Warn = lambda problem: None,
    need: Need | None = None,
) -> NoReturn:
    """Run the image as its run script does, in place of this process; its exit code becomes ours.

    ``need`` is what it needs of this host; without one, that is what the run plan tells. Raises ToolError where there
    is no engine, no such image, or a host that cannot run it, SpecError for every input and secret that is missing.
    """
    environment = _prepare(plan, folder, warn, need)
    _become(commands.run_words(plan, arguments, caller(plan, folder)), folder, environment)


def shell(plan: RunPlan, folder: Path, warn: Warn = lambda problem: None, need: Need | None = None) -> NoReturn:
    """Run a shell in the image, with the mounts, devices and environment of its program, in place of this process."""
    # The program itself may be running, and hold the ports.
    plan = replace(plan, ports=())
    environment = _prepare(plan, folder, warn, need)
    script = "[ ! -x /bin/bash ] || exec /bin/bash; exec /bin/sh"
    words = commands.run_words(plan, ("-c", script), caller(plan, folder), entrypoint="/bin/sh")
    _become(words, folder, environment)


def caller(plan: RunPlan, folder: Path) -> Caller:
    """Return the facts of whoever runs this process that the run command depends on."""
    home = _home(plan)
    return Caller(
        home=home,
        user=_user(),
        reads_terminal=os.isatty(0),
        writes_terminal=os.isatty(1),
        groups=_card_groups() if plan.devices else (),
        existing=frozenset(entry.path for entry in plan.env_files if _on_host(entry.path, folder, home).exists()),
    )


def _home(plan: RunPlan) -> str:
    """Return the caller's home; raises ToolError where there is none and the plan names a place in it."""
    binds = [mount.source for mount in plan.mounts if mount.type == "bind"]
    paths = [*binds, *(entry.path for entry in plan.env_files), *(file for _, file in plan.file_secrets)]
    needs_home = any(HOME_MARK in commands.host_path(path) for path in paths)
    return home_folder() if needs_home else known_home()


def _card_groups() -> tuple[str, ...]:
    """Return the ids of the groups that AMD's cards belong to, as the run script finds them."""
    cards = reversed(sorted(Path("/dev/dri").glob("renderD*")))
    return tuple(str(card.stat().st_gid) for card in cards)


def _user() -> str | None:
    """Return the ids that files made by the program belong to: those of the caller, also under sudo."""
    if sys.platform == "win32":
        return None
    uid, gid = str(os.geteuid()), str(os.getegid())
    if (uid, gid) == ("0", "0"):
        uid, gid = os.environ.get("SUDO_UID") or "0", os.environ.get("SUDO_GID") or "0"
    return f"{uid}:{gid}"


def _on_host(path: str, folder: Path, home: str) -> Path:
    return folder / commands.host_path(path).replace(HOME_MARK, home)


def _prepare(plan: RunPlan, folder: Path, warn: Warn, need: Need | None) -> Mapping[str, str]:
    """Return the environment to run in, after making the folders that are written to and seeing that all is there."""
    image = _find_own(plan, folder, warn)
    platform = image.platform
    known = Need(image=plan.image, platform=plan.platform or platform, gpus=plan.wants_nvidia, devices=plan.devices)
    fitness.require(need or known, platform, warn)
    script, home = commands.run_script(plan), _home(plan)
    problems = [
        Problem(code="MLS509", message=f"{path.replace(HOME_MARK, home)} does not exist", hint=_INPUT_HINT)
        for path in script.inputs
        if not (folder / path.replace(HOME_MARK, home)).exists()
    ]
    exports = script.exports
    problems += [secrets.missing(e.name, e.variable, "the program") for e in exports if not os.environ.get(e.variable)]
    if problems:
        raise SpecError(*(problem.at(plan.spec, None) for problem in problems))
    if busy := start.port_problems(plan.ports):
        raise ToolError(*busy)
    folders = [(path.replace(HOME_MARK, "~"), folder / path.replace(HOME_MARK, home)) for path in script.folders]
    for _, place in folders:
        _provide(place, _user() if plan.as_caller else None)
    for problem in start.mount_problems(folders, _user() if plan.as_caller else image.user):
        warn(problem)
    for entry in plan.env_files:
        _require_readable(_on_host(entry.path, folder, home), entry.path, warn)
    return {**os.environ, **{export.name: os.environ[export.variable] for export in exports}}


def _find_own(plan: RunPlan, folder: Path, warn: Warn) -> LocalImage:
    """Return the image to run; raises ToolError if there is none, or if another folder built the one of this name."""
    build = f"mlspec build{'' if plan.spec == 'mlspec.yaml' else f' -f {shlex.quote(plan.spec)}'}"
    image = engine.find_image(plan.image)
    if image is None:
        engine.fail("MLS508", f"the image {plan.image} is not built here", f"run: {build}")
    text = disk.text_of(folder / plan.spec) or ""
    problem = check_owner(plan.image, image, built_images.recall(folder, plan.image, image.id), text, build)
    if problem and problem.severity == "error":
        raise ToolError(problem)
    if problem:
        warn(problem)
    return image


_INPUT_HINT = "a folder or file that is only read must be there before; write it, or correct its path"


def _provide(folder: Path, user: str | None) -> None:
    """Make a folder and those above it that are missing, as the caller's: the engine would make them as root."""
    if folder.exists():
        return
    _provide(folder.parent, user)
    try:
        folder.mkdir()
        if user and sys.platform != "win32":
            uid, gid = map(int, user.split(":"))
            os.chown(folder, uid, gid)
    except OSError as error:
        message = f"the folder {folder}, which the program writes to, cannot be made: {error.strerror}"
        engine.fail("MLS511", message, "make it yourself, or correct its path below mounts")


def _require_readable(path: Path, name: str, warn: Warn) -> None:
    """Warn of what docker reads otherwise than it looks in an environment file; raise SpecError for what it refuses."""
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
    """Yield a warning for every value in quotes: ``docker run`` keeps them as part of the value, Compose does not."""
    for number, line in enumerate(text.splitlines(), start=1):
        variable, equals, value = line.partition("=")
        if equals and not line.lstrip().startswith("#") and value[:1] in {'"', "'"} and value[-1:] == value[:1]:
            message = f"the quotes around {variable.strip()} reach the program, which docker compose would remove"
            start = len(variable) + 2
            # Without an excerpt: the value may be a secret.
            span = Span(number, start, number, start + len(value))
            problem = Problem(code="MLS510", message=message, hint="remove the quotes", severity="warning")
            yield problem.at(name, span)


def _become(words: Sequence[str], folder: Path, environment: Mapping[str, str]) -> NoReturn:
    """Run a command in place of this process, so that signals and the exit code are the command's own."""
    sys.stdout.flush()
    sys.stderr.flush()
    if sys.platform == "win32":  # exec there starts another process and ends this one, and the shell would not wait
        raise SystemExit(subprocess.run(words, cwd=folder, env=dict(environment)).returncode)
    # Python ignores SIGPIPE, and a program started in its place would go on doing so.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.chdir(folder)
    os.execvpe(words[0], list(words), environment)  # noqa: S606 - words, and no shell, as in the run script
