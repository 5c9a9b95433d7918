"""Records the streams beside this file anew, each with its Dockerfile: ``python -m tests.build.streams.record``.

``cold`` builds everything, ``cached`` builds it again, and each of the others builds what fails.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from mlspec.lock.image_facts import ImageFacts
from mlspec.plan import plan
from mlspec.plan.plan import Plan
from mlspec.spec import document, spec
from mlspec.spec.spec import Spec
from mlspec.targets import registry as targets
from mlspec.targets import run_script as commands
from mlspec.targets.run_script import BuildOptions

HERE = Path(__file__).parent
PROJECT = HERE / "project"
# What is written in place of what, in the project's files, for a build that fails.
EDITS = {
    "no-apt-package": ("mlspec.yaml", "tree", "treee"),
    "step-fails": ("mlspec.yaml", "import idna'", 'import idna; print("checked"); raise SystemExit(3)\''),
    "wrong-hash": ("requirements.lock", "4721f391", "00000000"),
    "no-lock": ("requirements.lock", "", ""),
}


def read(text: str, base: str = "python:3.12-slim") -> tuple[Spec, Plan]:
    """Return the project's spec and plan, with a lock of one layer; ``text`` is that of its ``mlspec.yaml``."""
    found = spec.validate(document.parse(text, "mlspec.yaml"))
    resolved = ImageFacts(project="streams", base=base, is_official=True, layers=("tiny_wheels",))
    return found, plan.resolve("mlspec.yaml", found.images[0], resolved)


def edited(name: str) -> dict[str, str]:
    """Return the project's files for a recording, by name; the lock is missing from one of them."""
    files = {path.name: path.read_text(encoding="utf-8") for path in PROJECT.iterdir()}
    if name in EDITS:
        file, old, new = EDITS[name]
        files[file] = files[file].replace(old, new)
    return {key: text for key, text in files.items() if not (name == "no-lock" and key == "requirements.lock")}


def _recorded(name: str, *, no_cache: bool = False) -> tuple[bytes, str]:
    folder = Path(tempfile.mkdtemp())
    files = edited(name)
    _, made = read(files["mlspec.yaml"])
    texts = {artifact.path: artifact.text for artifact in targets.emit(made)}
    for path, text in {**files, **texts}.items():
        (folder / path).write_text(text, encoding="utf-8")
    command = commands.build_command(made, BuildOptions(progress="rawjson", no_cache=no_cache))
    done = subprocess.run(command, cwd=folder, stderr=subprocess.PIPE, env=os.environ, check=False)
    shutil.rmtree(folder)
    return done.stderr, texts["Dockerfile"]


if __name__ == "__main__":
    for name in ("cold", "cached", *EDITS):
        stream, dockerfile = _recorded(name, no_cache=name == "cold")
        (HERE / f"{name}.jsonl").write_bytes(stream)
        (HERE / f"{name}.Dockerfile").write_text(dockerfile, encoding="utf-8")
    subprocess.run(["docker", "rmi", "streams"], check=False)
