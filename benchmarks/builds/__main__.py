"""The benchmark of builds: several Dockerfiles for one application, measured in turn on one engine.

In each round, each variant begins without caches: its base image is new to the engine, and its cache mounts are empty.
Then the benchmark makes each change to the result of the first build, one variant after the other. The tables show
medians over the rounds. The benchmark downloads wheels once, before the measurements, and serves them from the loopback
address.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.builds import index, measuring, results, sink, variants, wheels
from benchmarks.builds.measuring import Sample
from benchmarks.builds.project import SCENARIOS, STACKS, TURNS, Bases, Stack, State, copied, initial
from benchmarks.builds.variants import Site

PREFIX = f"mlspec-bench-{uuid.uuid4().hex[:8]}"
ROOT = Path(__file__).parents[2]


@dataclass
class Run:
    """One run of the benchmark: its stack, its variants and scenarios, its sources, and its samples."""

    stack: Stack
    variants: list[str]
    scenarios: list[str]
    site: Site
    sink: sink.Sink
    folder: Path
    samples: list[Sample] = field(default_factory=list)
    images: list[str] = field(default_factory=list)

    def round(self, number: int) -> None:
        """Build each variant in each scenario once."""
        salt = f"{PREFIX}-{number}"
        old = self._base(salt, "old")
        pushed_for = (f"{salt}-{variant}" for variant in self.variants)
        for repository in pushed_for:
            measuring.push(self.sink, old, repository)
        states = self._states(old, salt)
        for scenario, state in states:
            for variant in self.variants:
                self._build(variant, scenario, state, number, salt)

    def _states(self, old: str, salt: str) -> Iterator[tuple[str, State]]:
        start = initial(self.stack, old)
        for scenario in dict.fromkeys(("cold", *self.scenarios)):
            # Push the new base only here: until then, the tag must name the old base.
            bases = Bases(old, self._base(salt, "new") if scenario == "new base" else old)
            for turn in range(1, TURNS.get(scenario, 1) + 1):
                yield scenario, SCENARIOS[scenario](start, self.stack, bases, turn)

    def _base(self, salt: str, age: str) -> str:
        """Push a base image that differs in one small file, and return its reference with the digest.

        The base image configures the index, so each variant takes its packages from there.
        """
        folder = self.folder / f"base-{salt}-{age}"
        folder.mkdir()
        (folder / "pip.conf").write_text(f"[global]\nindex-url = {self.site.index}\ndisable-pip-version-check = true\n")
        (folder / "uv.toml").write_text(f'[[index]]\nurl = "{self.site.index}"\ndefault = true\n')
        (folder / "salt").write_text(f"{salt} {age}\n")
        lines = (
            f"FROM python:{wheels.PYTHON}-slim",
            "COPY pip.conf salt /etc/",
            "COPY uv.toml /etc/uv/uv.toml",
        )
        (folder / "Dockerfile").write_text("\n".join(lines) + "\n")
        name = f"{self.site.registry}/mlspec-bench/python:{salt}"
        measuring.build(folder, name)
        words = measuring.said(("docker", "push", name)).split()
        self.images.append(name)
        return f"{name}@{words[words.index('digest:') + 1]}"

    def _build(self, variant: str, scenario: str, state: State, number: int, salt: str) -> None:
        own = f"{salt}-{variant}"
        place, first = self.folder / f"{own}-{scenario}", self.folder / f"{own}-cold"
        if scenario != "cold":
            copied(first, place)
        rendered = variants.prepare(variant, place, state, self.site, own)
        image = f"{own}:{scenario.replace(' ', '-')}"
        self.images.append(image)
        seconds = measuring.build(place, image)
        pushed, compressed = measuring.push(self.sink, image, own)
        is_first = scenario == "cold"
        sample = Sample(
            variant,
            scenario,
            number,
            seconds,
            rendered,
            pushed,
            compressed,
            unpacked=measuring.unpacked(image) if is_first else 0,
            startup_seconds=measuring.startup(image, self.stack.heavy) if is_first else 0.0,
        )
        measuring.require(image, dict(state.pins))
        if not is_first:
            # An engine with little disk space drops its build cache, and the next build would run without a cache.
            measuring.removed(image)
        self.samples.append(sample)
        print(f"{number} {scenario:<13} {variant:<12} {seconds:7.1f} s {pushed / 1e6:9.3f} MB", file=sys.stderr)


def removed(run: Run) -> None:
    """Remove the images of a run. Its build cache stays, and the engine removes it like any other."""
    measuring.removed(*run.images)


def warned_of_room(stack: Stack) -> None:
    """Warn if the engine's disk space is short, because the engine would drop caches during the measurements."""
    root = Path(measuring.said(("docker", "info", "--format", "{{.DockerRootDir}}")).strip())
    usage = shutil.disk_usage(root if root.exists() else Path.cwd())
    # BuildKit collects garbage below a fifth of the disk, as `docker buildx inspect` shows.
    left = usage.free - 0.2 * (usage.used + usage.free)
    if left < stack.room:
        print(f"short of room: {left / 1e9:.0f} GB, {stack.room / 1e9:.0f} are taken; caches may go", file=sys.stderr)


def options() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        prog="make bench-builds", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    known = variants.names()
    parser.add_argument("--stack", choices=STACKS, default="quick", help="the packages (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is built (default: %(default)s)")
    parser.add_argument("--variants", nargs="+", choices=known, default=known, metavar="NAME", help=" ".join(known))
    parser.add_argument(
        "--scenarios", nargs="+", choices=SCENARIOS, default=list(SCENARIOS), metavar="NAME", help=", ".join(SCENARIOS)
    )
    parser.add_argument("--registry", default="127.0.0.1:5000", help="takes the base images (default: %(default)s)")
    parser.add_argument("--cache", type=Path, default=ROOT / ".cache" / "bench", help="where wheels are kept")
    parser.add_argument("--json", type=Path, help="write every measurement to this file")
    parser.add_argument("--write", action="store_true", help="write the tables and the plot into docs/")
    return parser.parse_args()


def main() -> None:
    """Run the benchmark and print the tables."""
    asked = options()
    stack = STACKS[asked.stack]
    warned_of_room(stack)
    with (
        tempfile.TemporaryDirectory() as folder,
        index.serving(wheels.downloaded(stack.wheels, asked.cache / stack.name)) as url,
        sink.listening() as taking,
    ):
        run = Run(stack, asked.variants, asked.scenarios, Site(url, asked.registry), taking, Path(folder))
        try:
            for number in range(1, asked.rounds + 1):
                run.round(number)
        finally:
            removed(run)
    text = results.markdown(run.samples, _about(asked), stack.heavy)
    print(text)
    if asked.json:
        asked.json.write_text(json.dumps([sample.as_dict() for sample in run.samples], indent=1) + "\n")
    if asked.write:
        results.write_page(ROOT / "docs" / "benchmarks.md", text, stack.name)
        results.plot(run.samples, ROOT / "docs" / "_static" / f"benchmarks-{stack.name}.svg")


def _about(asked: argparse.Namespace) -> str:
    rounds = f"{asked.rounds} round{'s' if asked.rounds > 1 else ''}"
    return f"The {asked.stack} stack, {rounds}, {measuring.here()}. Medians."


if __name__ == "__main__":
    main()
