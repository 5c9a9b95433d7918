"""A benchmark of mlspec's overhead without changes: builds and runs, against docker alone.

The image is already built. Each command is a whole process. The commands run in turn, round after round, so that other
load on the machine affects all of them alike. CPU seconds are those of the command and its child processes, not those
of the engine. The table shows the least CPU seconds, because other load only adds to them.
"""

from __future__ import annotations

import argparse
import os
import resource
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.builds import measuring, results, variants

ROOT = Path(__file__).parents[1]
BASE = "python:3.11-slim"
SPEC = f"""\
python: 3.11
name: {{image}}
base: {BASE}
entrypoint: python app.py
mounts: [./data:/app/data]
"""
PAIRS = {
    "build": ("docker buildx build", "mlspec build"),
    "run": ("run.sh", "mlspec run"),
    "import": ("python -c pass", "import mlspec.api"),
}


@dataclass(frozen=True)
class Cost:
    """The cost of one command: wall-clock seconds and CPU seconds."""

    wall: float
    cpu: float


def cost(words: Sequence[str], folder: Path) -> Cost:
    """Run a command and return its cost. Raises CalledProcessError if the command fails."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(words, cwd=folder, check=True, capture_output=True, stdin=subprocess.DEVNULL)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def commands(folder: Path, image: str) -> Mapping[str, Sequence[str]]:
    """Build an image in ``folder``, and return the measured commands by their names in the table."""
    (folder / "mlspec.yaml").write_text(SPEC.format(image=image))
    (folder / "app.py").write_text("print('hello')\n")
    subprocess.run([variants.MLSPEC, "render", "--quiet"], cwd=folder, check=True)
    # mlspec caches only a build that wrote no files. The files are up to date, so it caches this build.
    subprocess.run([variants.MLSPEC, "build", "--quiet"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    other = ("docker", "buildx", "build", "--load", "--provenance=false", "--tag", f"{image}-docker", ".")
    return {
        "docker buildx build": other,
        "mlspec build": (variants.MLSPEC, "build"),
        "run.sh": ("./run.sh",),
        "mlspec run": (variants.MLSPEC, "run"),
        "python -c pass": (sys.executable, "-c", "pass"),
        "import mlspec.api": (sys.executable, "-c", "import mlspec.api"),
    }


def measured(each: Mapping[str, Sequence[str]], folder: Path, rounds: int) -> dict[str, list[Cost]]:
    """Return the costs of each round, by command. The first round only warms caches."""
    found: dict[str, list[Cost]] = {name: [] for name in each}
    for number in range(rounds + 1):
        for name, words in each.items():
            taken = cost(words, folder)
            found[name] += [taken] if number else []
    return found


def table(found: Mapping[str, Sequence[Cost]]) -> str:
    """Return a table of median seconds and least CPU seconds, with the ratio and the differences of each pair."""
    lines = ["| | s | CPU s | times | more, s | more CPU, s |", "| --- | --: | --: | --: | --: | --: |"]
    for bare, ours in PAIRS.values():
        walls = {name: statistics.median(taken.wall for taken in found[name]) for name in (bare, ours)}
        cpus = {name: min(taken.cpu for taken in found[name]) for name in (bare, ours)}
        lines.append(f"| {bare} | {walls[bare]:.2f} | {cpus[bare]:.2f} | | | |")
        more = f"{walls[ours] / walls[bare]:.2f} | {walls[ours] - walls[bare]:.2f} | {cpus[ours] - cpus[bare]:.2f}"
        lines.append(f"| {ours} | {walls[ours]:.2f} | {cpus[ours]:.2f} | {more} |")
    return "\n".join(lines)


def main() -> None:
    """Run the benchmark and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15, help="runs of each command (default: %(default)s)")
    parser.add_argument("--write", action="store_true", help="write the table into docs/")
    options = parser.parse_args()
    image = f"mlspec-bench-{secrets.token_hex(4)}"
    try:
        with tempfile.TemporaryDirectory() as place:
            os.environ["MLSPEC_CACHE_DIR"] = str(Path(place, "cache"))
            folder = Path(place, "project")
            folder.mkdir()
            found = measured(commands(folder, image), folder, options.rounds)
        text = f"{options.rounds} runs each, {measuring.here()}.\n\n{table(found)}"
        print(text)
        if options.write:
            results.write_page(ROOT / "docs" / "benchmarks.md", text, "unchanged")
    finally:
        measuring.removed(image, f"{image}-docker")


if __name__ == "__main__":
    main()
