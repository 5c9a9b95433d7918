"""A benchmark from the save of a program to the first line that it prints: rebuild, Compose watch, ``mlspec dev``.

Beside them stands ``docker run`` itself, with the same mount and without an edit. All ways take turns, round after
round, so that other load on the machine affects all alike.
"""

from __future__ import annotations

import argparse
import secrets
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from benchmarks.builds import measuring, variants

BASE = "python:3.12-slim-trixie"
SPEC = "python: 3.12\nname: {image}\nbase: {base}\ntargets: [compose]\nentrypoint: python app.py\n"
CLASSIC = 'FROM {base}\nWORKDIR /app\nCOPY . .\nCMD ["python", "-u", "app.py"]\n'
RUN, REBUILD, COMPOSE, DEV = "docker run", "rebuild and run", "docker compose watch", "mlspec dev"


@dataclass(frozen=True)
class LiveWay:
    """One way to follow an edit: its folder, and a running process that shows the program's output, or None.

    Without a process, ``words`` are run one after the other after each edit, and the last one shows the output.
    """

    folder: Path
    words: Sequence[Sequence[str]] = ()
    output: Iterable[str] | None = None

    def follow(self) -> float:
        """Save another program, and return the seconds until it prints its line."""
        token = secrets.token_hex(8)
        program = f"import time\nprint('{token}', flush=True)\ntime.sleep(600)\n"
        start = time.perf_counter()
        (self.folder / "app.py").write_text(program)
        if self.output:
            return wait_for(self.output, token, start)
        for command in self.words[:-1]:
            measuring.said(command, self.folder)
        return run_until(self.words[-1], self.folder, token, start)


def wait_for(output: Iterable[str], token: str, start: float) -> float:
    """Read lines until one has ``token``, and return the seconds since ``start``."""
    for line in output:
        if token in line:
            return time.perf_counter() - start
    raise RuntimeError(f"the output ended without {token}")


def run_until(words: Sequence[str], folder: Path, token: str, start: float) -> float:
    """Run a container until its program prints ``token``, and return the seconds since ``start``."""
    name = f"mlspec-bench-{token}"
    command = [*words[:2], "--name", name, *words[2:]]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout
        taken = wait_for(child.stdout, token, start)
        subprocess.run(["docker", "rm", "--force", name], check=True, capture_output=True)
    return taken


@contextmanager
def running(words: Sequence[str], folder: Path) -> Iterator[IO[str]]:
    """Run a command for the time of the benchmark, and yield its output."""
    with subprocess.Popen(
        words, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as child:
        assert child.stdout
        try:
            yield child.stdout
        finally:
            child.terminate()


def follow_logs(service: Path) -> Iterator[str]:
    """Yield the lines of the only service of a folder; docker ends its answer when the container is restarted."""
    words = ("docker", "compose", "ps", "--all", "--quiet")
    container = subprocess.run(words, cwd=service, check=True, capture_output=True, text=True).stdout.strip()
    while True:
        with running(("docker", "logs", "--follow", container), service) as output:
            yield from output


def prepare(stack: ExitStack, place: Path, image: str) -> Mapping[str, LiveWay]:
    """Build the images, start what stays running, and return the ways by name."""
    folders = {name: place / str(number) for number, name in enumerate((RUN, REBUILD, COMPOSE, DEV))}
    for number, folder in enumerate(folders.values()):
        folder.mkdir()
        (folder / "app.py").write_text("import time\nprint('ready', flush=True)\ntime.sleep(600)\n")
        if number == 1:
            (folder / "Dockerfile").write_text(CLASSIC.format(base=BASE))
        else:
            (folder / "mlspec.yaml").write_text(SPEC.format(image=f"{image}-{number}", base=BASE))
            subprocess.run([variants.MLSPEC, "build", "--quiet"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    compose = ("docker", "compose", "--progress", "plain")
    subprocess.run([*compose, "up", "--detach"], cwd=folders[COMPOSE], check=True, capture_output=True)
    stack.callback(subprocess.run, [*compose, "down", "--timeout", "0"], cwd=folders[COMPOSE], capture_output=True)
    stack.enter_context(running([*compose, "watch", "--no-up"], folders[COMPOSE]))
    log = follow_logs(folders[COMPOSE])
    shown = stack.enter_context(running([variants.MLSPEC, "dev"], folders[DEV]))
    for output in (log, shown):
        wait_for(output, "ready", 0)
    time.sleep(3)  # Compose watches a moment after its container runs
    build = ("docker", "buildx", "build", "--quiet", "--load", "--provenance=false", "--tag", f"{image}-1", ".")
    mount = f"type=bind,source={folders[RUN]},target=/app"
    return {
        RUN: LiveWay(folders[RUN], [("docker", "run", "--rm", "--init", "--mount", mount, f"{image}-0")]),
        REBUILD: LiveWay(folders[REBUILD], [build, ("docker", "run", "--rm", "--init", f"{image}-1")]),
        COMPOSE: LiveWay(folders[COMPOSE], output=log),
        DEV: LiveWay(folders[DEV], output=shown),
    }


def main() -> None:
    """Run the benchmark and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10, help="edits of each way (default: %(default)s)")
    options, _ = parser.parse_known_args()
    image = f"mlspec-bench-{secrets.token_hex(4)}"
    try:
        with tempfile.TemporaryDirectory() as place, ExitStack() as stack:
            each = prepare(stack, Path(place), image)
            times: dict[str, list[float]] = {name: [] for name in each}
            for _ in range(options.rounds):
                for name, way in each.items():
                    times[name].append(way.follow())
    finally:
        measuring.removed(*(f"{image}-{number}" for number in range(4)))
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    cells = (f"{seconds:.2f} ({seconds / medians[RUN]:.2f})" for seconds in medians.values())
    print(f"From a save to the first line of the program, {options.rounds} edits each, {measuring.here()}.\n")
    print(f"| {' | '.join(medians)} |\n|{' --: |' * len(medians)}\n| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
