"""Groups and features that a project's own tool installs by default, and an image only if its spec names them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from packaging.utils import canonicalize_name

from mlspec.lock.requirements.requirement_types import Unheeded
from mlspec.lock.requirements.sources import pixi
from mlspec.lock.requirements.sources.source_tables import TomlText

# Groups for people who work on the project. No image runs these, so no warning says that the image lacks them.
_OF_WORK = {
    *("dev", "devel", "develop", "development", "debug", "local", "tools", "tooling", "utils", "types", "typing"),
    *("test", "tests", "testing", "unittest", "unittests", "e2e", "pytest", "coverage", "cov", "qa", "nox", "tox"),
    *("lint", "linter", "linters", "linting", "format", "fmt", "formatting", "style", "quality", "check", "checks"),
    *("mypy", "ruff", "commit", "hooks", "security", "audit", "ci", "cd", "build", "release", "publish", "packaging"),
    *("doc", "docs", "documentation", "sphinx", "mkdocs", "example", "examples", "benchmark", "benchmarks", "bench"),
    *("profile", "profiling", "notebook", "notebooks", "jupyter", "ipython", "stubs"),
}


def is_of_work(name: str) -> bool:
    """Return whether a group is for work on a project, by its name: dev, test, docs and similar names."""
    return not _OF_WORK.isdisjoint(re.split(r"[-_.\s]+", name.lower()))


def find_left_out(toml: TomlText, taken: Iterable[str], named: str) -> Iterator[Unheeded]:
    """Yield the groups that the project's own tool installs by default and that are not in ``taken``.

    ``taken`` has normalised names, and ``named`` is the name of the file in the spec's entry.
    """
    known = set(taken)
    for tool, name, path in (*_of_uv(toml), *_of_poetry(toml)):
        if canonicalize_name(name) in known or is_of_work(name):
            continue
        where = f"{named}:" if named != "pyproject.toml" else ""
        message = f"{tool} installs the group {name} by default, but the image does not have it"
        hint = f'add it to requirements: "--group {where}{name}"; or accept it: # mlspec: ignore=MLS225 WHY'
        yield Unheeded("group", message, hint, toml.place(*path))
    for name, place in pixi.list_other_features(toml):
        if not is_of_work(name):
            message = f"the feature {name} of pixi is not in its default environment, so the image does not have it"
            hint = f"if the image needs it, write: [tool.pixi.environments] default = [{name!r}]".replace("'", '"')
            yield Unheeded("group", message, f"{hint}; else: # mlspec: ignore=MLS225 WHY", place)


def _of_uv(toml: TomlText) -> Iterator[tuple[str, str, tuple[str | int, ...]]]:
    listed, path = toml.value("tool", "uv", "default-groups"), ("tool", "uv", "default-groups")
    groups = {canonicalize_name(name): name for name in toml.table("dependency-groups")}
    if listed == "all":
        yield from (("uv", name, path) for name in groups.values())
    elif isinstance(listed, list):
        for number, name in enumerate(listed):
            if canonicalize_name(str(name)) in groups:
                yield "uv", str(name), (*path, number)


def _of_poetry(toml: TomlText) -> Iterator[tuple[str, str, tuple[str | int, ...]]]:
    tables = toml.table("tool", "poetry", "group")
    optional = {canonicalize_name(n) for n, row in tables.items() if isinstance(row, dict) and row.get("optional")}
    for name, row in tables.items():
        if isinstance(row, dict) and row.get("dependencies") and canonicalize_name(name) not in optional:
            yield "poetry", name, ("tool", "poetry", "group", name, "dependencies")
    # Since 2.2 poetry also installs the groups of PEP 735.
    if str(toml.value("build-system", "build-backend") or "").startswith("poetry."):
        for name in toml.table("dependency-groups"):
            if canonicalize_name(name) not in optional:
                yield "poetry", name, ("dependency-groups", name)
