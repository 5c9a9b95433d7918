"""What of the project is copied into an image."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass

from mlspec.lock.image_facts import ImageFacts
from mlspec.plan.ignore_file import ignore_lines, include_line
from mlspec.plan.packages import PackagesPlan
from mlspec.plan.run_steps import steps_at
from mlspec.plan.system import SystemPlan
from mlspec.spec.files import Files
from mlspec.spec.nested_keys import RunStep
from mlspec.spec.spec import Image
from mlspec.spec.targets import ALWAYS, TARGETS


@dataclass(frozen=True, slots=True, kw_only=True)
class CodePlan:
    """The lines of the ignore file, the stage that lays out the code, and the user's steps after it.

    ``include`` are the lines for what the spec includes, None where that is all; ``ignore`` are those for what stays
    out, and ``generated`` those for what mlspec writes. ``copied_locks`` are the paths of locks in the image that
    packages were installed from: nothing needs them there.
    """

    include: tuple[str, ...] | None
    ignore: tuple[str, ...]
    generated: tuple[str, ...]
    copied_locks: tuple[str, ...]
    from_stage: str
    steps: tuple[RunStep, ...]


def plan_code(image: Image, files: Files, facts: ImageFacts, system: SystemPlan, packages: PackagesPlan) -> CodePlan:
    """Return what of the project is copied into an image."""
    settings = image.settings
    locks = tuple(_installed_locks(files, settings.platforms, packages))
    return CodePlan(
        include=None if settings.include is None else tuple(map(include_line, settings.include)),
        ignore=ignore_lines(settings),
        generated=tuple(_generated_lines(files, image, facts, locks)),
        copied_locks=tuple(f"{settings.working_dir}/{name}" for name in locks),
        from_stage="native" if len(settings.platforms) > 1 else system.stage,
        steps=steps_at(settings, "after_code"),
    )


def _installed_locks(files: Files, platforms: tuple[str, ...], packages: PackagesPlan) -> Iterator[str]:
    """Yield the names of the locks that packages are installed from."""
    each = tuple(files.on(platform, platforms) for platform in platforms)
    yield from (own.requirements_lock for own in each if packages.layers)
    yield from (own.vcs_lock for own in each if packages.git)
    yield from (own.build_lock for own in each if packages.has_build_lock)


def _generated_lines(files: Files, image: Image, facts: ImageFacts, locks: tuple[str, ...]) -> Iterator[str]:
    """Yield the lines of the ignore file for what mlspec reads and writes; ``locks`` stay in."""
    yield from (files.spec, ".dockerignore", "mlspec.schema.json")
    for name in _generated_names(image, facts):
        # A file in a folder has the name of a spec as a folder above it.
        yield from (name, f"*.{name}") if "/" not in name else (posixpath.dirname(name),)
    yield from (f"!{name}" for name in locks)


def _generated_names(image: Image, facts: ImageFacts) -> Iterator[str]:
    yield from (TARGETS[name].file for name in (*ALWAYS, *image.targets))
    yield from ("mlspec.lock", "requirements.lock", "requirements.vcs.lock")
    if facts.has_build_locks:
        yield "requirements.build.lock"
    for name in facts.architectures:
        yield from (f"{stem}.{name}.lock" for stem in ("requirements", "requirements.vcs", "requirements.build"))
