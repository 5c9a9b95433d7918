"""A script that makes the metadata of one source, for the Python of the build, which need not have mlspec.

Run it as ``python -I script.py CONTEXT OUT``; on a host, add the argument ``watched``.

CONTEXT contains ``job.json``, the folder ``source`` and the folder ``files`` with all build dependencies. The script
writes METADATA and asked.json to OUT; or requires.json, if the backend requires packages that are not installed; or
error.txt, with the output of a failed command. Its exit code is 0 in each of these cases.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

# The hooks of PEP 517, for the Python of the build. They write results to files, because a backend may print anything.
_BACKEND = """
import importlib, json, os, sys
job, out = json.loads(sys.argv[1]), sys.argv[2]
sys.path[:0] = [os.path.abspath(path) for path in job["backend_path"]]
module, _, attribute = job["backend"].partition(":")
backend = importlib.import_module(module)
for name in filter(None, attribute.split(".")):
    backend = getattr(backend, name)
"""
_ASK = (
    _BACKEND
    + """
from importlib.metadata import distributions
asked = list(getattr(backend, "get_requires_for_build_wheel", lambda settings: [])(None))
there = {found.metadata["Name"]: found.version for found in distributions()}
json.dump({"asked": asked, "there": there}, open(os.path.join(out, "asked.json"), "w"))
"""
)
_MAKE = (
    _BACKEND
    + """
if hasattr(backend, "prepare_metadata_for_build_wheel"):
    folder = backend.prepare_metadata_for_build_wheel(out, None)
    text = open(os.path.join(out, folder, "METADATA"), encoding="utf-8").read()
else:
    import zipfile
    with zipfile.ZipFile(os.path.join(out, backend.build_wheel(out, None))) as wheel:
        (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA") and name.count("/") == 1)
        text = wheel.read(name).decode("utf-8")
open(os.path.join(out, "METADATA"), "w", encoding="utf-8").write(text)
"""
)


class Failed(Exception):
    """The failure of a command; its text is the command's output."""


def main(context: Path, out: Path) -> None:
    """Make the metadata, and write the result or the error into the folder ``out``."""
    job = json.loads((context / "job.json").read_text(encoding="utf-8"))
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        try:
            _make(job, context, Path(folder), out)
        except Failed as error:
            (out / "error.txt").write_text(str(error), encoding="utf-8", errors="replace")


def _make(job: dict[str, object], context: Path, folder: Path, out: Path) -> None:
    source, work = folder / "source", folder / "work"
    shutil.copytree(context / "source", source, symlinks=True)
    work.mkdir()
    python = _environment(job, context, folder)
    facts = json.dumps({key: job[key] for key in ("backend", "backend_path")})
    _run(source, python, "-c", _ASK, facts, str(work))
    answer = json.loads((work / "asked.json").read_text(encoding="utf-8"))
    if any(_lacks(text, answer["there"]) for text in answer["asked"]):
        (out / "requires.json").write_text(json.dumps(answer["asked"]), encoding="utf-8")
        return
    _run(source, python, "-c", _MAKE, facts, str(work))
    (out / "asked.json").write_text(json.dumps(answer["asked"]), encoding="utf-8")
    shutil.copyfile(work / "METADATA", out / "METADATA")


def _environment(job: dict[str, object], context: Path, folder: Path) -> str:
    """Return the path of Python in a new virtual environment with the build dependencies."""
    environment = folder / "environment"
    _run(folder, sys.executable, "-m", "venv", "--without-pip", str(environment))
    python = str(environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))
    if wanted := [str(text) for text in _list(job["requirements"])]:
        requirements = folder / "requirements.txt"
        requirements.write_text("\n".join(wanted) + "\n", encoding="utf-8")
        pip = (sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check", "install", "--quiet")
        options = [str(text).replace("CONTEXT", str(context)) for text in _list(job["pip"])]
        _run(folder, *pip, *options, "--requirement", str(requirements))
    return python


def _lacks(text: str, there: dict[str, str]) -> bool:
    """Return whether the installed packages, ``there``, do not satisfy a requirement."""
    from pip._vendor.packaging.requirements import Requirement
    from pip._vendor.packaging.utils import canonicalize_name

    wanted = Requirement(text)
    versions = {canonicalize_name(name): version for name, version in there.items()}
    found = versions.get(canonicalize_name(wanted.name))
    if found is None:
        return wanted.marker is None or wanted.marker.evaluate({"extra": ""})
    return not wanted.specifier.contains(found, prereleases=True)


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _run(folder: Path, *words: str) -> None:
    """Run a command; raises Failed with its output if it fails."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    # Find programs of the virtual environment first, such as cmake from its wheel.
    path = os.pathsep.join((str(Path(words[0]).parent), os.environ.get("PATH", os.defpath)))
    done = subprocess.run(
        words,
        cwd=folder,
        env={**own, "PATH": path, "PYTHONNOUSERSITE": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if done.returncode:
        raise Failed(done.stdout.decode("utf-8", "replace"))


def _watch() -> None:
    """Kill the whole session as soon as standard input, a pipe, is closed: then the calling process has ended."""
    while os.read(0, 4096):
        pass
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    if sys.argv[3:] == ["watched"] and hasattr(os, "killpg"):
        threading.Thread(target=_watch, daemon=True).start()
    main(Path(sys.argv[1]), Path(sys.argv[2]))
