"""A comparison of mlspec's locks for a Python with those of a native pip-compile on that Python.

``python -m tests.support.native`` compares all sets of requirements on each Python of this host from 3.9 on, and prints
the differences. It needs a package index and some minutes. Tests compare a sample.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from mlspec.errors import MlspecError
from mlspec.lock.pins import LockTarget
from mlspec.lock.requirements.collect import RequirementEntry, collect
from mlspec.lock.requirements.requirement_types import Requirements
from tests.support.compiling import compile_requirements

SETS: Mapping[str, tuple[str, ...]] = {
    "http": ("requests[socks]", "httpx[http2]", "aiohttp[speedups]"),
    "arrays": ("numpy", "pandas", "scikit-learn"),
    "notebook": ("jupyterlab", "ipywidgets"),
    "server": ("fastapi", "uvicorn[standard]", "gunicorn"),
    "language": ("transformers", "datasets", "tokenizers"),
    "torch": ("torch", "torchvision", "lightning"),
    "tensorflow": ("tensorflow",),
    "jax": ("jax", "flax", "optax"),
    "sources": ("hydra-core", "antlr4-python3-runtime==4.9.3", "rouge-score"),
    "database": ("sqlalchemy[asyncio]", "alembic", "psycopg[binary]"),
    "tools": ("pytest", "coverage[toml]", "black[jupyter]", "mypy"),
    "unsafe": ("setuptools", "pip-tools", "wheel"),
    "boosting": ("xgboost", "lightgbm", "catboost", "optuna"),
    "images": ("opencv-python-headless", "pillow", "albumentations"),
    # Bounds with a matching wheel for each Python. Without such a wheel, pip would compile a source, but mlspec does so
    # only on request.
    "bounds": ("numpy<2.2", "urllib3<2", "protobuf>=3.20,<5", "typing-extensions!=4.12.0"),
    "prereleases": ("sqlalchemy>=2.1.0b1", "attrs>=20"),
    "withdrawn": ("cryptography==37.0.3", "idna"),
}
"""The sets of requirements: extras, all kinds of markers, sources, exact, yanked and pre-release versions."""

SAMPLE = ("server", "tools", "sources")
"""The sets for the tests: one for each Python, in turn."""

_MACHINES = {"x86_64": "linux/amd64", "aarch64": "linux/arm64"}


@dataclass(frozen=True)
class Interpreter:
    """A Python of this host: its version, and the interpreter of an environment with pip-tools."""

    version: str
    program: Path

    @property
    def target(self) -> LockTarget:
        """The target of a lock for this Python on this host."""
        return LockTarget(
            python=self.version, platform=_MACHINES[platform.machine()], glibc=platform.libc_ver()[1] or "2.36"
        )


def interpreters() -> dict[str, Path]:
    """Find one Python of each minor version from 3.9 on, and return their paths by version."""
    names = [shutil.which(f"python3.{minor}") for minor in range(9, 15)]
    roots = sorted(Path.home().glob(".pyenv/versions/3.*/bin/python"))
    found: dict[str, Path] = {}
    for program in (*roots, *(Path(name) for name in names if name)):
        done = subprocess.run(
            [program, "-c", "import platform; print(platform.python_version())"], capture_output=True, text=True
        )
        version = done.stdout.strip()
        minor = re.match(r"3\.(\d+)\.\d+$", version)
        if minor and int(minor[1]) >= 9 and not any(known.startswith(f"3.{minor[1]}.") for known in found):
            found[version] = program
    return found


def prepared(version: str, program: Path, folder: Path) -> Interpreter:
    """Return an interpreter with pip-tools: this process's own, or else one in a virtual environment in ``folder``."""
    if program == Path(sys.executable):
        return Interpreter(version, program)
    place = folder / version
    python = place / "bin" / "python"
    if not (place / "bin" / "pip-compile").exists():
        subprocess.run([program, "-m", "venv", place], check=True, capture_output=True)
        words = [str(python), "-m", "pip", "install", "--quiet", "--upgrade", "pip", "pip-tools"]
        subprocess.run(words, check=True, capture_output=True, env=environment())
    return Interpreter(version, python)


def environment() -> dict[str, str]:
    """Return the environment variables without those that configure pip or Python, except the certificates of pip."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON"))}
    certificate = {"PIP_CERT": os.environ["PIP_CERT"]} if "PIP_CERT" in os.environ else {}
    return {**kept, **certificate, "PIP_CONFIG_FILE": os.devnull}


def required(texts: Sequence[str]) -> Requirements:
    """Parse requirements, one from each text."""
    return collect(
        [RequirementEntry(text, ("requirements", i)) for i, text in enumerate(texts)], lambda _: "", "mlspec.yaml"
    )


def native(interpreter: Interpreter, texts: Sequence[str]) -> set[str] | str:
    """Return the pins of a native pip-compile, or the last line of its error output."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "requirements.in").write_text("\n".join(sorted(texts)) + "\n")
        words = [str(interpreter.program), "-m", "piptools", "compile", "--no-config", "--quiet", "--no-header"]
        words += ["--no-annotate", "--strip-extras", "--allow-unsafe", "--output-file", "-", "requirements.in"]
        done = subprocess.run(words, cwd=folder, env=environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        return (done.stderr.strip().splitlines() or ["it failed"])[-1]
    return {line.strip() for line in done.stdout.splitlines() if "==" in line}


def cross(target: LockTarget, texts: Sequence[str]) -> set[str] | str:
    """Return mlspec's pins for a target, or the message of its first problem."""
    try:
        return {pin.requirement for pin in compile_requirements(required(texts), target, ()).pins}
    except MlspecError as error:
        return error.problems[0].message


def differences(ours: set[str] | str, theirs: set[str] | str) -> tuple[str, ...]:
    """Return the pins that only one of two locks has, or the error if only one failed; empty if both failed."""
    if isinstance(ours, str) or isinstance(theirs, str):
        both_failed = isinstance(ours, str) and isinstance(theirs, str)
        return () if both_failed else (f"mlspec: {ours}", f"native: {theirs}")
    return (*(f"mlspec {pin}" for pin in sorted(ours - theirs)), *(f"native {pin}" for pin in sorted(theirs - ours)))


def _rows(found: Sequence[Interpreter], names: Sequence[str]) -> Iterator[tuple[str, str, int, tuple[str, ...]]]:
    def compare(job: tuple[str, Interpreter]) -> tuple[str, str, int, tuple[str, ...]]:
        name, interpreter = job
        theirs = native(interpreter, SETS[name])
        ours = cross(interpreter.target, SETS[name])
        return name, interpreter.version, len(ours) if isinstance(ours, set) else 0, differences(ours, theirs)

    with ThreadPoolExecutor(max(2, os.cpu_count() or 2)) as pool:
        yield from pool.map(compare, [(name, interpreter) for name in names for interpreter in found])


def main() -> int:
    """Compare the sets on the command line, by default all. Return 1 if any pin differs."""
    start, folder = time.monotonic(), Path(os.environ.get("MLSPEC_NATIVE", ".venv/native")).resolve()
    found = [prepared(version, program, folder) for version, program in interpreters().items()]
    pins = differing = locks = refused = 0
    for name, version, count, found_here in _rows(found, sys.argv[1:] or list(SETS)):
        locks, pins, refused = locks + bool(count), pins + count, refused + (not count and not found_here)
        differing += len(found_here)
        said = "; ".join(found_here) or ("the same" if count else "nothing fits, for both")
        print(f"{name} on Python {version}: {count} pins, {said}", flush=True)
    print(f"{locks} locks, {pins} pins, {differing} that differ; {refused} that neither can make")
    print(f"in {time.monotonic() - start:.0f} s, with Pythons {', '.join(one.version for one in found)}")
    return bool(differing)


if __name__ == "__main__":
    sys.exit(main())
