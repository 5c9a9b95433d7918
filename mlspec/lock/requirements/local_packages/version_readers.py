"""Builds that read the version of a package from the repository around it, which no image has."""

from __future__ import annotations

from mlspec.errors import Problem
from mlspec.lock.requirements.local_packages.other_compilers import advise_wheel
from mlspec.lock.requirements.local_packages.setup_metadata import SetupText
from mlspec.lock.requirements.other_files import Look
from mlspec.lock.requirements.requirement_texts import find_name
from mlspec.lock.requirements.sources.source_tables import TomlText

# Build requirements that read a version from git.
_READERS = frozenset(
    {
        "setuptools-scm",
        "vcs-versioning",
        "flit-scm",
        "hatch-vcs",
        "setuptools-git-versioning",
        "versioningit",
        "versioneer",
        "uv-dynamic-versioning",
        "poetry-dynamic-versioning",
        "pbr",
    }
)
# These ask git in spite of a version in the file.
_STUBBORN = frozenset({"versioningit", "poetry-dynamic-versioning", "pbr"})
# The backends that stand before another one, and that one with what it requires.
_WRAPPERS = {
    "poetry_dynamic_versioning": ("poetry-core", "poetry.core.masonry.api"),
    "flit_scm": ("flit_core", "flit_core.buildapi"),
    "pbr": ("setuptools", "setuptools.build_meta"),
}
_TABLES: tuple[tuple[str, ...], ...] = (
    ("tool", "setuptools_scm"),
    ("tool", "setuptools-git-versioning"),
    ("tool", "versioningit"),
    ("tool", "versioneer"),
    ("tool", "uv-dynamic-versioning"),
    ("tool", "poetry-dynamic-versioning"),
    ("tool", "pdm", "version"),
    ("tool", "hatch", "version"),
    ("tool", "hatch", "build", "hooks", "vcs"),
    ("tool", "hatch", "build", "hooks", "version"),
)


def refuse_version_reader(toml: TomlText, requires: tuple[str, ...], folder: str, look: Look) -> Problem | None:
    """Return the problem of a package whose build reads its version from git; None for any other package."""
    readers = [name for text in requires if (name := find_name(text)) in _READERS]
    if toml.value("tool", "pdm", "version", "source") == "scm":
        readers.append("pdm-backend")
    is_written = toml.value("project", "version") and not _STUBBORN.intersection(readers)
    if not readers or is_written:
        return None
    reader = next((name for name in readers if name in _STUBBORN), readers[0])
    message = f"{reader} reads the version of {toml.name} from git, which is not in the image"
    advice = _advise_setup(toml, reader) if isinstance(toml, SetupText) else _advise_project(toml, reader)
    wheel = advise_wheel(toml.name, folder, look).replace("name it here", "name it in the spec")
    hint = f"{advice}\nor, to keep the version of git, {wheel}"
    return toml.place("project", "dynamic").problem("MLS227", message, hint)


def _advise_setup(toml: SetupText, reader: str) -> str:
    where = 'version="1.0.0" in setup()' if toml.shown.endswith(".py") else "version = 1.0.0 below [metadata]"
    return f"write it in {toml.shown}: {where}, and remove {reader} there and from pyproject.toml"


def _advise_project(toml: TomlText, reader: str) -> str:
    steps = ['write it in this file: [project] version = "1.0.0"']
    if "version" in (toml.value("project", "dynamic") or ()):
        steps.append('remove "version" from dynamic')
    module = str(toml.value("build-system", "build-backend") or "").partition(":")[0].partition(".")[0]
    if wrapper := _WRAPPERS.get(module):
        required, behind = wrapper
        steps.append(f'write [build-system] requires = ["{required}"], build-backend = "{behind}"')
    elif reader != "pdm-backend":
        steps.append(f"remove {reader} from requires")
    tables = [f"[{'.'.join(path)}]" for path in _TABLES if toml.value(*path) is not None]
    if tables:
        steps.append(f"remove {', '.join(tables)}")
    return "; ".join(steps)
