"""A rule about the folder of a notebook server."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence

from mlspec.advice.lint.container_command import find_option_values, strip_launcher
from mlspec.advice.lint.lost_results import mount_hint, mounts_key
from mlspec.advice.lint.program_start import last_words
from mlspec.advice.lint.subject import Context, Subject
from mlspec.errors import Problem

# Notebook servers, by the first words of their commands, and the options that name the folder they open.
_NOTEBOOKS = {"lab", "notebook", "server"}
_ROOTS = ("--ServerApp.root_dir", "--notebook-dir", "--NotebookApp.notebook_dir", "--ServerApp.notebook_dir")


def loses_notebooks(subject: Subject, context: Context) -> Iterator[Problem]:
    """Warn of a Jupyter server whose folder is outside of all mounts: its notebooks are lost with the container."""
    words, settings = strip_launcher(last_words(subject, context)), subject.settings
    if words[:1] != ("jupyter",) or not set(words[1:2]) & _NOTEBOOKS or _has_configuration(subject, words):
        return
    named = [*find_option_values(words, _ROOTS), *(word for word in words[2:3] if not word.startswith("-"))]
    root = posixpath.normpath(posixpath.join(settings.working_dir, named[0] if named else ""))
    if any(f"{root}/".startswith(f"{posixpath.normpath(mount.target).rstrip('/')}/") for mount in settings.mounts):
        return
    below = [mount.target for mount in settings.mounts if not mount.read_only and mount.target.startswith(f"{root}/")]
    folder = next((target for target in below if "notebook" in target), next(iter(below), ""))
    message = f"Jupyter opens {root}, which is outside of all mounts: notebooks saved there are lost with the container"
    hint = f"write: --ServerApp.root_dir={folder or posixpath.join(settings.working_dir, 'notebooks')}"
    yield subject.warn(
        message, hint if folder else f"{hint}; and {mount_hint(subject, 'notebooks')}", mounts_key(subject)
    )


def _has_configuration(subject: Subject, words: Sequence[str]) -> bool:
    is_named = any(word.partition("=")[0] in {"--config", "--collaborative"} for word in words)
    return is_named or "JUPYTER_CONFIG_DIR" in subject.settings.environment or not subject.is_official
