"""A fuzzer with hostile input: ``make fuzz COUNT=20000 SEED=1``; exits 1 on any failure, and keeps the case's folder.

Each case is a spec with files beside it, most of them hostile. mlspec reads the case in this process and without a
network. These are failures: a crash, more than five seconds or 500 MB for one case, a problem without a valid place or
with control characters, a report or a generated file that does not preserve a value, and a wrong proof that mlspec
accepts.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter, defaultdict
from pathlib import Path
from typing import TypedDict

os.environ["MLSPEC_CONFIG"] = "off"
os.environ["MLSPEC_CACHE_DIR"] = "off"

import mlspec
from tests.support.fuzz.cases import Cases
from tests.support.fuzz.dockerfiles import Unquoted
from tests.support.fuzz.projects import Projects

PACKAGE = Path(mlspec.__file__).parent
SECONDS, KILOBYTES = 5, 500_000
KEPT = 3
"""The number of failures of each kind whose folders are kept."""


class Seen(TypedDict):
    """The results of one process: descriptions of failures by kind, and the number of cases by kind."""

    failures: dict[str, list[str]]
    counts: dict[str, int]


class Hang(BaseException):
    """An error: the case took too long."""


def _end(_number: int, _frame: object) -> None:
    raise Hang


class Fuzzer:
    """A runner of cases, one after the other in one folder, that collects failures by kind."""

    def __init__(self, seed: int, home: Path, keep: Path) -> None:
        self.seed, self.keep = seed, keep
        self.cases = Cases(home)
        self.failures: dict[str, list[str]] = defaultdict(list)
        self.counts: Counter[str] = Counter()
        self.memory = _memory()
        signal.signal(signal.SIGPROF, _end)
        signal.signal(signal.SIGALRM, _end)

    def case(self, number: int) -> None:
        maker = Projects(self.seed * 1_000_003 + number)
        self.cases.clear()
        kinds = self.cases.kinds
        (kind,) = maker.r.choices(list(kinds), weights=list(kinds.values()))
        self.counts[kind.__name__] += 1
        # Limit CPU time, so that load on the machine causes no failure, and real time, to end a case that only waits.
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        signal.setitimer(signal.ITIMER_REAL, 20 * SECONDS)
        try:
            kind(maker)
        except (Hang, Exception) as error:  # after any error, continue with the next case
            self.fail(number, *_described(error, kind.__name__))
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.setitimer(signal.ITIMER_REAL, 0)
        if (now := _memory()) - self.memory > KILOBYTES:
            self.fail(number, f"memory {kind.__name__}", f"{now} kB, {self.memory} kB at the start")
            self.memory = now

    def fail(self, number: int, kind: str, what: str) -> None:
        place = self.keep / f"{re.sub('[^A-Za-z0-9.]+', '-', kind)[:80]}-{self.seed}-{number}"
        if len(self.failures[kind]) < KEPT:
            shutil.rmtree(place, ignore_errors=True)
            shutil.copytree(self.cases.folder, place, symlinks=True)
            what += f"\n        {place}"
        self.failures[kind].append(f"case {number}: {what}")


def _memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _described(error: BaseException, case: str) -> tuple[str, str]:
    """Return the kind of a failure, by which failures are counted, and its description."""
    if isinstance(error, Unquoted):
        return f"quoting {str(error).partition(':')[0]}", str(error)
    if isinstance(error, AssertionError):
        return " ".join(str(error).split()[:2]), str(error)
    frames = traceback.extract_tb(error.__traceback__)
    own = next((frame for frame in reversed(frames) if Path(frame.filename).is_relative_to(PACKAGE)), frames[-1])
    if isinstance(error, Hang | RecursionError):
        return f"{type(error).__name__} {case}", f"at {own.filename}:{own.lineno}"
    return f"crash {type(error).__name__} at {own.filename}:{own.lineno}", f"{error}\n{own.line}"


def work(seed: int, first: int, end: int, keep: Path) -> Seen:
    """Run the cases from ``first`` to before ``end``, and return the results as plain data."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="fuzz-", dir=memory if os.access(memory, os.W_OK) else None) as home:
        fuzzer = Fuzzer(seed, Path(home), keep)
        for number in range(first, end):
            fuzzer.case(number)
    counts = {**fuzzer.counts, "images read back": fuzzer.cases.images, "run scripts run": fuzzer.cases.scripts}
    return {"failures": fuzzer.failures, "counts": counts}


def share(asked: argparse.Namespace, folder: Path) -> list[Seen]:
    """Run a share of the cases in each process, and return the results of each process."""
    started = []
    for number in range(asked.jobs):
        first, end = (asked.first + (number + more) * asked.count // asked.jobs for more in (0, 1))
        words = [
            "--first",
            str(first),
            "--count",
            str(end - first),
            "--seed",
            str(asked.seed),
            "--keep",
            str(asked.keep),
        ]
        dump = folder / str(number)
        child = subprocess.Popen([sys.executable, "-m", "tests.support.fuzz", *words, "--dump", str(dump)])
        started.append((child, dump, f"cases {first} to {end}"))
    found: list[Seen] = []
    for child, dump, cases in started:
        code = child.wait()
        died: Seen = {"failures": {"the process died": [f"{cases}: exit code {code}"]}, "counts": {}}
        found.append(died if code else json.loads(dump.read_text(encoding="utf-8")))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.support.fuzz", description=(__doc__ or "").split(";")[0])
    parser.add_argument("--count", type=int, default=20_000, help="how many cases")
    parser.add_argument("--seed", type=int, default=1, help="from which all of them follow")
    parser.add_argument("--first", type=int, default=0, help="the number of the first case")
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir(), "mlspec-fuzz"), help="for failures")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1), help="how many processes")
    parser.add_argument("--dump", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    asked.keep.mkdir(parents=True, exist_ok=True)
    if asked.dump:
        seen = work(asked.seed, asked.first, asked.first + asked.count, asked.keep)
        asked.dump.write_text(json.dumps(seen), encoding="utf-8")
        return 0
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        return show(share(asked, Path(folder)), asked, time.monotonic() - started)


def show(seen: list[Seen], asked: argparse.Namespace, seconds: float) -> int:
    """Print the failures, the most common first, and the counts; return the exit code."""
    failures: dict[str, list[str]] = defaultdict(list)
    counts: Counter[str] = Counter()
    for one in seen:
        counts.update(one["counts"])
        for kind, cases in one["failures"].items():
            failures[kind] += cases
    for kind, cases in sorted(failures.items(), key=lambda pair: -len(pair[1])):
        print(f"{len(cases):6}  {kind}\n        {cases[0][:600]}".encode("utf-8", "backslashreplace").decode())
    print(", ".join(f"{count} {name}" for name, count in sorted(counts.items())))
    total = sum(map(len, failures.values()))
    print(f"{asked.count} cases in {seconds:.0f} s, {total} failures of {len(failures)} kinds (SEED={asked.seed})")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
