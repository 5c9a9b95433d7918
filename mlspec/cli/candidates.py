"""Candidates for shell completion: specs, and the images of a spec. Imports stay light: a person waits."""

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
    """Return the specs of this folder that begin with this text, or else any file."""
    with contextlib.suppress(FileNotFoundError):
        if known := [spec for spec in find_specs() if spec.startswith(begun)]:
            return [CompletionItem(spec) for spec in known]
    return [CompletionItem(begun, type="file")]


def images(ctx: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """Return the images that the spec has and that begin so, without those that are named already."""
    named = ctx.params.get(parameter.name or "") or ()
    return [
        CompletionItem(key) for key in image_keys(ctx.params.get("file")) if key.startswith(begun) and key not in named
    ]


def image_keys(file: str | None) -> list[str]:
    """Return the keys of the images that a spec, or the one here, has; none where it cannot be read."""
    from mlspec.errors import SpecError
    from mlspec.spec.document import parse
    from mlspec.spec.encoding import MAX_BYTES, decode

    # A spec that cannot be read has no images to offer; the command itself says what is wrong with it.
    with contextlib.suppress(OSError, SpecError):
        (path,) = find_specs([file] if file else []) or ("",)
        found = parse(decode(read_file(path, MAX_BYTES), path), path).data.get("images")
        return list(found) if isinstance(found, dict) else []
    return []


def targets(_: click.Context, __: click.Parameter, begun: str) -> list[str]:
    """Return the kinds of output that begin so."""
    return [name for name in TARGETS if name.startswith(begun)]
