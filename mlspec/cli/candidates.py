"""Candidates for shell completion: specs, images and targets. Imports stay light, because the user waits."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from click.shell_completion import CompletionItem

from mlspec.host.files.bounded import read_file
from mlspec.host.files.find import find_specs
from mlspec.spec.targets import TARGETS

if TYPE_CHECKING:
    import click


def specs(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
    """Return the specs of this folder that begin with ``begun``, or else let the shell complete any file."""
    with contextlib.suppress(FileNotFoundError):
        if known := [spec for spec in find_specs() if spec.startswith(begun)]:
            return [CompletionItem(spec) for spec in known]
    return [CompletionItem(begun, type="file")]


def images(ctx: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """Return the images of the spec that begin with ``begun``, without those on the command line already."""
    named = ctx.params.get(parameter.name or "") or ()
    return [
        CompletionItem(key) for key in image_keys(ctx.params.get("file")) if key.startswith(begun) and key not in named
    ]


def image_keys(file: str | None) -> list[str]:
    """Return the keys of the images of a spec, by default the one here; return none if the spec is unreadable."""
    from mlspec.errors import SpecError
    from mlspec.spec.document import parse
    from mlspec.spec.encoding import MAX_BYTES, decode

    # An unreadable spec has no images to offer; the command itself reports its problems.
    with contextlib.suppress(OSError, SpecError):
        (path,) = find_specs([file] if file else []) or ("",)
        found = parse(decode(read_file(path, MAX_BYTES), path), path).data.get("images")
        return list(found) if isinstance(found, dict) else []
    return []


def targets(_: click.Context, __: click.Parameter, begun: str) -> list[str]:
    """Return the names of targets that begin with ``begun``."""
    return [name for name in TARGETS if name.startswith(begun)]
