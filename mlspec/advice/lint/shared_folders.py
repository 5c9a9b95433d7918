"""Rules about a build context above the spec, which several projects share."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from mlspec.advice.lint.copied import left_out
from mlspec.advice.lint.subject import Context, Subject
from mlspec.errors import Problem
from mlspec.targets import ignore_patterns


def list_shared_paths(subject: Subject) -> Iterator[str]:
    """Yield the paths that the rules of this module look up."""
    if subject.plan.context.place:
        yield _ignore_file(subject)
    if subject.plan.context.place or "github" in subject.image.targets:
        yield from (posixpath.join(_up(level), ".git") for level in range(len(_names(subject)) + 1))


def is_too_high(subject: Subject, context: Context) -> Iterator[Problem]:
    """Warn of a build context above the repository: the image would have paths of this machine."""
    place, names = subject.plan.context.place, _names(subject)
    if not place:
        return
    depth = place.count("/") + 1
    repositories = _list_repositories(subject, context)
    # The repository of a submodule is in the folder of another, whose names are the same on each machine.
    if repositories and repositories[-1] < depth:
        level = repositories[-1]
        hint = f"write the folder of the repository: context: {_up(level)}" if level else "remove the key"
        yield subject.warn(_message(subject, "above the repository"), hint, "context")
    elif names[:-depth] in {(), context.home} and names and not repositories:
        what = "your home folder" if names[:-depth] else "the root of the disk"
        yield subject.warn(_message(subject, what), "name the nearest folder with all shared code", "context")


def has_unread_workflow(subject: Subject, context: Context) -> Iterator[Problem]:
    """Warn of a workflow in a folder below the root of the repository, where GitHub does not read it."""
    repositories = _list_repositories(subject, context)
    if "github" in subject.image.targets and repositories and repositories[0]:
        message = f"GitHub reads workflows only at the root of the repository, {_up(repositories[0])}"
        hint = "leave github out of targets, and build in a workflow of your own: mlspec build -f FOLDER"
        yield subject.warn(message, hint, "targets")


def _list_repositories(subject: Subject, context: Context) -> list[int]:
    """Return the levels above the spec that are the root of a git repository, the nearest first; 0 is the spec's."""
    levels = range(len(_names(subject)) + 1)
    return [level for level in levels if context.looks.get(posixpath.join(_up(level), ".git"))]


def _message(subject: Subject, where: str) -> str:
    found = subject.plan.context
    return (
        f"the build context {found.path} is {where}: {posixpath.join(found.root, found.place)} depends on this machine"
    )


def is_left_out_elsewhere(subject: Subject, context: Context) -> Iterator[Problem]:
    """Warn of copied files that the .dockerignore of the build context leaves out: no build of this image reads it."""
    path = _ignore_file(subject)
    look = context.looks.get(path) if subject.plan.context.place else None
    if not look or not look.is_file:
        return
    patterns = ignore_patterns.parse(look.text, subject.plan.context.place)
    needed = {posixpath.relpath(lock, subject.settings.working_dir) for lock in subject.plan.code.copied_locks}
    found = sorted(kept for kept in context.kept if kept not in needed and patterns.leaves_out(kept))
    if not found:
        return
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    message = f"{path} leaves out {found[0]}{more}, but a build of this image does not read it, and copies them"
    yield subject.warn(
        message, left_out(subject, found[0]), *(("include",) if subject.settings.include else ("context",))
    )


def _ignore_file(subject: Subject) -> str:
    return posixpath.join(subject.plan.context.path, ".dockerignore")


def _names(subject: Subject) -> tuple[str, ...]:
    """Return the names in the path of the spec's folder."""
    return (subject.image.document.folder if subject.image.document else None) or ()


def _up(level: int) -> str:
    return "/".join([".."] * level)
