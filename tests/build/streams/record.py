"""A recorder of the streams beside this file, with their Dockerfiles: ``python -m tests.build.streams.record [NAME]``.

``cold`` builds everything, ``cached`` builds it again, ``shared`` is one of two simultaneous builds of the same files,
and each of the others is a failing build.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from mlspec.lock.image_facts import ImageFacts
from mlspec.plan import plan
from mlspec.plan.plan import Plan
from mlspec.spec import document, spec
from mlspec.spec.spec import Spec
from mlspec.targets import registry, run_script
from mlspec.targets.build_options import BuildOptions

HERE = Path(__file__).parent
PROJECT = HERE / "project"
# The edit of the project for each failing build: file, old text, new text.
EDITS = {
    "no-apt-package": ("mlspec.yaml", "tree", "treee"),
    "step-fails": ("mlspec.yaml", "import idna'", 'import idna; print("checked"); raise SystemExit(3)\''),
    "wrong-hash": ("requirements.lock", "4721f391", "00000000"),
    "no-lock": ("requirements.lock", "", ""),
}


def read(text: str, base: str = "python:3.12-slim") -> tuple[Spec, Plan]:
    """Return the spec and the plan of a project, with a lock of one layer; ``text`` is its ``mlspec.yaml``."""
    found = spec.validate(document.parse(text, "mlspec.yaml"))
    resolved = ImageFacts(project="streams", base=base, is_official=True, layers=("tiny_wheels",))
    return found, plan.resolve("mlspec.yaml", found.images[0], resolved)


def edited(name: str) -> dict[str, str]:
    """Return the texts of the project's files for a recording, by name; the recording ``no-lock`` has no lock."""
    files = {path.name: path.read_text(encoding="utf-8") for path in PROJECT.iterdir()}
    if name in EDITS:
        file, old, new = EDITS[name]
        files[file] = files[file].replace(old, new)
    return {key: text for key, text in files.items() if not (name == "no-lock" and key == "requirements.lock")}


@contextmanager
def _building(name: str, *, no_cache: bool = False, program: str = "") -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Start a build of the project; yield its process and its Dockerfile. ``program`` replaces the text of main.py."""
    files = edited(name)
    _, made = read(files["mlspec.yaml"])
    texts = {artifact.path: artifact.text for artifact in registry.emit(made)}
    command = run_script.build_command(made, BuildOptions(progress="rawjson", no_cache=no_cache))
    with tempfile.TemporaryDirectory() as folder:
        for path, text in {**files, **texts, **({"main.py": program} if program else {})}.items():
            Path(folder, path).write_text(text, encoding="utf-8")
        with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE) as child:
            yield child, texts["Dockerfile"]


def _record(name: str) -> tuple[bytes, str]:
    """Return the stream of a build and its Dockerfile."""
    if name != "shared":
        with _building(name, no_cache=name == "cold") as (child, dockerfile):
            return child.communicate()[1], dockerfile
    # The program must be new to the cache, or the second build has no step to share.
    program = f"# {time.time()}\n"
    with _building(name, program=program) as (first, _), _building(name, program=program) as (second, dockerfile):
        # Read both outputs at once, so that neither build waits for a full pipe.
        with ThreadPoolExecutor() as pool:
            said = list(pool.map(lambda child: child.communicate()[1], (first, second)))
        # It is chance which of the builds BuildKit merges into the other.
        return next((text for text in said if b"context canceled" in text), said[1]), dockerfile


if __name__ == "__main__":
    for name in sys.argv[1:] or ("cold", "cached", "shared", *EDITS):
        stream, dockerfile = _record(name)
        (HERE / f"{name}.jsonl").write_bytes(stream)
        (HERE / f"{name}.Dockerfile").write_text(dockerfile, encoding="utf-8")
    subprocess.run(["docker", "rmi", "streams"], check=False)
