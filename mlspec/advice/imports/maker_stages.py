"""Stages of a Dockerfile that make the packages of the image: a later stage copies an environment or a list of them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Sequence

from mlspec.advice.draft.readers.instructions import DockerfileInstruction, DockerfileStage, expand
from mlspec.advice.imports.copied_files import split_copy, stage_of, takes_environment

INSTALLS = re.compile(
    r"\bpip3?\s+(?:\S+\s+)*?(?:install|wheel)|\buv\s+(?:pip|sync|export)|\bpoetry\s+.*(?:install|export)"
    r"|\bconda\b.*(?:install|create|update)|\bmicromamba\b.*(?:install|create)|\bpipenv\s|\bpdm\s"
)
"""Instructions that install Python packages, or write a list of them."""


def find_makers(chain: Sequence[DockerfileStage], others: Sequence[DockerfileStage]) -> tuple[DockerfileStage, ...]:
    """Return the stages from which the image copies its environment, and the stages they build on."""
    copies = [line for stage in chain for line in stage.instructions if line.name == "COPY" and stage_of(line)]
    whole = {stage_of(line).lower() for line in copies if takes_environment(line)}
    any_of = {stage_of(line).lower() for line in copies}
    found = [
        stage
        for number, stage in enumerate(others)
        if {stage.name, str(number)} & whole or ({stage.name, str(number)} & any_of and _installs(stage))
    ]
    while bases := {stage.base.lower() for stage in found} - {stage.name for stage in found}:
        more = [stage for stage in others if stage.name and stage.name in bases]
        if not more:
            break
        found += more
    return tuple(stage for stage in others if stage in found)


def _installs(stage: DockerfileStage) -> bool:
    return any(line.name == "RUN" and INSTALLS.search(line.rest + line.body) for line in stage.instructions)


def list_made_paths(makers: Iterable[DockerfileStage], known: dict[str, str]) -> frozenset[str]:
    """Return the folders in which the stages install and to which they copy the project."""
    found = set[str]()
    for stage in makers:
        folder = "/"
        for line in stage.instructions:
            if line.name == "WORKDIR":
                folder = posixpath.normpath(posixpath.join(folder, expand(line.rest.strip("\"'"), known)))
                found.add(folder)
            elif line.name == "COPY" and not stage_of(line):
                found.add(posixpath.normpath(posixpath.join(folder, _target(line, known))))
    return frozenset(found - {"/"})


_CLONE = re.compile(r"\bgit\s+clone\s+([^;&|\n]+)")


def names_clone(folder: str, lines: Iterable[DockerfileInstruction]) -> bool:
    """Return whether a folder is the checkout of another repository, which an instruction clones."""
    texts = (line.rest + line.body for line in lines if line.name == "RUN")
    clones = {_clone_name(match[1].split()) for text in texts for match in _CLONE.finditer(text)}
    return bool((clones - {""}) & set(folder.split("/")))


def _clone_name(words: Sequence[str]) -> str:
    """Return the name of the folder that a clone makes: its last word, or else the name of the repository."""
    place = next((number for number, word in enumerate(words) if re.search(r"[:/]", word)), len(words))
    named = [word for word in words[place + 1 :] if not word.startswith("-")][:1] or words[place : place + 1]
    return posixpath.basename("".join(named).rstrip("/")).removesuffix(".git")


def _target(line: DockerfileInstruction, known: dict[str, str]) -> str:
    return expand(split_copy(line)[1], known)
