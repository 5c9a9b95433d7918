"""The command with which podman builds an image, and the options of a build that it does not have."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from mlspec.errors import Problem
from mlspec.targets.run_script import EPOCH, build_secrets

if TYPE_CHECKING:
    from mlspec.plan.plan import Plan
    from mlspec.spec.spec import Image
    from mlspec.targets.build_options import BuildOptions

_CODE = "MLS573"


def podman_build_command(plan: Plan, options: BuildOptions) -> tuple[str, ...]:
    """Return the words of the command that builds an image. The command runs in the folder of the spec.

    The metadata file of ``options`` gets the ID of the image.
    """
    dockerfile = options.dockerfile or plan.files.dockerfile
    # The format of OCI has no health check. Podman would look for the ignore file only in the context.
    words = [
        "podman",
        "build",
        "--format",
        "docker",
        "--file",
        dockerfile,
        "--ignorefile",
        f"{dockerfile}.dockerignore",
    ]
    words += ["--platform", ",".join(options.platforms or (plan.platform,))]
    for tag in options.tags or (plan.image,):
        words += ["--tag", tag]
    words += ["--build-arg", f"SOURCE_DATE_EPOCH={EPOCH}"]
    if options.index_url:
        words += ["--build-arg", f"PIP_INDEX_URL={options.index_url}"]
    words += [word for secret in build_secrets(plan, options) for word in ("--secret", secret)]
    if plan.packages.uses_ssh:
        words += ["--ssh", "default"]
    for name, value in options.labels:
        words += ["--label", f"{name}={value}"]
    if options.no_cache:
        words.append("--no-cache")
    if options.progress == "quiet":
        words.append("--quiet")
    if options.metadata_file:
        words += ["--iidfile", options.metadata_file]
    return (*words, plan.context.path)


def refuse_options(options: BuildOptions, *, verify: bool, reports: bool) -> Iterator[Problem]:
    """Yield a problem for each option that podman does not have."""
    docker = "use Docker: --engine docker"
    if options.push:
        yield _refuse("--push", "build without it, and then: podman push NAME")
    if options.builder:
        yield _refuse("--builder", f"leave it out, or {docker}")
    if options.cache_to or options.cache_from:
        yield _refuse("--cache" if options.cache_to else "--cache-from", f"leave it out, or {docker}")
    if verify:
        yield _refuse("--verify", docker)
    if reports:
        yield _refuse("--report", docker)
    if options.progress in {"tty", "rawjson"}:
        yield _refuse(f"--progress {options.progress}", "leave it out, or: --progress plain")


def refuse_configuration(variables: Iterable[str]) -> Problem:
    """Return the problem of a configuration that reaches the steps of a build as secrets in variables.

    ``variables`` are the environment variables of the configuration that are set.
    """
    message = "your configuration has mirrors, certificates or logins that podman cannot give to a build"
    without = " ".join(f"-u {name}" for name in variables if name != "MLSPEC_ENGINE")
    hint = f"build without it: env {without} MLSPEC_CONFIG=off mlspec build --engine podman".replace("  ", " ")
    return Problem(code=_CODE, message=message, hint=f"{hint}; or use Docker: --engine docker")


def find_variable_secrets(dockerfile: str) -> tuple[str, ...]:
    """Return the secrets that steps of a Dockerfile get as variables: buildah 1.43 mounts secrets only as files."""
    return tuple(dict.fromkeys(re.findall(r"--mount=type=secret,id=([^,\s]+),env=", dockerfile)))


def refuse_secret(image: Image, name: str) -> Problem:
    """Return the problem of a secret that a step gets as a variable."""
    message = f"a step gets the secret {name} as an environment variable, which podman cannot do"
    hint = f"read it from a file: secrets: {{{name}: {{file: ./PATH}}}}; or use Docker: --engine docker"
    return image.problem(_CODE, message, hint, "secrets")


def _refuse(option: str, hint: str) -> Problem:
    return Problem(code=_CODE, message=f"{option}: mlspec does not do this with podman", hint=hint)
