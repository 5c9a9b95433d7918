"""Whether a lock made here for a Python is the one that a native pip-compile of that Python makes.

``python -m tests.support.native`` compares every set of requirements with every Python from 3.9 on that this host has,
and says what differs; it takes a package index and some minutes. Tests take a sample of it.
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
from mlspec.host.resolver import compile_requirements
from mlspec.lock.pins import LockTarget
from mlspec.lock.requirements.collect import RequirementEntry, collect
from mlspec.lock.requirements.values import Requirements

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
    # Within bounds that wheels fit on every Python: pip would compile a source where others have wheels, and mlspec
    # does so only where it is asked to.
    "bounds": ("numpy<2.2", "urllib3<2", "protobuf>=3.20,<5", "typing-extensions!=4.12.0"),
    "prereleases": ("sqlalchemy>=2.1.0b1", "attrs>=20"),
    "withdrawn": ("cryptography==37.0.3", "idna"),
}
"""What is asked for: extras, markers of every kind, sources, exact, withdrawn and pre-release versions."""

SAMPLE = ("server", "tools", "sources")
"""The sets that the tests take: one for each Python, in turn."""

_MACHINES = {"x86_64": "linux/amd64", "aarch64": "linux/arm64"}


@dataclass(frozen=True)
class Interpreter:
    """A Python of this host, and a virtual environment of it that holds pip-tools."""

    version: str
    program: Path

    @property
    def target(self) -> LockTarget:
        """What a lock for this Python on this host is made for."""
        return LockTarget(
            python=self.version, platform=_MACHINES[platform.machine()], glibc=platform.libc_ver()[1] or "2.36"
        )


def interpreters() -> dict[str, Path]:
    """Return the Pythons from 3.9 on that are found on this host, by their versions: of each minor version one."""
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
    """Return an interpreter with pip-tools of its own below ``folder``."""
    place = folder / version
    python = place / "bin" / "python"
    if not (place / "bin" / "pip-compile").exists():
        subprocess.run([program, "-m", "venv", place], check=True, capture_output=True)
        words = [str(python), "-m", "pip", "install", "--quiet", "--upgrade", "pip", "pip-tools"]
        subprocess.run(words, check=True, capture_output=True, env=environment())
    return Interpreter(version, python)


def environment() -> dict[str, str]:
    """Return this environment without what configures pip, but for its certificates."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON"))}
    certificate = {"PIP_CERT": os.environ["PIP_CERT"]} if "PIP_CERT" in os.environ else {}
    return {**kept, **certificate, "PIP_CONFIG_FILE": os.devnull}


def required(texts: Sequence[str]) -> Requirements:
    """Return the requirements in these lines."""
    return collect(
        [RequirementEntry(text, ("requirements", i)) for i, text in enumerate(texts)], lambda _: "", "mlspec.yaml"
    )


def native(interpreter: Interpreter, texts: Sequence[str]) -> set[str] | str:
    """Return what a pip-compile of this Python pins; or the end of what it says where it fails."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "requirements.in").write_text("\n".join(sorted(texts)) + "\n")
        words = [str(interpreter.program), "-m", "piptools", "compile", "--no-config", "--quiet", "--no-header"]
        words += ["--no-annotate", "--strip-extras", "--allow-unsafe", "--output-file", "-", "requirements.in"]
        done = subprocess.run(words, cwd=folder, env=environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        return (done.stderr.strip().splitlines() or ["it failed"])[-1]
    return {line.strip() for line in done.stdout.splitlines() if "==" in line}


def cross(target: LockTarget, texts: Sequence[str]) -> set[str] | str:
    """Return what mlspec pins for a target; or the first line of what it says where it fails."""
    try:
        return {pin.requirement for pin in compile_requirements(required(texts), target, ()).pins}
    except MlspecError as error:
        return error.problems[0].message


def differences(ours: set[str] | str, theirs: set[str] | str) -> tuple[str, ...]:
    """Return the pins that only one of two locks has; nothing where both could not be made."""
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
    """Compare the sets that are named, or all; returns 1 where any pin differs."""
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
