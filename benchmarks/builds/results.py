"""The tables and the plot of samples."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from benchmarks.builds.measuring import Sample
from benchmarks.builds.variants import CLASSIC, OURS

_MB = 1e6


def median(samples: Sequence[Sample], variant: str, scenario: str, of: Callable[[Sample], float]) -> float | None:
    """Return the median of a variant in a scenario, or None without samples."""
    values = [of(sample) for sample in samples if (sample.variant, sample.scenario) == (variant, scenario)]
    return statistics.median(values) if values else None


def _unique(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))


def _number(value: float | None) -> str:
    if value is None:
        return ""
    decimals = next((decimals for least, decimals in ((100, 0), (1, 1), (0.1, 2)) if value >= least), 3)
    return f"{value:,.{decimals}f}" if value else "0"


def _rows(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---", *("--:" for _ in head[1:])], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _table(samples: Sequence[Sample], of: Callable[[Sample], float]) -> str:
    variants = _unique(sample.variant for sample in samples)
    rows = []
    for scenario in _unique(sample.scenario for sample in samples):
        values = [median(samples, variant, scenario, of) for variant in variants]
        rows.append([scenario, *map(_number, values), _ratio(samples, scenario, of)])
    return _rows(["", *variants, f"{CLASSIC} : {OURS}"], rows)


def _ratio(samples: Sequence[Sample], scenario: str, of: Callable[[Sample], float]) -> str:
    classic, ours = (median(samples, variant, scenario, of) for variant in (CLASSIC, OURS))
    return _number(classic / ours) if classic and ours else ""


def _images(samples: Sequence[Sample], heavy: str) -> str:
    columns: dict[str, Callable[[Sample], float]] = {
        "compressed, MB": lambda sample: sample.compressed / _MB,
        "unpacked, MB": lambda sample: sample.unpacked / _MB,
        f"first `import {heavy}`, s": lambda sample: sample.startup_seconds,
    }
    variants = _unique(sample.variant for sample in samples)
    rows = [[v, *(_number(median(samples, v, "cold", of)) for of in columns.values())] for v in variants]
    return _rows(["", *columns], rows)


def markdown(samples: Sequence[Sample], about: str, heavy: str) -> str:
    """Return the tables of a run in Markdown, below the line ``about``."""
    render = [
        (scenario, _number(median(samples, OURS, scenario, lambda sample: sample.render_seconds)))
        for scenario in _unique(sample.scenario for sample in samples)
    ]
    parts = [
        about,
        "**Seconds of a build**",
        _table(samples, lambda sample: sample.seconds),
        "**Megabytes that a push uploads**",
        _table(samples, lambda sample: sample.pushed / _MB),
        "**The image**",
        _images(samples, heavy),
        "**Seconds of `mlspec render` before the build**, locking where requirements or the base changed",
        _rows([scenario for scenario, _ in render], [[value for _, value in render]]) if render else "",
    ]
    return "\n\n".join(parts)


def write_page(page: Path, text: str, stack: str) -> None:
    """Write the tables of a stack between the stack's marks in a page."""
    begin, end = f"<!-- measured: {stack} -->", f"<!-- end: {stack} -->"
    before, _, rest = page.read_text(encoding="utf-8").partition(begin)
    _, _, after = rest.partition(end)
    page.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")


def plot(samples: Sequence[Sample], path: Path) -> None:
    """Plot the seconds and pushed megabytes of each variant, by scenario."""
    import matplotlib as mpl

    mpl.use("svg")
    # Keep text as text, and write the same file for the same numbers.
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "mlspec", "font.size": 9})
    from matplotlib import pyplot

    variants = _unique(sample.variant for sample in samples)
    scenarios = _unique(sample.scenario for sample in samples)
    figure, both = pyplot.subplots(2, 1, figsize=(10, 7), sharex=True, layout="constrained")
    colors = pyplot.get_cmap("tab10")
    kinds: list[tuple[str, float, Callable[[Sample], float]]] = [
        ("seconds of a build", 0.1, lambda sample: sample.seconds),
        ("megabytes pushed", 0.001, lambda sample: sample.pushed / _MB),
    ]
    width = 0.8 / len(variants)
    for axes, (label, floor, of) in zip(both, kinds, strict=True):
        for number, variant in enumerate(variants):
            heights = [max(median(samples, variant, scenario, of) or 0, floor) for scenario in scenarios]
            places = [i + (number - (len(variants) - 1) / 2) * width for i in range(len(scenarios))]
            axes.bar(places, heights, width, label=variant, color=colors(number), zorder=2)
        axes.set_yscale("log")
        axes.set_ylabel(label)
        axes.grid(axis="y", alpha=0.3)
    both[-1].set_xticks(range(len(scenarios)), scenarios)
    figure.legend(*both[0].get_legend_handles_labels(), loc="outside upper center", ncols=len(variants), frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
