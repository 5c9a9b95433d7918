"""A benchmark of the start of containers: classic Dockerfile, mlspec's without the library's bytecode, mlspec's.

The images have the same base, packages and program. New containers start in turn, round after round, so that other load
on the machine affects all images alike. Imports are timed inside of the container; the first answer of the service
counts from the start of ``docker run``. A container of the classic image runs as root, the others as a user who
cannot write bytecode.
"""

from __future__ import annotations

import argparse
import os
import secrets
import socket
import statistics
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.builds import measuring, results, variants
from benchmarks.builds.variants import CLASSIC

ROOT = Path(__file__).parents[1]
BASE = "python:3.12-slim-trixie"
SPEC = f"""\
python: 3.12
name: {{image}}
base: {BASE}
requirements: [fastapi, uvicorn, pandas]
ports: ["8000"]
entrypoint: uvicorn app:app --host 0.0.0.0 --port 8000
"""
CLASSIC_FILE = f"""\
FROM {BASE}
WORKDIR /app
COPY requirements.lock .
RUN pip install --no-cache-dir --requirement requirements.lock
COPY app.py .
ENTRYPOINT ["uvicorn", "app:app", "--host", "0.0.0.0", "--port", "8000"]
"""
APPLICATION = """\
from fastapi import FastAPI

app = FastAPI()


@app.get("/")
def answer() -> dict[str, str]:
    return {"status": "ok"}
"""
WITHOUT, OURS = "mlspec, without the library's bytecode", "mlspec"
COPIED = "/srv/python /\n"
MODULES = (
    "argparse, asyncio, base64, collections, concurrent.futures, contextlib, csv, dataclasses, datetime, decimal, "
    "email.message, hashlib, http.client, inspect, json, logging.config, multiprocessing, pathlib, random, ssl, "
    "tempfile, uuid"
)


def build_images(folder: Path, image: str) -> dict[str, str]:
    """Build the images, and return their names in the engine by their names in the table."""
    (folder / "mlspec.yaml").write_text(SPEC.format(image=image))
    (folder / "app.py").write_text(APPLICATION)
    subprocess.run([variants.MLSPEC, "render", "--quiet"], cwd=folder, check=True)
    text = (folder / "Dockerfile").read_text()
    files = {CLASSIC: CLASSIC_FILE, OURS: text}
    files[WITHOUT] = "".join(line for line in text.splitlines(keepends=True) if not line.endswith(COPIED))
    assert files[WITHOUT] != text
    names = {}
    for number, name in enumerate((CLASSIC, WITHOUT, OURS)):
        file = folder / f"{number}.Dockerfile"
        file.write_text(files[name])
        names[name] = f"{image}-{number}"
        words = ("docker", "buildx", "build", "--load", "--provenance=false", "--file", file.name, "--tag", names[name])
        measuring.said((*words, "."), folder)
    return names


def first_answer(image: str) -> float:
    """Return the seconds from ``docker run`` to the first answer of the service."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    start = time.perf_counter()
    container = measuring.said(("docker", "run", "--detach", "--rm", "--publish", f"127.0.0.1:{port}:8000", image))
    try:
        while time.perf_counter() - start < 120:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5):
                    return time.perf_counter() - start
            except (OSError, urllib.error.URLError):
                time.sleep(0.01)
        raise RuntimeError(f"no answer of {image}")
    finally:
        subprocess.run(("docker", "rm", "--force", container.strip()), capture_output=True)


STARTS: Mapping[str, Callable[[str], float]] = {
    "22 modules of the standard library": lambda image: measuring.startup(image, MODULES),
    "`import pandas`": lambda image: measuring.startup(image, "pandas"),
    "first answer of a FastAPI service": first_answer,
}


def measured(images: Mapping[str, str], rounds: int) -> dict[str, dict[str, list[float]]]:
    """Return the seconds of each round, by start and image. The first round only warms caches."""
    times: dict[str, dict[str, list[float]]] = {start: {name: [] for name in images} for start in STARTS}
    for number in range(rounds + 1):
        for start, measure in STARTS.items():
            for name, image in images.items():
                taken = measure(image)
                times[start][name] += [taken] if number else []
    return times


def table(times: Mapping[str, Mapping[str, Sequence[float]]]) -> str:
    """Return a table of the medians in seconds, each with its ratio to that of the classic Dockerfile."""
    names = list(next(iter(times.values())))
    lines = [f"| | {' | '.join(names)} |", f"| --- |{' --: |' * len(names)}"]
    for start, found in times.items():
        medians = {name: statistics.median(taken) for name, taken in found.items()}
        cells = (f"{seconds:.2f} ({seconds / medians[CLASSIC]:.2f})" for seconds in medians.values())
        lines.append(f"| {start} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Run the benchmark and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9, help="starts of each image (default: %(default)s)")
    parser.add_argument("--write", action="store_true", help="write the table into docs/")
    options = parser.parse_args()
    image = f"mlspec-bench-{secrets.token_hex(4)}"
    try:
        with tempfile.TemporaryDirectory() as place:
            os.environ["MLSPEC_CACHE_DIR"] = str(Path(place, "cache"))
            times = measured(build_images(Path(place), image), options.rounds)
        text = f"{options.rounds} starts each, {measuring.here()}.\n\n{table(times)}"
        print(text)
        if options.write:
            results.write_page(ROOT / "docs" / "benchmarks.md", text, "starts")
    finally:
        measuring.removed(*(f"{image}-{number}" for number in range(3)))


if __name__ == "__main__":
    main()
