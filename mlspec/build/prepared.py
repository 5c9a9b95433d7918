"""Plain values, which a cache can keep: all that a build of one image and its report need, without the spec."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mlspec.build.report.contents import Content, Package
from mlspec.build.steps import Step

PROGRESS_MARK, METADATA_MARK = "\0progress", "\0metadata"
"""The marks for the kind of progress and the metadata file in a command; no value of a spec can hold the marks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedBuild:
    """One image that is ready to build.

    ``command`` holds the marks of this module. ``base`` describes the layers of the base image, and ``contents`` each
    layer above them. ``sources`` are the files and folders that the code comes from, as paths from the spec's folder.
    ``own_labels`` are the names of the labels that the spec sets itself.
    """

    key: str
    image: str
    platform: str
    command: tuple[str, ...]
    steps: tuple[Step, ...]
    base: Content
    contents: tuple[Content, ...]
    sources: tuple[str, ...] = (".",)
    own_labels: tuple[str, ...] = ()

    def words(self, progress: str, metadata_file: str, labels: Iterable[tuple[str, str]] = ()) -> tuple[str, ...]:
        """Return the command with the kind of progress, the metadata file, and more labels filled in."""
        marks = {PROGRESS_MARK: progress, METADATA_MARK: metadata_file}
        more = [word for name, value in labels for word in ("--label", f"{name}={value}")]
        *words, context = (marks.get(word, word) for word in self.command)
        return (*words, *more, context)


def dump_builds(builds: Sequence[PreparedBuild]) -> str:
    """Dump builds as JSON for :func:`parse_builds`."""
    return json.dumps([asdict(build) for build in builds])


def parse_builds(text: str) -> tuple[PreparedBuild, ...]:
    """Parse the builds that :func:`dump_builds` wrote."""
    return tuple(map(_build, json.loads(text)))


def _build(data: dict[str, Any]) -> PreparedBuild:
    read = {
        "command": tuple(data["command"]),
        "steps": tuple(map(_step, data["steps"])),
        "base": _content(data["base"]),
        "contents": tuple(map(_content, data["contents"])),
        "sources": tuple(data["sources"]),
        "own_labels": tuple(data["own_labels"]),
    }
    return PreparedBuild(**{**data, **read})


def _step(data: dict[str, Any]) -> Step:
    return Step(**{**data, "path": tuple(data["path"]), "packages": tuple(data["packages"])})


def _content(data: dict[str, Any]) -> Content:
    packages = (Package(**{**package, "via": tuple(package["via"])}) for package in data["packages"])
    return Content(**{**data, "packages": tuple(packages)})
