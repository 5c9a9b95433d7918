"""Builds by podman: its own output, and fewer options than builds by BuildKit."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mlspec.cli.specs import how_to
from mlspec.cli.terminal import say

if TYPE_CHECKING:
    from mlspec.host.rendered import Rendered
    from mlspec.plan.plan import Plan
    from mlspec.targets.build_options import BuildOptions


def require_podman_options(options: BuildOptions, *, verify: bool, reports: bool) -> None:
    """Raise ToolError with the options that podman does not have, or if podman cannot build."""
    from mlspec.errors import ToolError
    from mlspec.host.engine.podman import require_podman
    from mlspec.targets.podman_build import refuse_options

    if problems := tuple(refuse_options(options, verify=verify, reports=reports)):
        raise ToolError(*problems)
    require_podman()


def require_podman_secrets(rendered: Rendered, plan: Plan) -> None:
    """Raise SpecError if a step reads a secret from an environment variable, which podman cannot set."""
    from mlspec import api
    from mlspec.errors import SpecError
    from mlspec.spec.spec import choose_image
    from mlspec.targets.podman_build import find_variable_secrets, refuse_secret

    if names := find_variable_secrets(api.source(rendered, plan).dockerfile):
        raise SpecError(refuse_secret(choose_image(rendered.spec, plan.key or None), names[0]))


def build_with_podman(
    rendered: Rendered, plan: Plan, options: BuildOptions, file: str | None, *, silently: bool = False
) -> None:
    """Build one image with this user's mirrors, and remember it. Raises SpecError, or ToolError if that fails.

    With ``silently``, the output of podman is shown only if the build fails.
    """
    from mlspec.errors import ToolError
    from mlspec.host.engine import built_images, image_build, mirrors
    from mlspec.host.network.user_configuration import set_variables
    from mlspec.targets.podman_build import podman_build_command, refuse_configuration

    require_podman_secrets(rendered, plan)

    with (
        mirrors.apply_mirrors(plan, options, rendered.codename(plan)) as own,
        image_build.metadata() as metadata,
    ):
        if own.secrets:
            raise ToolError(refuse_configuration(set_variables()))
        words = podman_build_command(plan, replace(own, metadata_file=str(metadata)))
        if silently:
            image_build.capture_build(words, rendered.folder)
        else:
            image_build.build(words, rendered.folder)
        built_images.remember_built(rendered.folder, plan.image, image_build.read_image_id(metadata))
    if silently:
        return
    names = options.tags or (plan.image,)
    how = "" if options.tags else f"; to run it: {how_to(f'run {plan.key}'.strip(), file)}"
    say(f"built {', '.join(names)} with podman{how}")
