"""Downloaded wheels for the Python of the images, kept for later runs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from mlspec.facts.torch import torch_index

PYTHON = "3.11"
"""The Python of all measured images."""

_GLIBCS = ("2_5", "2_12", *(f"2_{minor}" for minor in range(17, 37)))
_PLATFORMS = [f"manylinux{name}_x86_64" for name in ("1", "2010", "2014", *(f"_{glibc}" for glibc in _GLIBCS))]


def downloaded(requirements: Iterable[str], folder: Path, *, dependencies: bool = False) -> Path:
    """Download the wheels of requirements into ``folder``, with ``dependencies`` also those of their dependencies.

    If ``folder`` already has the wheels of the same requirements, download nothing. Return ``folder``.
    """
    wanted, done = "\n".join(requirements), folder / "wheels.txt"
    if done.exists() and done.read_text() == wanted:
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary=:all:", f"--python-version={PYTHON}"]
    pip += [f"--platform={name}" for name in _PLATFORMS]
    pip += [] if dependencies else ["--no-deps"]
    for requirement in wanted.splitlines():
        # Builds of torch with a label, such as 2.13.0+cpu, are on the index of that label, not on the main index.
        _, plus, label = requirement.partition("+")
        own = [f"--extra-index-url={torch_index(label).url}"] if plus else []
        subprocess.run([*pip, *own, f"--dest={folder}", requirement], check=True, stderr=subprocess.DEVNULL)
    done.write_text(wanted)
    return folder
