"""Write facts from the wheels on the package index into ``mlspec/facts/data``; run by ``make refresh``.

The names of wheels contain the Pythons of a framework. Their metadata contains the CUDA and the cuDNN of a build, and
the extras that install these. Existing rows stay, unless the newest release contradicts them. Read the diff, and update
`source` and `checked` of the rows that changed. The index is that of mlspec's configuration, or else pip's.
``--save FILE`` saves the answers of the index, and ``--answers FILE`` reads such a file in place of the index.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import re
import sys
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from packaging.requirements import Requirement
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from sources import DATA, list_of, number, with_list

FRAMEWORKS = ("torch", "tensorflow", "jaxlib")
LIBRARIES = ("torch", "onnxruntime-gpu", "xgboost", "xgboost-cu12", "jax-cuda12-plugin", "jax-cuda13-plugin", "vllm")
# Packages that have only sources. The script reports if wheels appear.
SOURCES = ("flash-attn",)

Metadata = Mapping[str, Sequence[str]]
_KEYS = ("Requires-Dist", "Provides-Extra")


class Index(Protocol):
    """An index: the files of packages, and the metadata of wheels."""

    def files(self, package: str) -> Sequence[str]:
        """Return the names of the files of a package; empty for an unknown package."""

    def metadata(self, package: str, file: str) -> Metadata:
        """Return the requirements and the extras of a wheel."""


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel of a final release for Linux and x86_64; ``python`` is its Python, or "" for any Python."""

    file: str
    version: Version
    python: str

    @property
    def minor(self) -> str:
        """The minor version of the release."""
        return f"{self.version.major}.{self.version.minor}"


def wheels(index: Index, package: str) -> list[Wheel]:
    """Return the wheels of a package for CPython on Linux and x86_64, oldest first."""
    return _wheels(index.files(package))


def _wheels(files: Iterable[str]) -> list[Wheel]:
    return sorted(filter(None, map(_wheel, files)), key=lambda wheel: (wheel.version, number(wheel.python or "3")))


def _wheel(file: str) -> Wheel | None:
    try:
        _, version, _, tags = parse_wheel_filename(file)
    except (InvalidWheelFilename, InvalidVersion):
        return None
    fitting = [tag for tag in tags if _runs_on_linux(tag.platform) and not re.fullmatch(r"cp\d+t", tag.abi)]
    if version.is_prerelease or not fitting:
        return None
    python = re.fullmatch(r"cp3(\d+)", max(tag.interpreter for tag in fitting))
    # A wheel for the stable ABI runs on all later Pythons.
    is_for_one = python and fitting[0].abi != "abi3"
    return Wheel(file, version, f"3.{python[1]}" if python and is_for_one else "")


def _runs_on_linux(platform: str) -> bool:
    return platform == "any" or ("linux" in platform and platform.endswith("x86_64"))


# The Pythons of frameworks


def with_pythons(table: str, framework: str, found: Iterable[Wheel]) -> str:
    """Add a row for each missing minor version to the table of frameworks. Existing rows stay."""
    lines = list_of(table, framework, "releases")
    known = {row["version"]: line for row, line in zip(_rows(lines), lines, strict=True)}
    pythons: dict[str, list[str]] = {}
    for wheel in found:
        if wheel.python:
            pythons.setdefault(wheel.minor, []).append(wheel.python)
    for version, seen in pythons.items():
        first, *_, last = sorted((*seen, *seen), key=number)
        if number(version) > min(map(number, known)):
            known.setdefault(version, f'  {{ version = "{version}", first = "{first}", last = "{last}" }},\n')
    return with_list(table, framework, "releases", [known[version] for version in sorted(known, key=number)])


def _rows(lines: Sequence[str]) -> list[dict[str, str]]:
    return list(tomllib.loads(f"rows = [\n{''.join(lines)}]")["rows"])


# The CUDA and the cuDNN of builds

Facts = tuple[str, str]
"""The major version of CUDA, and that of cuDNN; each is "" if unknown."""


def built_for(metadata: Metadata) -> Facts:
    """Return the CUDA and the cuDNN in the requirements of a wheel: names and extras of packages end in them."""
    required = [Requirement(text) for text in metadata["Requires-Dist"]]
    named = [text for one in required for text in (canonicalize_name(one.name), *(f"nvidia-{e}" for e in one.extras))]
    cudas = {found[1] for text in named if (found := re.fullmatch(r"nvidia-(?:.*-)?cu(\d+)", text))}
    specifiers = [spec for one in required if "cudnn-cu" in one.name for spec in one.specifier]
    cudnns = {spec.version.partition(".")[0] for spec in specifiers if not spec.operator.startswith("<")}
    cuda, cudnn = ("".join(found) if len(found) == 1 else "" for found in (cudas, cudnns))
    return cuda, cudnn


def with_library(table: str, package: str, index: Index) -> str:
    """Update the rows of a package in the table of frameworks by its newest releases.

    The function reads releases from the newest down to the first one that agrees with the table: older releases are
    known.
    """
    lines = list_of(table, "libraries", "builds")
    rows = [row for row in _rows(lines) if row["package"] == package]
    newest = {wheel.minor: wheel for wheel in wheels(index, package)}
    versions = [version for version in newest if number(version) >= number(rows[0]["first"])]
    facts = {version: _known(rows, version) for version in versions}
    for version in reversed(versions):
        told = built_for(index.metadata(package, newest[version].file))
        # torch has a different CUDA on each of its indexes.
        told = ("", told[1]) if package == "torch" else told
        if told in {("", ""), facts[version]}:
            break
        facts[version] = told
    place = next(number for number, line in enumerate(lines) if f'package = "{package}"' in line)
    kept = [line for line in lines if f'package = "{package}"' not in line]
    kept[place:place] = _runs(package, facts)
    return with_list(table, "libraries", "builds", kept)


def _known(rows: Sequence[Mapping[str, str]], version: str) -> Facts:
    for row in rows:
        if number(row["first"]) <= number(version) <= number(row.get("last", version)):
            return row.get("cuda", ""), row.get("cudnn", "")
    return "", ""


def _runs(package: str, facts: Mapping[str, Facts]) -> list[str]:
    runs: list[tuple[Facts, list[str]]] = []
    for version, told in facts.items():
        if runs and runs[-1][0] == told:
            runs[-1][1].append(version)
        else:
            runs.append((told, [version]))
    # The last sequence has no end yet.
    ends = [f'last = "{versions[-1]}", ' for _, versions in runs[:-1]] + [""]
    return [
        f'  {{ package = "{package}", first = "{versions[0]}", {end}{", ".join(_named(told))} }},\n'
        for (told, versions), end in zip(runs, ends, strict=True)
        if any(told)
    ]


def _named(told: Facts) -> list[str]:
    return [f'{key} = "{value}"' for key, value in zip(("cuda", "cudnn"), told, strict=True) if value]


# Extras


def with_majors(table: str, index: Index) -> tuple[str, list[str]]:
    """Update the versions of CUDA in the table of variants by the extras of packages.

    Return the new table, and messages about rows that are no longer true.
    """
    head, *blocks = table.split("[[extra]]\n")
    doubts: list[str] = []
    for place, block in enumerate(blocks):
        row = tomllib.loads(block.partition("[[")[0])
        metadata = _newest(index, row["package"])
        majors = [major for major in _majors(row, metadata["Provides-Extra"]) if _brings(row, major, metadata)]
        if row["default"] not in majors:
            doubts.append(f"{row['package']}: {row['extras']} bring no {row['proof']} for CUDA {row['default']}")
            continue
        listed = ", ".join(f'"{major}"' for major in majors)
        blocks[place] = re.sub(r"(?m)^majors = .*$", f"majors = [{listed}]", block, count=1)
    return "[[extra]]\n".join((head, *blocks)), doubts


def _newest(index: Index, package: str) -> Metadata:
    *_, newest = wheels(index, package)
    return index.metadata(package, newest.file)


def _majors(row: Mapping[str, Any], extras: Sequence[str]) -> list[str]:
    """Return the versions of CUDA that have all extras of a row, or the row's own if its extras name no version."""
    (template, *_) = row["extras"]
    if "{major}" not in template:
        return [major for major in row["majors"] if set(row["extras"]) <= set(extras)]
    pattern = template.replace("{major}", r"(\d\d)")
    return sorted(found[1] for extra in extras if (found := re.fullmatch(pattern, extra)))


def _brings(row: Mapping[str, Any], major: str, metadata: Metadata) -> bool:
    extras = [extra.format(major=major) for extra in row["extras"]]
    required = map(Requirement, metadata["Requires-Dist"])
    # A marker may have conditions beside the extra, such as Linux or a version of Python.
    named = (one.name for one in required if any(f'extra == "{extra}"' in str(one.marker) for extra in extras))
    return any(fnmatch.fnmatchcase(canonicalize_name(name), row["proof"]) for name in named)


def doubts_of(table: str, index: Index) -> list[str]:
    """Return messages about facts that are no longer true: a suggested package is gone, or a package has new wheels."""
    suggested = {name for row in tomllib.loads(table)["same"] for name in row["best"].values() if "{" not in name}
    gone = [f"{name}: is suggested, and is not there" for name in sorted(suggested - {""}) if not index.files(name)]
    return gone + [f"{name}: there are wheels of it now" for name in SOURCES if wheels(index, name)]


# The index


class Online:
    """The package index on the network: JSON pages, and the ends of wheels, which hold their metadata."""

    def __init__(self) -> None:
        """Use the index and the certificates of mlspec's configuration."""
        from pip._internal.models.index import PyPI
        from pip._internal.network.session import PipSession

        from mlspec.host.network.user_configuration import certificate_file, configuration

        self._url = (configuration().index_url or PyPI.simple_url).rstrip("/")
        self._session = PipSession()
        self._session.verify = certificate_file() or True
        self._addresses: dict[str, str] = {}

    def files(self, package: str) -> Sequence[str]:
        """Return the names of the files of a package, without yanked files."""
        accepted = {"Accept": "application/vnd.pypi.simple.v1+json"}
        page = self._session.get(f"{self._url}/{package}/", headers=accepted, timeout=60)
        if page.status_code == 404:
            return ()
        page.raise_for_status()
        found = {file["filename"]: str(file["url"]) for file in page.json()["files"] if not file.get("yanked")}
        self._addresses |= found
        return tuple(found)

    def metadata(self, package: str, file: str) -> Metadata:
        """Return the requirements and the extras of a wheel."""
        from pip._internal.network.lazy_wheel import dist_from_wheel_url
        from pip._vendor.packaging.utils import canonicalize_name as pip_name

        told = dist_from_wheel_url(pip_name(package), self._addresses[file], self._session).metadata
        return {key: [str(value) for value in told.get_all(key) or ()] for key in _KEYS}


class Kept:
    """Saved answers of an index, loaded from a text, with new answers from another index."""

    def __init__(self, other: Index | None = None, text: str = '{"files": {}, "metadata": {}}') -> None:
        """Load the answers in ``text``."""
        self._other = other
        self.answers: dict[str, dict[str, Any]] = json.loads(text)

    def files(self, package: str) -> Sequence[str]:
        """Return the saved names: the newest wheel of each minor version, for frameworks of each Python too."""
        files: dict[str, Sequence[str]] = self.answers["files"]
        if self._other and package not in files:
            found = self._other.files(package)
            by_python = package in FRAMEWORKS
            newest = {(wheel.minor, wheel.python if by_python else ""): wheel.file for wheel in _wheels(found)}
            files[package] = list(newest.values()) or list(found[-1:])
        return files.get(package, ())

    def metadata(self, package: str, file: str) -> Metadata:
        """Return the saved metadata of a wheel."""
        if self._other and file not in self.answers["metadata"]:
            told = self._other.metadata(package, file)
            required = [text for text in told["Requires-Dist"] if re.search("nvidia|cuda", text)]
            self.answers["metadata"][file] = {**told, "Requires-Dist": required}
        found: Metadata = self.answers["metadata"][file]
        return found

    @property
    def text(self) -> str:
        """The answers as JSON, for the argument ``text``."""
        return json.dumps(self.answers, indent=1, sort_keys=True) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write both tables. Return 1 if a person has to check a message, or else 0."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--answers", type=Path, metavar="FILE")
    parser.add_argument("--save", type=Path, metavar="FILE")
    parser.add_argument("--data", type=Path, default=DATA, metavar="FOLDER")
    asked = parser.parse_args(arguments)
    index = Kept(text=asked.answers.read_text(encoding="utf-8")) if asked.answers else Kept(Online())
    frameworks, variants = (asked.data / f"{name}.toml" for name in ("frameworks", "variants"))
    table = frameworks.read_text(encoding="utf-8")
    for framework in FRAMEWORKS:
        table = with_pythons(table, framework, wheels(index, framework))
    for package in LIBRARIES:
        table = with_library(table, package, index)
    extras, doubts = with_majors(variants.read_text(encoding="utf-8"), index)
    doubts += doubts_of(extras, index)
    frameworks.write_text(table, encoding="utf-8")
    variants.write_text(extras, encoding="utf-8")
    if asked.save:
        asked.save.write_text(index.text, encoding="utf-8")
    sys.stdout.write("".join(f"{line}\n" for line in (*doubts, "read the diff")))
    return 1 if doubts else 0


if __name__ == "__main__":
    sys.exit(main())
