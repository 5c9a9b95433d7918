"""The command ``mlspec sbom``."""

from __future__ import annotations

import click

from mlspec.cli.options import PLATFORMS, file_option, image_argument, quiet_option, wish_of
from mlspec.cli.specs import one_spec
from mlspec.cli.terminal import answer_file


@click.command()
@image_argument
@click.option("--platform", type=PLATFORMS, help="One of several platforms. Default: the first.")
@file_option
@quiet_option
def sbom(image: str | None, platform: str | None, file: str | None) -> None:
    """Print an image's bill of materials, in CycloneDX JSON.

    List every package with its version, its hash and the packages that need it, and the base image by digest. Debian
    packages are not locked: only those in `apt` are listed, without a version. Use no network and no engine.
    """
    from mlspec import api

    rendered = api.render(one_spec(file), wish_of(locked=True, unpinned=True))
    answer_file(f"{api.bill(rendered, rendered.plan(image, platform))}\n")
