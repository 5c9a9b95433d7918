"""A rule about files that a program writes and that are lost with the container."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from mlspec.advice.behaviour import find_written_paths
from mlspec.advice.behaviour.lost_paths import group_lost_paths
from mlspec.advice.lint.copied import yaml_word
from mlspec.advice.lint.program_start import program_of
from mlspec.advice.lint.subject import Context, Subject
from mlspec.errors import Problem

_OUTPUTS = "outputs"


def loses_results(subject: Subject, context: Context) -> Iterator[Problem]:
    """Warn of files that the program writes below its working directory and outside of all mounts."""
    below = _kept_below(subject)
    lost = group_lost_paths(find_written_paths(program_of(subject, context)), below, context.kept)
    # Without `mounts` in the spec, each hint has the whole new list. With `mounts`, each hint adds its own line.
    every = tuple(dict.fromkeys(folder or _OUTPUTS for folder in lost))
    for folder, results in lost.items():
        first = results[0]
        message = (
            f"{first.place} writes {f'to {folder}' if folder else first.path}, which is outside of all mounts: {_GONE}"
        )
        hint = mount_hint(subject, *([folder or _OUTPUTS] if subject.settings.mounts else every))
        if not folder:
            path = f"{_OUTPUTS}/{posixpath.basename(first.path)}"
            hint = f"write it to {path}" if _OUTPUTS in below else f"write it to {path}; and {hint}"
        yield subject.warn(message, hint, mounts_key(subject))


_GONE = "it is lost with the container"


def _kept_below(subject: Subject) -> list[str]:
    """Return the folders of mounts, relative to the working directory; empty for a mount on it or above it."""
    settings = subject.settings
    targets = [mount.target for mount in settings.mounts] + [entry.partition(":")[0] for entry in settings.tmpfs]
    return [
        ""
        if f"{settings.working_dir}/".startswith(f"{path.rstrip('/')}/")
        else posixpath.relpath(path, settings.working_dir)
        for path in map(posixpath.normpath, targets)
    ]


def mounts_key(subject: Subject) -> str:
    """Return the key for a warning about mounts: ``mounts``, or the key of the command if the spec has no mounts."""
    return "mounts" if subject.settings.mounts else "entrypoint" if subject.settings.entrypoint else "command"


def mount_hint(subject: Subject, *folders: str) -> str:
    """Return a hint with mounts that keep folders of the working directory beside the spec."""
    home = subject.settings.working_dir
    mounts = [yaml_word(f"./{folder}:{posixpath.join(home, folder)}") for folder in folders]
    if subject.settings.mounts:
        return "\n".join(f"add below mounts: - {mount}" for mount in mounts)
    return f"add: mounts: [{', '.join(mounts)}]"
