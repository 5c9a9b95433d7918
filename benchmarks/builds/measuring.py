"""One build on the engine, and what it costs: seconds, bytes of a push, sizes, start-up."""

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
    """What one build took. Sizes in bytes; those of the image and its start-up for the first build only."""

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
        """Return it for a JSON file."""
        return asdict(self)


def said(command: Sequence[str], cwd: Path | None = None) -> str:
    """Return what a command prints; a failure shows the end of what it said."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    if done.returncode:
        end = "\n".join((done.stdout + done.stderr).splitlines()[-25:])
        raise RuntimeError(f"{' '.join(command)} failed:\n{end}")
    return done.stdout


def here() -> str:
    """Return when and on which engine this is."""
    engine = said(("docker", "version", "--format", "{{.Server.Version}}")).strip()
    cores = said(("docker", "info", "--format", "{{.NCPU}} cores, storage driver {{.Driver}}")).strip()
    return f"{datetime.now(UTC).date().isoformat()}; engine {engine}, {cores}"


def build(folder: Path, image: str) -> float:
    """Build the Dockerfile of ``folder`` into the engine as ``image``; return the seconds it took."""
    # The index listens on this host's loopback address.
    command = ("docker", "buildx", "build", "--load", "--provenance=false", "--network=host", "--tag", image, ".")
    start = time.perf_counter()
    said(command, folder)
    return time.perf_counter() - start


def push(sink: Sink, image: str, repository: str) -> tuple[int, int]:
    """Push an image; return the new bytes that it uploaded, and the compressed bytes of all its layers."""
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
    """Return what a few lines of Python print in a new container of an image."""
    command = ("docker", "run", "--rm", "--network=none", "--entrypoint", "python", image, "-c", code, *arguments)
    return said(command).strip()


def startup(image: str, module: str) -> float:
    """Return the seconds that importing a module takes in a new container."""
    return float(python(image, TIMED_IMPORT.format(module=module)))


def unpacked(image: str) -> int:
    """Return the bytes that the layers of an image take on the engine's disk.

    What one layer holds and a later one hides, such as a package of the base that was updated, is kept, and counts.
    """
    command = ("docker", "history", "--human=false", "--format", "{{.Size}}", image)
    return sum(map(int, said(command).split()))


def require(image: str, pins: dict[str, str]) -> None:
    """Raise where an image has other versions of packages: it would not be the same environment."""
    found = json.loads(python(image, VERSIONS, *pins))
    assert found == pins, {name: found[name] for name in pins if found[name] != pins[name]}


def removed(*images: str) -> None:
    """Remove images from the engine, where they are there."""
    subprocess.run(("docker", "rmi", "--force", *images), capture_output=True)
