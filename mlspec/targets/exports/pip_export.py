"""The packages of an image as a requirements file of pip, with hashes."""

from __future__ import annotations

from collections.abc import Iterator

from mlspec.lock.pins import Pin
from mlspec.targets.exports.export_facts import ExportFacts, git_command, pip_line


def export_requirements(facts: ExportFacts) -> str:
    """Return a requirements file that pip and uv install with ``--require-hashes``.

    Packages from git are comments: in a file with hashes, pip refuses a requirement without them.
    """
    return "\n".join((*_heading(facts), *_options(facts), *map(_package, facts.pins), ""))


def _heading(facts: ExportFacts) -> Iterator[str]:
    yield f"# {facts.title}"
    # --no-deps: the list is complete, and the requirements of a package may contradict an override of the project.
    yield "# pip install --no-deps --require-hashes -r FILE"
    # Of several indexes uv asks the first one that has the name, even if another one has the version.
    strategy = " --index-strategy unsafe-best-match" if len(facts.used_indexes) else ""
    yield f"# uv pip install --no-deps --require-hashes{strategy} -r FILE"
    for pin in facts.git_pins:
        yield f"# Not in this file, because it has no hash: {git_command(pin)}"
    yield ""


def _options(facts: ExportFacts) -> Iterator[str]:
    if options := (*facts.index_options, *facts.source_options):
        yield from (*options, "")


def _package(pin: Pin) -> str:
    lines = pip_line(pin).replace(" --hash=", " \\\n    --hash=")
    return f"{lines}\n    # via {', '.join(pin.via)}" if pin.via else lines
