"""The file that an editor makes a dev container from: the image, with what only a developer needs, on the project.

The keys are those of containers.dev/implementors/json_reference. The tools that read the file do not honour the ignore
file of a Dockerfile (devcontainer CLI 0.89 builds from a copy of the Dockerfile elsewhere), so with the image's own
Dockerfile they would copy the secrets of the project into the image. So a command builds the image first.
"""

from __future__ import annotations

import dataclasses
import posixpath
from collections.abc import Iterator, Mapping

from mlspec.plan.folders import VENV
from mlspec.plan.plan import Plan
from mlspec.spec.targets import TARGETS
from mlspec.spec.values import numbers
from mlspec.targets.build_options import BuildOptions
from mlspec.targets.bundle import Bundle
from mlspec.targets.comment_filters import comment
from mlspec.targets.compose import CARDS, VIDEO
from mlspec.targets.filters import HOME_MARK
from mlspec.targets.run_script import build_command, host_path, join_fields, run_script, secret_values
from mlspec.targets.sheet import Data, Sheet, present

_FOLDER = "${localWorkspaceFolder}"
_HOME = "${localEnv:HOME}"

# An image starts under the names of the caller's folders, which may be missing, as run.sh makes them.
_MAKE_FOLDERS = 'for path; do [ -e "$path" ] || mkdir -p "$path" || exit; done'

# The tool starts and removes the container. A program that listens gets its port from the editor: published twice, it
# would be in the way of a run. An editor writes its server into the container. GPUs are optional below.
_OWN = frozenset({"--rm", "--pull", "--init", "--publish", "--read-only", "--gpus"})

_EXTENSIONS = {"ipykernel": "ms-toolsai.jupyter", "ruff": "charliermarsh.ruff"}
"""Extensions of Visual Studio Code for packages of developers."""


def part(plan: Plan, bundle: Bundle) -> Mapping[str, Data]:
    """Return the data of the file of an image."""
    place, context = TARGETS["devcontainer"].path(plan.files), plan.context.path
    root = _FOLDER if context == "." else f"{_FOLDER}/{context}"
    platform = [] if plan.is_multi_platform else ["--platform", plan.platform]
    logins = [word for value in secret_values(plan.developer.secrets, _locate) for word in ("--secret", value)]
    return present(
        {
            "name": plan.image,
            "initializeCommand": present(
                {"folders": _make_folders(plan), "image": [word.replace(HOME_MARK, _HOME) for word in _build(plan)]}
            ),
            "build": present(
                {
                    "dockerfile": "Dockerfile",
                    "context": posixpath.relpath(".", posixpath.dirname(place)),
                    "options": [*platform, *logins],
                }
            ),
            "workspaceMount": join_fields(["type=bind", f"source={root}", f"target={plan.context.root}"]),
            "workspaceFolder": plan.container.working_dir,
            "remoteUser": "root" if plan.container.is_root else "app",
            "updateRemoteUserUID": not plan.container.is_root,
            "overrideCommand": True,
            "init": plan.run.init or None,
            "hostRequirements": {"gpu": "optional"} if plan.run.wants_nvidia else None,
            "forwardPorts": [n for port in plan.run.ports if port.protocol == "tcp" for n in numbers(port.target)],
            "runArgs": list(_list_options(plan)),
            "customizations": {"vscode": _customize(plan)},
        }
    )


def sheets(bundle: Bundle) -> tuple[Sheet, ...]:
    """Return the only document of the file."""
    (plan,) = bundle.plans
    # The schema of the file allows no key but this one for tools of one's own.
    return (Sheet((), part(plan, bundle), comment=("customizations", "mlspec")),)


def _locate(path: str) -> str:
    """Return a path of the host for docker, which an editor may start in any folder."""
    found = host_path(path).replace(HOME_MARK, _HOME)
    if not found.startswith("."):
        return found
    # Without normpath: it would take the variable for the name of one folder, and remove it with a `..` behind.
    return f"{_FOLDER}/{found.removeprefix('./')}" if found != "." else _FOLDER


def _make_folders(plan: Plan) -> list[str]:
    """Return the command that makes missing folders of mounts; empty without any."""
    folders = run_script(plan.run, _locate).folders
    return ["sh", "-c", _MAKE_FOLDERS, "sh", *folders] if folders else []


def _build(plan: Plan) -> Iterator[str]:
    """Yield the words of the command that builds the image; an image for several platforms is built for the host's."""
    words = iter(build_command(plan, BuildOptions(tags=(plan.developer.image,))))
    for word in words:
        if word == "--platform" and plan.is_multi_platform:
            next(words)
        else:
            yield word


def _list_options(plan: Plan) -> Iterator[str]:
    """Yield the options of ``docker run``: those of a run that mean the same for a dev container."""
    run = dataclasses.replace(plan.run, read_only=False)
    script = run_script(run, _locate)
    for option in (*script.options, *script.docker_options):
        if option[0] not in _OWN:
            yield from option
    if run.devices:
        yield from ("--group-add", f"${{localEnv:{CARDS}:{VIDEO}}}")
    for port in run.ports:
        if port.protocol != "tcp":
            yield from ("--publish", f"{port.host_ip}:{port.published or ''}:{port.target}/{port.protocol}")
    if plan.container.healthcheck:
        # The program that answers does not run by itself.
        yield "--no-healthcheck"


def _customize(plan: Plan) -> Data:
    packages = plan.developer.packages
    settings = {
        "python.defaultInterpreterPath": f"{VENV}/bin/python",
        "python.testing.pytestEnabled": "pytest" in packages or None,
        # The login shell of the image's user is for programs, and has neither history nor completion.
        "terminal.integrated.defaultProfile.linux": "bash",
    }
    extensions = ["ms-python.python", *(name for package, name in _EXTENSIONS.items() if package in packages)]
    return {"extensions": extensions, "settings": present(settings)}


# The comment


def heading(bundle: Bundle) -> tuple[str, ...]:
    """Return the comment of the file: its origin, and what it needs and changes."""
    return tuple(map(comment, _heading(bundle.plans[0])))


def _heading(plan: Plan) -> Iterator[str]:
    run = plan.run
    yield plan.files.banner
    yield "The program does not start by itself. Start it as an ordinary user, who owns what it writes."
    if run.read_only:
        yield "The files of the image are writable here, unlike in a run: an editor installs its server."
    if run.wants_nvidia and run.gpus and (run.gpus.device_ids or run.gpus.count not in {None, "all"}):
        yield "All GPUs of the host are there, unlike in a run."
    variables = dict(run.environment_secrets)
    if names := [
        f"{name} (run.sh takes it from {variables[name]})" if variables.get(name, name) != name else name
        for name in run.passed_environment
    ]:
        yield f"Taken from the environment of the editor: {', '.join(names)}"
    if inputs := run_script(run).inputs:
        yield f"Must exist: {', '.join(path.replace(HOME_MARK, '~') for path in inputs)}"
