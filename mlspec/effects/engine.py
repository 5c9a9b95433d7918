"""The engine that builds images and runs containers: finding it, asking it, and handing a terminal over to it."""

from __future__ import annotations

import contextlib
import csv
import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from mlspec import commands
from mlspec.commands import Caller
from mlspec.errors import Problem, Span, SpecError, ToolError
from mlspec.plan import RunPlan
from mlspec.templating import HOME_MARK

if TYPE_CHECKING:
    import docker

Warn = Callable[[Problem], None]

# Docker 25's: the first that knows a health check's start interval; here-documents and COPY --link came with 23.
_LEAST_API = (1, 44)
_TIMEOUT = 10


# Finding the engine


def connect() -> docker.DockerClient:
    """Return a client of the engine that the ``docker`` command talks to; raises ToolError with what stands in the way.

    Like that command, it goes by DOCKER_HOST, else by the current context.
    """
    _require_command()
    import docker
    import requests

    host, tls = _address()
    try:
        client = _client(host, tls)
        version = client.version()
    except (docker.errors.DockerException, requests.RequestException, OSError, ValueError) as error:
        _unreached(host, error)
    names = {str(part.get("Name", "")) for part in version.get("Components") or ()}
    if any("podman" in name.lower() for name in names):
        _is_podman("podman answers at the engine's address")
    if _api(version) < _LEAST_API:
        hint = "update it: Docker 25 or newer has what the Dockerfile uses"
        _fail("MLS505", f"the engine is Docker {version.get('Version', '?')}, which is too old", hint)
    return client


def image_exists(name: str) -> bool:
    """Tell whether the engine has an image of this name."""
    import docker

    with contextlib.closing(connect()) as client:
        try:
            client.images.get(name)
        except docker.errors.ImageNotFound:
            return False
    return True


def _require_command() -> None:
    """Raise ToolError unless ``docker`` and its buildx are there, and are Docker's own."""
    said = _said("docker", "--version")
    if said is None and shutil.which("podman"):
        _is_podman("there is podman here, and no docker command")
    if said is None:
        hint = "install Docker Desktop, or the packages docker-ce and docker-buildx-plugin of docker.com"
        _fail("MLS504", "there is no docker command here", hint)
    if "podman" in said.lower():
        _is_podman("the docker command here is podman's")
    if _said("docker", "buildx", "version") is None:
        hint = "install it: sudo apt-get install docker-buildx-plugin, or docker-buildx in Debian's and Ubuntu's own"
        _fail("MLS504", "the docker command here has no buildx, which builds images", hint)


def _said(*words: str) -> str | None:
    """Return what a command says; none where it is not there or fails."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, errors="replace", timeout=_TIMEOUT)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout + done.stderr if done.returncode == 0 else None


def _address() -> tuple[str, docker.tls.TLSConfig | bool]:
    """Return where the ``docker`` command finds its engine, which the SDK does not by itself: it knows no contexts.

    Nothing where it is to be found by the environment and the defaults.
    """
    from docker.context import ContextAPI
    from docker.context.config import get_current_context_name

    name = os.environ.get("DOCKER_CONTEXT") or get_current_context_name()
    if os.environ.get("DOCKER_HOST") or name == "default" or not (context := ContextAPI.get_context(name)):
        return os.environ.get("DOCKER_HOST", ""), False
    return context.Host or "", context.TLSConfig or False


def _client(host: str, tls: docker.tls.TLSConfig | bool) -> docker.DockerClient:
    import docker

    # An engine behind ssh is reached by the ssh command, with its configuration and agent.
    is_ssh = host.startswith("ssh:")
    if host == os.environ.get("DOCKER_HOST", ""):
        return docker.from_env(timeout=_TIMEOUT, use_ssh_client=is_ssh)
    return docker.DockerClient(host, version="auto", timeout=_TIMEOUT, tls=tls, use_ssh_client=is_ssh)


def _unreached(host: str, error: Exception) -> NoReturn:
    where = f" at {host}" if host else ""
    if _errno(error) in {errno.EACCES, errno.EPERM}:
        hint = 'join the group: sudo usermod -aG docker "$USER"; then log out and in again'
        _fail("MLS502", f"the engine{where or ' is there, and'} does not let this user in", hint)
    starts = "sudo systemctl start docker" if sys.platform == "linux" else "open Docker Desktop"
    hint = (
        f"start it: {starts}; or correct DOCKER_HOST or the context: docker context ls"
        if host
        else f"start it: {starts}"
    )
    _fail("MLS501", f"no engine answers{where}", f"{hint}\n{_innermost(error)}")


def _errno(error: BaseException) -> int | None:
    """Return the number of the system's error within others: the SDK and its libraries wrap it as an argument."""
    for inner in _within(error):
        if isinstance(inner, OSError) and inner.errno:
            return inner.errno
    return None


def _within(error: object) -> Iterator[BaseException]:
    if isinstance(error, BaseException):
        yield error
        for inner in (*error.args, error.__cause__):
            yield from _within(inner)
    elif isinstance(error, tuple):
        for inner in error:
            yield from _within(inner)


def _innermost(error: Exception) -> str:
    """Return the last words of an error that others wrap."""
    return str([*_within(error)][-1]) or type(error).__name__


def _api(version: Mapping[str, object]) -> tuple[int, ...]:
    return tuple(int(part) for part in str(version.get("ApiVersion", "0")).split(".") if part.isdigit())


def _is_podman(message: str) -> NoReturn:
    hint = "the files work with it: podman build --file Dockerfile . ; mlspec build and mlspec run need Docker"
    _fail("MLS503", message, hint)


def _fail(code: str, message: str, hint: str) -> NoReturn:
    raise ToolError(Problem(code=code, message=message, hint=hint)) from None


# Building


def build(command: Sequence[str], folder: Path) -> None:
    """Run a build command in ``folder``, in this terminal; raises ToolError when the build fails.

    Raises SpecError, before it starts, for every secret that is not there.
    """
    words = tuple(word.replace(HOME_MARK, str(Path.home())) for word in command)
    if problems := tuple(_missing_build_secrets(words, folder)):
        raise SpecError(*problems)
    try:
        code = _attached(words, folder)
    except FileNotFoundError:
        _require_command()
        raise
    if code:
        hint = "the step's own words are above; the steps before it are kept, and the next build begins after them"
        _fail("MLS506", f"the build failed with exit code {code}", hint)


def _missing_build_secrets(words: Sequence[str], folder: Path) -> Iterator[Problem]:
    for flag, value in pairwise(words):
        if flag != "--secret":
            continue
        fields = dict(field.partition("=")[::2] for field in next(csv.reader([value])))
        name = fields.get("env")
        if name and name not in os.environ:
            yield _missing_secret(fields["id"], name, "the build")
        if "src" in fields and not (folder / fields["src"]).is_file():
            message = f"the secret {fields['id']} is read from {fields['src']}, which does not exist"
            yield Problem(code="MLS507", message=message, hint="write the file, or correct its path below secrets")


def _missing_secret(name: str, variable: str, user: str) -> Problem:
    what = f"the secret {name}" if name == variable else f"the secret {name}, read from {variable},"
    # Typed with a leading space, or read by `read -rs`, a secret stays out of the shell's history.
    hint = f"set it first, unseen: read -rs {variable} && export {variable}"
    return Problem(code="MLS507", message=f"{user} needs {what} and the environment does not hold it", hint=hint)


def _attached(words: Sequence[str], folder: Path) -> int:
    """Run a command in this terminal and return its exit code; a signal to us is passed on, and its end waited for."""
    came: list[int] = []
    with subprocess.Popen(words, cwd=folder) as child:

        def pass_on(number: int, _frame: object) -> None:
            came.append(number)
            # A terminal's SIGINT reaches the child by itself; docker takes a third as the wish to leave at once.
            if number != signal.SIGINT or not sys.stdin.isatty():
                child.send_signal(number)

        # Python lets only the main thread listen.
        numbers = (signal.SIGINT, signal.SIGTERM) if threading.current_thread() is threading.main_thread() else ()
        before = {number: signal.signal(number, pass_on) for number in numbers}
        try:
            code = child.wait()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    if came and code:
        raise KeyboardInterrupt
    return code


# Running


def run(plan: RunPlan, arguments: Sequence[str], folder: Path, warn: Warn = lambda problem: None) -> NoReturn:
    """Run the image as its run script does, in place of this process; its exit code becomes ours.

    Raises ToolError where there is no engine or no such image, SpecError for every input and secret that is missing.
    """
    environment = _prepare(plan, folder, warn)
    _become(commands.run_words(plan, arguments, caller(plan, folder)), folder, environment)


def shell(plan: RunPlan, folder: Path, warn: Warn = lambda problem: None) -> NoReturn:
    """Run a shell in the image, with the mounts, devices and environment of its program, in place of this process."""
    environment = _prepare(plan, folder, warn)
    # The program itself may be running, and hold the ports.
    plan = replace(plan, ports=())
    script = "[ ! -x /bin/bash ] || exec /bin/bash; exec /bin/sh"
    words = commands.run_words(plan, ("-c", script), caller(plan, folder), entrypoint="/bin/sh")
    _become(words, folder, environment)


def caller(plan: RunPlan, folder: Path) -> Caller:
    """Return the facts of whoever runs this process that the run command depends on."""
    home = str(Path.home())
    return Caller(
        home=home,
        user=_user(),
        reads_terminal=os.isatty(0),
        writes_terminal=os.isatty(1),
        existing=frozenset(entry.path for entry in plan.env_files if _on_host(entry.path, folder, home).exists()),
    )


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


def _prepare(plan: RunPlan, folder: Path, warn: Warn) -> Mapping[str, str]:
    """Return the environment to run in, after making the folders that are written to and seeing that all is there."""
    if not image_exists(plan.image):
        _fail("MLS508", f"the image {plan.image} is not built here", "run: mlspec build")
    script, home = commands.run_script(plan), str(Path.home())
    problems = [
        Problem(code="MLS509", message=f"{path.replace(HOME_MARK, home)} does not exist", hint=_INPUT_HINT)
        for path in script.inputs
        if not (folder / path.replace(HOME_MARK, home)).exists()
    ]
    exports = script.exports
    problems += [_missing_secret(e.name, e.variable, "the program") for e in exports if not os.environ.get(e.variable)]
    if problems:
        raise SpecError(*(problem.at(plan.spec, None) for problem in problems))
    for path in script.folders:
        _provide(folder / path.replace(HOME_MARK, home), _user() if plan.as_caller else None)
    for entry in plan.env_files:
        for problem in _quoted_values(_on_host(entry.path, folder, home), entry.path):
            warn(problem)
    return {**os.environ, **{export.name: os.environ[export.variable] for export in exports}}


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
        _fail("MLS511", message, "make it yourself, or correct its path below mounts")


def _quoted_values(path: Path, name: str) -> Iterator[Problem]:
    """Yield a warning for every value in quotes: ``docker run`` keeps them as part of the value, Compose does not."""
    try:
        lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    except OSError:
        return
    for number, line in enumerate(lines, start=1):
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
