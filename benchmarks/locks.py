"""A benchmark of locking: ``mlspec lock`` beside ``uv pip compile --generate-hashes``, on the same index.

Both lock the same names for the same Python and platform, in turn, round after round, so that other load on the machine
and on the index affects both alike. The index is the default one, and the caches of both tools lie in a folder of the
benchmark. The table shows medians of the seconds, and of the seconds of CPU time.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.builds import results

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
_THIRTY = """
fastapi uvicorn pydantic-settings sqlalchemy alembic httpx requests numpy pandas scikit-learn matplotlib tokenizers
tensorboard optuna typer rich tqdm pyyaml pillow boto3 redis celery jinja2 pyarrow seaborn python-dotenv click orjson
psycopg prometheus-client
"""
_FIFTY = """
transformers datasets huggingface-hub xgboost lightgbm polars duckdb networkx plotly statsmodels scipy sympy
opencv-python-headless imageio scikit-image h5py zarr xarray numba joblib cloudpickle fsspec aiohttp websockets gunicorn
pytest mypy black ipython cryptography paramiko lxml beautifulsoup4 openpyxl loguru structlog sentry-sdk tenacity
httptools flask django marshmallow attrs cachetools docker kubernetes pymongo elasticsearch pytz babel
"""
NAMES: Mapping[int, Sequence[str]] = {30: _THIRTY.split(), 80: f"{_THIRTY} {_FIFTY}".split()}
ADDED = "tabulate"
SPEC = "python: 3.12\nrequirements: requirements.in\n"
NOTHING, ONE, UPGRADE = "from nothing", "one name added", "--upgrade"


@dataclass(frozen=True)
class Cost:
    """The cost of one command, in seconds and in seconds of CPU time."""

    seconds: float
    cpu: float


@dataclass(frozen=True)
class Tool:
    """A tool that locks ``requirements.in`` in its folder. ``lock`` is the file that it writes."""

    name: str
    folder: Path
    words: Sequence[str]
    lock: str
    environment: Mapping[str, str] = field(default_factory=dict)

    def require(self, names: Sequence[str]) -> None:
        """Write the requirements."""
        (self.folder / "requirements.in").write_text("".join(f"{name}\n" for name in names))

    def run(self, *options: str) -> Cost:
        """Lock, and return the cost. Raises RuntimeError if the tool fails."""
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        words, environment = [*self.words, *options], {**os.environ, **self.environment}
        done = subprocess.run(words, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)
        seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode:
            raise RuntimeError(f"{' '.join(words)} failed:\n{done.stderr[-2000:]}")
        return Cost(seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)

    def forget(self) -> None:
        """Remove the lock and the caches."""
        for path in self.folder.iterdir():
            if path.name not in {"mlspec.yaml", "requirements.in"}:
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def count(self) -> int:
        """Return the number of packages in the lock."""
        return len(re.findall(r"(?m)^[a-z0-9][^ ]*==", (self.folder / self.lock).read_text()))


def make_tools(folder: Path) -> tuple[Tool, Tool]:
    """Return mlspec and uv, each with a folder of its own."""
    places = [folder / name for name in ("mlspec", "uv")]
    for place in places:
        place.mkdir(parents=True)
    (places[0] / "mlspec.yaml").write_text(SPEC)
    compile_ = [str(BIN / "uv"), "pip", "compile", "--no-config", "--quiet", "--generate-hashes", "requirements.in"]
    compile_ += ["--python-version", "3.12", "--python-platform", "x86_64-manylinux_2_36", "-o", "requirements.txt"]
    caches = {"XDG_CACHE_HOME": str(places[0] / "cache"), "MLSPEC_CACHE_DIR": str(places[0] / "own")}
    ours = Tool("mlspec", places[0], (str(BIN / "mlspec"), "lock", "--quiet"), "requirements.lock", caches)
    theirs = Tool("uv", places[1], compile_, "requirements.txt", {"UV_CACHE_DIR": str(places[1] / "cache")})
    return ours, theirs


def measure(tools: Sequence[Tool], names: Sequence[str], rounds: int) -> dict[tuple[str, str], list[Cost]]:
    """Return the costs by case and tool."""
    costs: dict[tuple[str, str], list[Cost]] = {(case, t.name): [] for case in (NOTHING, ONE, UPGRADE) for t in tools}
    for number in range(rounds):
        # The tool that goes first in a round finds the index colder.
        ordered = tools if number % 2 else tuple(reversed(tools))
        for tool in ordered:
            tool.forget()
            tool.require(names)
            costs[NOTHING, tool.name].append(tool.run())
        for tool in ordered:
            tool.require([*names, ADDED])
            costs[ONE, tool.name].append(tool.run())
        for tool in ordered:
            costs[UPGRADE, tool.name].append(tool.run("--upgrade"))
    return costs


def tabulate(costs: Mapping[tuple[str, str], Sequence[Cost]], tools: Sequence[Tool], title: str) -> str:
    """Return a table of the medians."""
    lines = [f"**{title}**", "", "| | mlspec, s | uv, s | mlspec : uv | mlspec, CPU s | uv, CPU s |"]
    lines.append(f"| --- |{' --: |' * 5}")
    for case in (NOTHING, ONE, UPGRADE):
        seconds = [statistics.median(cost.seconds for cost in costs[case, tool.name]) for tool in tools]
        cpu = [statistics.median(cost.cpu for cost in costs[case, tool.name]) for tool in tools]
        cells = [*(f"{value:.1f}" for value in seconds), f"{seconds[0] / seconds[1]:.1f}", *(f"{v:.1f}" for v in cpu)]
        lines.append(f"| {case} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Run the benchmark and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="(default: %(default)s)")
    parser.add_argument("--names", type=int, nargs="+", choices=sorted(NAMES), default=sorted(NAMES))
    parser.add_argument("--write", action="store_true", help="write the tables into docs/")
    options = parser.parse_args()
    load = f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.0f} at the start"
    texts = [f"Medians of {options.rounds} rounds, {datetime.now(UTC).date().isoformat()}; {load}."]
    for count in options.names:
        with tempfile.TemporaryDirectory() as place:
            tools = make_tools(Path(place))
            costs = measure(tools, NAMES[count], options.rounds)
            texts.append(tabulate(costs, tools, f"{count} names, {tools[0].count() - 1} packages"))
        print(texts[-1], flush=True)
    if options.write:
        results.write_page(ROOT / "docs" / "benchmarks.md", "\n\n".join(texts), "locks")


if __name__ == "__main__":
    main()
