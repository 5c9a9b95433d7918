"""A generator of other tools' locks for the tests: ``python -m tests.support.tool_locks [CASE...]``.

Each folder of ``tests/lock/tool_locks`` holds a project, its lock, and exports of the lock: ``main.txt`` of the project
alone, ``EXTRA.txt`` with an extra, and ``+GROUP.txt`` with a group. The real tools make these files, from the package
index and from an index and a repository on this machine. In the files, the index and the repository have addresses
below ``example.com``.

The script looks for the tools below the folder TOOL_LOCKS (default /opt/pins): a virtual environment for each of uv,
poetry (with poetry-plugin-export), pdm, pipenv, and pip26 (with a pip that has `pip lock`).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support import index

FOLDER = Path(__file__).parents[1] / "lock" / "tool_locks"
_TOOLS = Path(os.environ.get("TOOL_LOCKS", "/opt/pins"))
_ONE, _TWO, _GIT = "https://one.example.com", "https://two.example.com", "https://git.example.com/ours.git"


@dataclass(frozen=True)
class Case:
    """One project: its name, which begins with its tool, its lock, and the exported selections."""

    name: str
    lock: str
    selections: tuple[str, ...] = ("main",)
    platforms: tuple[str, ...] = ("linux/amd64", "linux/arm64")
    pythons: tuple[str, ...] = ("3.11.9", "3.13.1")

    def __str__(self) -> str:
        return self.name

    @property
    def tool(self) -> str:
        return self.name.partition("-")[0]

    @property
    def folder(self) -> Path:
        return FOLDER / self.name


CASES = (
    Case("uv-plain", "uv.lock"),
    Case("uv-extras", "uv.lock", ("main", "hardware", "web-app", "all")),
    Case("uv-groups", "uv.lock", ("main", "+dev", "+serve")),
    Case("uv-forks", "uv.lock"),
    Case("uv-index", "uv.lock"),
    Case("uv-git", "uv.lock"),
    Case("uv-conflicts", "uv.lock", ("main", "old", "new", "+next")),
    Case("uv-source", "uv.lock"),
    Case("uv-overrides", "uv.lock"),
    Case("uv-torch", "uv.lock", platforms=("linux/amd64",)),
    Case("poetry-plain", "poetry.lock", ("main", "hardware")),
    Case("poetry-classic", "poetry.lock", ("main", "hardware", "web", "+dev", "+serve")),
    Case("poetry-source", "poetry.lock"),
    Case("poetry-forks", "poetry.lock", ("main", "+test")),
    Case("pdm-plain", "pdm.lock"),
    Case("pdm-groups", "pdm.lock", ("main", "hardware", "web", "+dev", "+serve")),
    Case("pdm-source", "pdm.lock"),
    Case("pipenv-plain", "Pipfile.lock", ("main", "+develop")),
    Case("pipenv-categories", "Pipfile.lock", ("main", "+serve")),
    Case("pipenv-source", "Pipfile.lock"),
    # `pip lock` locks for the Python and the platform that it runs on.
    Case("pylock-pip", "pylock.toml", platforms=("linux/amd64",), pythons=("3.11.9",)),
    Case("pylock-uv", "pylock.toml"),
    Case("pylock-pdm", "pylock.toml", ("main", "web", "+serve")),
)


def main(names: Iterable[str]) -> None:
    """Make the locks and exports of the named cases, by default of all cases."""
    wanted = set(names)
    files = [
        index.wheel("heavy", "2.0+cpu", tag="cp311-cp311-manylinux_2_28_x86_64"),
        index.wheel("heavy", "2.0+cpu", tag="cp312-cp312-manylinux_2_28_x86_64"),
        index.wheel("heavy", "2.0", tag="py3-none-manylinux_2_28_aarch64"),
        index.wheel("ours", "1.4"),
        index.wheel("direct", "1.0", ["idna"]),
    ]
    with index.serving(*files) as served, tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        address = served.url.removesuffix("/simple/")
        repositories = {name: _make_repository(root / f"{name}.git", name) for name in ("ours", "repo")}
        for case in CASES:
            if not wanted or case.name in wanted:
                repository = repositories["ours" if case.tool in {"uv", "pylock"} else "repo"]
                names_here = {_ONE: address, _TWO: address.replace("127.0.0.1", "localhost"), _GIT: repository}
                _make(case, root / case.name, names_here)


def _make_repository(folder: Path, name: str) -> str:
    package = folder / "python"
    package.mkdir(parents=True)
    (package / "pyproject.toml").write_text(
        f'[project]\nname = "{name}"\nversion = "1.0"\ndependencies = ["idna"]\n'
        '[build-system]\nrequires = ["flit_core"]\nbuild-backend = "flit_core.buildapi"\n'
    )
    (package / f"{name}.py").write_text('"""Ours."""\n')
    own = ["-c", "user.name=x", "-c", "user.email=x@example.com"]
    dates = {"GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z", "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z"}
    for arguments in (["init", "-q"], ["add", "."], [*own, "commit", "-qm", "one"], ["tag", "v1.0"]):
        subprocess.run(["git", *arguments], cwd=folder, check=True, env={**os.environ, **dates})
    return f"file://{folder}"


def _make(case: Case, place: Path, names_here: Mapping[str, str]) -> None:
    shutil.copytree(case.folder, place, ignore=shutil.ignore_patterns("*.lock", "*.txt", "pylock.toml"))
    for file in (place / "pyproject.toml", place / "Pipfile"):
        if file.exists():
            text = file.read_text()
            for name, here in names_here.items():
                text = text.replace(name, here)
            # Let poetry read only the simple pages of the package index, because a mirror has no others.
            file.write_text(f"{text}\n{_POETRY_MIRROR}" if case.tool == "poetry" else text)
    print(case.name, flush=True)
    _lock(case, place)
    made = {case.lock: (place / case.lock).read_text()}
    for selection in case.selections:
        made[f"{selection}.txt"] = _export(case, place, selection)
    for name, text in made.items():
        for public, here in names_here.items():
            # Poetry writes a path of this machine as a path on the host None.
            text = text.replace(here.replace("file:///", "file://None/"), public).replace(here, public)
        text = re.sub(r'\n\[package\.source\]\ntype = "legacy"\nurl = "\S+"\nreference = "mirror"\n', "", text)
        (case.folder / name).write_text(_with_own_hash(case, place, name, text))


def _with_own_hash(case: Case, place: Path, name: str, text: str) -> str:
    """Replace the hash of the project in a lock by the tool's hash of the project in the repository."""
    changed = next((f for f in ("pyproject.toml", "Pipfile") if (place / f).exists()), "")
    if name != case.lock or not changed or (case.folder / changed).read_text() == (place / changed).read_text():
        return text
    before = _hash_of(case, place)
    shutil.copy(case.folder / changed, place / changed)
    return text.replace(before, _hash_of(case, place)) if before else text


_POETRY_MIRROR = '[[tool.poetry.source]]\nname = "mirror"\nurl = "https://pypi.org/simple/"\n'
_HASHES = {
    "poetry": "from poetry.factory import Factory; print(Factory().create_poetry().locker._get_content_hash())",
    "pdm": "from pdm.core import Core; print(Core().create_project('.').pyproject.content_hash())",
    "pipenv": "from pipenv.project import Project; print(Project().pipfile.calculate_hash())",
}


def _hash_of(case: Case, place: Path) -> str:
    if case.tool not in _HASHES:
        return ""
    python = _TOOLS / case.tool / "bin" / "python"
    return _run(place, str(python), "-c", _HASHES[case.tool]).strip().splitlines()[-1]


def _lock(case: Case, place: Path) -> None:
    commands = {
        "uv": [["uv", "lock"]],
        "poetry": [["poetry", "lock"]],
        "pdm": [["pdm", "lock", "-G:all"]],
        "pipenv": [["pipenv", "lock"]],
        "pylock-pip": [["pip", "lock", "-r", "requirements.in", "-o", "pylock.toml"]],
        "pylock-uv": [
            ["uv", "lock"],
            ["uv", "export", "--frozen", "--no-emit-project", "--no-default-groups", "-o", "pylock.toml"],
        ],
        "pylock-pdm": [["pdm", "lock", "-G:all"]],
    }
    for command in commands.get(case.name) or commands[case.tool]:
        _run(place, *command)


def _export(case: Case, place: Path, selection: str) -> str:
    group = selection.removeprefix("+") if selection.startswith("+") else ""
    extra = selection if selection != "main" and not group else ""
    kind = case.name if case.tool == "pylock" else case.tool
    if kind in {"uv", "pylock-uv"}:
        command = ["uv", "export", "--frozen", "--no-emit-project", "--no-default-groups", "--no-header"]
        command += ["--extra", extra] if extra else ["--group", group] if group else []
    elif kind == "poetry":
        command = ["poetry", "export", *(["--extras", extra] if extra else ["--with", group] if group else [])]
    elif kind in {"pdm", "pylock-pdm"}:
        command = ["pdm", "export", "--prod", *(["-G", extra or group] if extra or group else [])]
    elif kind == "pipenv":
        command = ["pipenv", "requirements", "--hash", "--exclude-index"]
        command += ["--dev"] if group == "develop" else ["--categories", f"packages,{group}"] if group else []
    else:
        command = ["pip", "install", "--dry-run", "--ignore-installed", "--quiet", "--report", "-", "-r", "pylock.toml"]
        report = json.loads(_run(place, *command))
        return "\n".join(sorted(map(_reported, report["install"]))) + "\n"
    return re.sub(r"(?m)^# This file was .*\n|^#    .*\n", "", _run(place, *command))


def _reported(row: Mapping[str, object]) -> str:
    meta, download = row["metadata"], row["download_info"]
    digest = download["archive_info"]["hashes"]["sha256"]  # type: ignore[index]
    return f"{meta['name']}=={meta['version']} --hash=sha256:{digest}"  # type: ignore[index]


def _run(place: Path, *command: str) -> str:
    path = os.pathsep.join(str(folder) for folder in sorted(_TOOLS.glob("*/bin")))
    tool = command[0] if "/" in command[0] else str(_find(command[0]))
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_FIND", "VIRTUAL_ENV", "UV_"))}
    environment |= {"PATH": f"{path}{os.pathsep}{os.environ['PATH']}", "PIPENV_PIPFILE": str(place / "Pipfile")}
    environment |= {
        "PIPENV_IGNORE_VIRTUALENVS": "1",
        "POETRY_VIRTUALENVS_CREATE": "false",
        "PDM_IGNORE_SAVED_PYTHON": "1",
    }
    environment |= {"PIP_CONFIG_FILE": os.devnull, "HOME": str(place.parent / "home"), "UV_PYTHON_DOWNLOADS": "never"}
    done = subprocess.run([tool, *command[1:]], cwd=place, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def _find(tool: str) -> Path:
    return _TOOLS / ("pip26" if tool == "pip" else tool) / "bin" / tool


if __name__ == "__main__":
    main(sys.argv[1:])
