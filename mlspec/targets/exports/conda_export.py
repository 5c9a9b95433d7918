"""The packages of an image as an environment file of conda, which installs them with pip.

The format: https://docs.conda.io/projects/conda/en/latest/user-guide/tasks/manage-environments.html
"""

from __future__ import annotations

from collections.abc import Iterator

from mlspec.targets import yaml_writer
from mlspec.targets.exports.export_facts import ExportFacts, git_command, pip_line
from mlspec.targets.sheet import Data, Sheet

_CHANNEL = "conda-forge"


def export_conda(facts: ExportFacts) -> str:
    """Return an environment.yml: the Python from conda-forge, and all packages with hashes in its section for pip.

    Packages from git are comments: in a list with hashes, pip refuses a requirement without them.
    """
    # conda passes each entry to pip as a line of a requirements file. The hashes alone choose the source of a package
    # over its wheels, so there is no --no-binary, which conda-lock cannot read.
    pip = [*facts.index_options, *map(pip_line, facts.pins)]
    data: dict[str, Data] = {
        "name": facts.name.replace("/", "-").replace(":", "-"),
        "channels": [_CHANNEL],
        "dependencies": [f"python={facts.asked_python}", "pip", *([{"pip": pip}] if pip else [])],
    }
    if facts.environment:
        data["variables"] = dict(facts.environment)
    return yaml_writer.text(_heading(facts), [Sheet((), data)])


def _heading(facts: ExportFacts) -> Iterator[str]:
    yield facts.title
    yield "conda env create --file FILE"
    for pin in facts.git_pins:
        yield f"Not in this file, because it has no hash: {git_command(pin)}"
