"""Measurements of one build on the engine: seconds, bytes of a push, sizes, start-up time."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.builds.sink import Sink

TIMED_IMPORT = "import time; start = time.perf_counter(); import {module}; print(time.perf_counter() - start)"
VERSIONS = "import importlib.metadata as m, json, sys; print(json.dumps({n: m.version(n) for n in sys.argv[1:]}))"


@dataclass(frozen=True)
class Sample:
    """The measurements of one build, with sizes in bytes.

    Only the first build has ``unpacked``, the size of the image, and ``startup_seconds``.
    """

    variant: str
    scenario: str
    round: int
    seconds: float
    render_seconds: float
    pushed: int
    compressed: int
    unpacked: int = 0
    startup_seconds: float = 0.0

    def as_dict(self) -> dict[str, object]:
        """Return the sample as a dictionary for a JSON file."""
        return asdict(self)


def said(command: Sequence[str], cwd: Path | None = None) -> str:
    """Return the output of a command. Raises RuntimeError with the end of its output if the command fails."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    if done.returncode:
        end = "\n".join((done.stdout + done.stderr).splitlines()[-25:])
        raise RuntimeError(f"{' '.join(command)} failed:\n{end}")
    return done.stdout


def here() -> str:
    """Return a text with the day and the engine of the measurements."""
    engine = said(("docker", "version", "--format", "{{.Server.Version}}")).strip()
    cores = said(("docker", "info", "--format", "{{.NCPU}} cores, storage driver {{.Driver}}")).strip()
    return f"{datetime.now(UTC).date().isoformat()}; engine {engine}, {cores}"


def build(folder: Path, image: str) -> float:
    """Build the Dockerfile of ``folder`` into the engine as ``image``, and return the seconds of the build."""
    # The index listens on this host's loopback address.
    command = ("docker", "buildx", "build", "--load", "--provenance=false", "--network=host", "--tag", image, ".")
    start = time.perf_counter()
    said(command, folder)
    return time.perf_counter() - start


def push(sink: Sink, image: str, repository: str) -> tuple[int, int]:
    """Push an image; return the uploaded bytes, and the compressed bytes of all layers of the image."""
    name = f"{sink.address}/{repository}:latest"
    before = sink.bytes[repository]
    said(("docker", "tag", image, name))
    output = said(("docker", "push", name))
    said(("docker", "rmi", "--no-prune", name))
    digest = next(word for word in output.split() if word.startswith("sha256:") and word in sink.manifests)
    layers = sink.manifests[digest].get("layers", [])
    assert isinstance(layers, list)
    return sink.bytes[repository] - before, sum(layer["size"] for layer in layers)


def python(image: str, code: str, *arguments: str) -> str:
    """Return the output of Python code in a new container of an image."""
    command = ("docker", "run", "--rm", "--network=none", "--entrypoint", "python", image, "-c", code, *arguments)
    return said(command).strip()


def startup(image: str, module: str) -> float:
    """Return the seconds that the import of a module takes in a new container."""
    return float(python(image, TIMED_IMPORT.format(module=module)))


def unpacked(image: str) -> int:
    """Return the bytes that the layers of an image take on the engine's disk.

    A file counts even if a later layer hides it, such as a file of an updated package of the base.
    """
    command = ("docker", "history", "--human=false", "--format", "{{.Size}}", image)
    return sum(map(int, said(command).split()))


def require(image: str, pins: dict[str, str]) -> None:
    """Raise AssertionError if an image has other versions of packages, and so is not the same environment."""
    found = json.loads(python(image, VERSIONS, *pins))
    assert found == pins, {name: found[name] for name in pins if found[name] != pins[name]}


def removed(*images: str) -> None:
    """Remove images from the engine, if it has them."""
    subprocess.run(("docker", "rmi", "--force", *images), capture_output=True)
