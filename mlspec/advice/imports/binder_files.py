"""The import of repo2docker's small files: apt.txt, runtime.txt, postBuild and start, and of .python-version."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from mlspec.advice.imports.parent_images import LAB
from mlspec.advice.imports.system_packages import read_debian_package
from mlspec.advice.imports.verdicts import ImportSource, LineVerdict
from mlspec.errors import Problem, Span, SpecError


def read_apt_list(source: ImportSource) -> Iterator[LineVerdict]:
    """Yield the verdicts on an apt.txt of repo2docker, or on a packages.txt of Streamlit and Hugging Face."""
    for number, line in _lines(source):
        for word in line.split():
            yield from read_debian_package(source, number, word)


def read_runtime(source: ImportSource) -> Iterator[LineVerdict]:
    """Yield the verdict on a runtime.txt or a .python-version; raise SpecError if it asks for R."""
    for number, line in _lines(source):
        if line.lower().startswith("r-"):
            message = f"{source.file} asks for R; mlspec makes Python images"
            problem = Problem(code="MLS416", message=message, hint="for R there is https://rocker-project.org")
            raise SpecError(problem.at(source.file, Span(number, 1, number, len(line) + 1), line))
        yield source.carry(number, line, "python", re.sub(r"^python-", "", line))


def _lines(source: ImportSource) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(source.lines, 1):
        if text := re.sub(r"(?:^|\s)#.*", "", line).strip():
            yield number, text


def read_post_build(source: ImportSource) -> Iterator[LineVerdict]:
    """Yield the verdict on a postBuild: a build step after the code is copied."""
    command = f"{_shell_of(source)} ./{source.file}"
    verdict = source.carry(1, source.lines[0], "run", {"command": command, "at": "after_code"})
    yield replace(verdict, end=len(source.lines))


def read_start_script(source: ImportSource) -> Iterator[LineVerdict]:
    """Yield the verdict on a start script, which runs before the program."""
    why = "it runs before the program: write it into entrypoint, with the program after it"
    verdict = source.guess(1, source.lines[0], "entrypoint", (_shell_of(source), f"./{source.file}"), why)
    yield replace(verdict, end=len(source.lines))


def imply_notebooks(paths: Sequence[str]) -> Iterator[LineVerdict]:
    """Yield the verdicts on what repo2docker adds to every image: JupyterLab and its port."""
    names = {posixpath.basename(path) for path in paths}
    first = next((path for path in paths if posixpath.dirname(path).endswith("binder")), "")
    if not first and not names & {"postBuild", "start", "apt.txt"}:
        return
    source = ImportSource(first or paths[0], "")
    why = "every image of repo2docker starts JupyterLab"
    yield source.guess(0, "", "requirements", "jupyterlab", why)
    yield source.guess(0, "", "ports", "8888:8888", why)
    yield source.guess(0, "", "command" if "start" in names else "entrypoint", LAB, why)


def _shell_of(source: ImportSource) -> str:
    return "bash" if "bash" in source.lines[0] else "sh"
