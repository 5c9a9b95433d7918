"""Write the rows of tensorflow and torch in ``mlspec/facts/data`` from their projects; run by ``make refresh``.

Each source is a path or an address: ``frameworks.py --tensorflow source.md --torch generate_binary_build_matrix.py``.
Read the diff, and update `source` and `checked` of the rows that changed.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sources import DATA, Changed, list_of, minor, number, read, replaced, with_list

TENSORFLOW = "https://raw.githubusercontent.com/tensorflow/docs/master/site/en/install/source.md"
TORCH = "https://raw.githubusercontent.com/pytorch/test-infra/main/tools/scripts/generate_binary_build_matrix.py"

# The table had this many rows when they were counted, and it only grows: fewer rows mean that the parser is wrong.
_LEAST_ROWS = 12
_OLDEST = (2, 8)


@dataclass(frozen=True, slots=True)
class Tensorflow:
    """A minor version of tensorflow, its first and last Python, and the CUDA and cuDNN of its build."""

    version: str
    first: str
    last: str
    cuda: str
    cudnn: str


@dataclass(frozen=True, slots=True)
class Torch:
    """The newest release of torch, its Pythons, and the versions of CUDA and ROCm of its builds."""

    version: str
    pythons: tuple[str, ...]
    cudas: tuple[str, ...]
    rocms: tuple[str, ...]


_CELLS = re.compile(r"<tr><td>tensorflow-([\d.]+)</td>(.*?)</tr>")


def tensorflow_of(page: str) -> list[Tensorflow]:
    """Return the rows of the table for GPUs on Linux, oldest first. Raises Changed if the format is different."""
    linux = page.partition("### Linux")[2].partition("\n### ")[0]
    table = linux.partition("#### GPU")[2].partition("</table>")[0]
    rows: dict[str, Tensorflow] = {}
    for whole, rest in _CELLS.findall(table):
        version = minor(whole)
        cells = re.findall(r"<td>(.*?)</td>", rest)
        if number(version) < _OLDEST:
            continue
        pythons = re.fullmatch(r"(3\.\d+)-(3\.\d+)", cells[0])
        if len(cells) != 5 or not pythons or not all(re.fullmatch(r"\d+(\.\d+)*", cell) for cell in cells[3:]):
            raise Changed(f"the row of tensorflow {whole} is {cells}")
        rows.setdefault(version, Tensorflow(version, pythons[1], pythons[2], cells[4], cells[3].partition(".")[0]))
    if len(rows) < _LEAST_ROWS:
        raise Changed(f"{len(rows)} releases of tensorflow, fewer than {_LEAST_ROWS}")
    return sorted(rows.values(), key=lambda row: number(row.version))


def torch_of(script: str) -> Torch:
    """Return the newest release in the script that makes the matrix of torch's builds, without running the script.

    Raises Changed if the format is different.
    """
    values: dict[str, object] = {}
    for node in ast.parse(script).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            try:
                values[node.targets[0].id] = ast.literal_eval(node.value)
            except ValueError:
                continue
    try:
        named = (values[f"{name}_ARCHES_DICT"]["release"] for name in ("PYTHON", "CUDA", "ROCM"))  # type: ignore[index]
        pythons, cudas, rocms = (tuple(str(version) for version in versions) for versions in named)
        version = minor(str(values["CURRENT_STABLE_VERSION"]))
    except (KeyError, TypeError) as error:
        raise Changed(f"no {error} of torch") from None
    pythons = tuple(python for python in pythons if re.fullmatch(r"3\.\d+", python))
    if not (pythons and cudas and rocms) or number(version) < (2, 0):
        raise Changed(f"torch {version} for Python {pythons}, CUDA {cudas} and ROCm {rocms}")
    return Torch(version, pythons, cudas, rocms)


# To the tables


def with_tensorflow(table: str, rows: Sequence[Tensorflow]) -> str:
    """Replace the rows of tensorflow in the table of frameworks."""
    releases = [f'  {{ version = "{r.version}", first = "{r.first}", last = "{r.last}" }},\n' for r in rows]
    table = with_list(table, "tensorflow", "releases", releases)
    kept = [line for line in list_of(table, "libraries", "builds") if 'package = "tensorflow"' not in line]
    torch = max(number for number, line in enumerate(kept) if 'package = "torch"' in line) + 1
    kept[torch:torch] = _library_rows(rows)
    return with_list(table, "libraries", "builds", kept)


def _library_rows(rows: Iterable[Tensorflow]) -> list[str]:
    """Return a row for each sequence of releases with the same CUDA and cuDNN."""
    runs: list[list[Tensorflow]] = []
    for row in rows:
        if runs and (runs[-1][0].cuda, runs[-1][0].cudnn) == (row.cuda, row.cudnn):
            runs[-1].append(row)
        else:
            runs.append([row])
    return [
        f'  {{ package = "tensorflow", first = "{run[0].version}", last = "{run[-1].version}", '
        f'cuda = "{run[0].cuda}", cudnn = "{run[0].cudnn}" }},\n'
        for run in runs
    ]


def with_torch(table: str, release: Torch) -> str:
    """Add a row for a release of torch to the table of frameworks, unless the table has one."""
    if f'{{ version = "{release.version}"' in table.partition("[torch]")[2].partition("\n[")[0]:
        return table
    row = f'  {{ version = "{release.version}", first = "{release.pythons[0]}", last = "{release.pythons[-1]}" }},\n'
    return replaced(table, r"(?<=\n\[torch\]\n)(.*?releases = \[\n.*?)(?=\]\n)", row)


def with_indexes(table: str, release: Torch) -> str:
    """Add an index for each CUDA and ROCm of this release to the table of accelerators; other indexes end before it.

    The least driver of a new index stays empty, for a person to fill in: NVIDIA documents it, torch does not.
    """
    head, *blocks = table.split("[[index]]\n")
    wanted = {("cuda", version) for version in release.cudas} | {("rocm", version) for version in release.rocms}
    known = {(_field(block, "kind"), _field(block, "version")) for block in blocks}
    blocks = [_ended(block, release, wanted) for block in blocks]
    for kind, version in sorted(wanted - known, key=lambda new: (new[0], number(new[1]))):
        label = f"cu{version.replace('.', '')}" if kind == "cuda" else f"rocm{version}"
        lines = {"kind": kind, "label": label, "version": version, "first": release.version}
        lines |= {"driver": ""} if kind == "cuda" else {}
        new = "".join(f'{key} = "{value}"\n' for key, value in lines.items())
        after = max(number for number, block in enumerate(blocks) if _field(block, "kind") == kind) + 1
        blocks.insert(after, f"{new}\n")
    return "[[index]]\n".join((head, *(f"{block.rstrip()}\n\n" for block in blocks))).rstrip() + "\n"


def _ended(block: str, release: Torch, wanted: set[tuple[str, str]]) -> str:
    kind, version, first, last = (_field(block, key) for key in ("kind", "version", "first", "last"))
    is_over = kind != "cpu" and (kind, version) not in wanted and not last
    if not is_over or number(first) >= number(release.version):
        return block
    major, last_minor = number(release.version)
    return block.replace(f'first = "{first}"\n', f'first = "{first}"\nlast = "{major}.{last_minor - 1}"\n')


def _field(block: str, key: str) -> str:
    found = re.search(rf'^{key} = "(.*)"$', block, re.MULTILINE)
    return found[1] if found else ""


def main(arguments: Sequence[str] | None = None) -> None:
    """Write both tables, or neither."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tensorflow", default=TENSORFLOW)
    parser.add_argument("--torch", default=TORCH)
    parser.add_argument("--data", type=Path, default=DATA)
    asked = parser.parse_args(arguments)
    frameworks, accelerators = asked.data / "frameworks.toml", asked.data / "accelerators.toml"
    try:
        rows, release = tensorflow_of(read(asked.tensorflow)), torch_of(read(asked.torch))
        table = with_torch(with_tensorflow(frameworks.read_text(encoding="utf-8"), rows), release)
        indexes = with_indexes(accelerators.read_text(encoding="utf-8"), release)
    except Changed as error:
        sys.exit(str(error))
    frameworks.write_text(table, encoding="utf-8")
    accelerators.write_text(indexes, encoding="utf-8")
    sys.stdout.write(f"{len(rows)} releases of tensorflow, torch {release.version}: read the diff\n")


if __name__ == "__main__":
    main()
