"""The values of a spec that have no form in a dev container, which an editor starts with the project mounted."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import TYPE_CHECKING

from mlspec.errors import KeyPath, Problem, quote_value

if TYPE_CHECKING:
    from mlspec.spec.spec import Image

_WITHOUT = "or leave devcontainer out of targets"


def list_editor_problems(image: Image) -> Iterator[Problem]:
    """Yield the problems of an image for a dev container."""
    settings = image.settings
    root = image.context_root
    for index, mount in enumerate(settings.mounts):
        if posixpath.normpath(mount.target) == root:
            message = f"{mount.target} is where a dev container has the project"
            yield image.problem("MLS144", message, f"mount a folder below it; {_WITHOUT}", "mounts", index)
    for index, entry in enumerate(settings.env_file):
        if not entry.required:
            message = f"{quote_value(entry.path)} may be missing, and then docker starts no dev container"
            yield image.problem("MLS144", message, f"make the file and remove required; {_WITHOUT}", "env_file", index)
    for path, text in _list_texts(image):
        if "${" in text:
            message = f"an editor would expand the variable in {quote_value(text)}"
            yield image.problem("MLS144", message, f"rename it; {_WITHOUT}", *path)


def _list_texts(image: Image) -> Iterator[tuple[KeyPath, str]]:
    """Yield the texts of a spec that devcontainer.json repeats and that may hold a dollar sign, with their places."""
    settings = image.settings
    for index, mount in enumerate(settings.mounts):
        yield ("mounts", index), mount.target
    yield from ((("env_file", index), entry.path) for index, entry in enumerate(settings.env_file))
    yield from ((("secrets", name), secret.file or "") for name, secret in settings.secrets.items())
    yield from ((("tmpfs", index), path) for index, path in enumerate(settings.tmpfs))
