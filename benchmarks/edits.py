"""A benchmark from an edit of the code to the image: classic Dockerfile, mlspec's Dockerfile, ``mlspec build``.

All ways build the same program and packages on one engine. The first build of each way is not measured. Then the
benchmark edits and builds the program in turn, round after round, so that other load on the machine affects all ways
alike. The first builds take their packages from the default index.
"""

from __future__ import annotations

import argparse
import os
import secrets
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.builds import measuring, results, variants
from benchmarks.builds.project import STACKS, State, initial, weights
from benchmarks.builds.variants import CLASSIC, Site

STACK = STACKS["quick"]
BASE = "python:3.11-slim"
SPEC = f"""\
python: 3.11
name: {{image}}
base: {BASE}
requirements: requirements.txt
environment: {{{{MODE: train}}}}
entrypoint: python app.py
"""
BY_DOCKER, BY_MLSPEC = "mlspec's Dockerfile, docker build", "mlspec build"
ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Way:
    """One way to build: the words of the command, and its working folder."""

    words: Sequence[str]
    folder: Path

    def build(self, edit: str = "") -> float:
        """Add ``edit`` to the program, build the image, and return the seconds of the whole command."""
        with (self.folder / "app.py").open("a", encoding="utf-8") as program:
            program.write(edit)
        start = time.perf_counter()
        measuring.said(self.words, self.folder)
        return time.perf_counter() - start


def docker(image: str) -> tuple[str, ...]:
    """Return the command that builds an image with docker alone."""
    return ("docker", "buildx", "build", "--load", "--provenance=false", "--tag", image, ".")


def ways(folder: Path, image: str, start: State) -> Mapping[str, Way]:
    """Prepare the ways to build one program, each with its own folder and its own image."""
    places = {name: folder / str(number) for number, name in enumerate((CLASSIC, BY_DOCKER, BY_MLSPEC))}
    variants.prepare(CLASSIC, places[CLASSIC], start, Site("", ""), image)
    for number, name in enumerate((BY_DOCKER, BY_MLSPEC), start=1):
        start.written(places[name])
        (places[name] / "mlspec.yaml").write_text(SPEC.format(image=f"{image}-{number}"))
        subprocess.run([variants.MLSPEC, "render", "--quiet"], cwd=places[name], check=True)
    return {
        CLASSIC: Way(docker(f"{image}-0"), places[CLASSIC]),
        BY_DOCKER: Way(docker(f"{image}-1"), places[BY_DOCKER]),
        BY_MLSPEC: Way((variants.MLSPEC, "build"), places[BY_MLSPEC]),
    }


def measured(each: Mapping[str, Way], rounds: int) -> dict[str, list[float]]:
    """Return the seconds of each round, by way. The first builds and the first round only warm caches."""
    for way in each.values():
        way.build()
    times: dict[str, list[float]] = {name: [] for name in each}
    for number in range(rounds + 1):
        for name, way in each.items():
            taken = way.build(f"# edit {number} {secrets.token_hex(4)}\n")
            times[name] += [taken] if number else []
    return times


def table(found: Iterable[tuple[str, Mapping[str, Sequence[float]]]]) -> str:
    """Return a table of the medians in seconds, each with its ratio to that of the classic Dockerfile."""
    found = list(found)
    names = list(found[0][1])
    lines = [f"| | {' | '.join(names)} |", f"| --- |{' --: |' * len(names)}"]
    for program, times in found:
        medians = {name: statistics.median(taken) for name, taken in times.items()}
        cells = (f"{seconds:.2f} ({seconds / medians[CLASSIC]:.2f})" for seconds in medians.values())
        lines.append(f"| {program} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Run the benchmark and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15, help="edits of each program (default: %(default)s)")
    parser.add_argument("--write", action="store_true", help="write the table into docs/")
    options = parser.parse_args()
    image = f"mlspec-bench-{secrets.token_hex(4)}"
    programs = {"a program": 0, "a program beside 100 MB": 100_000_000}
    names = [f"{image}-{size}-{n}" for size in programs.values() for n in range(3)]
    try:
        with tempfile.TemporaryDirectory() as place:
            os.environ["MLSPEC_CACHE_DIR"] = str(Path(place, "cache"))
            found = []
            for program, size in programs.items():
                start = replace(initial(STACK, BASE), model=weights(size) if size else b"")
                each = ways(Path(place, str(size)), f"{image}-{size}", start)
                found.append((program, measured(each, options.rounds)))
        text = f"{options.rounds} edits each, {measuring.here()}.\n\n{table(found)}"
        print(text)
        if options.write:
            results.write_page(ROOT / "docs" / "benchmarks.md", text, "edits")
    finally:
        measuring.removed(*names)


if __name__ == "__main__":
    main()
