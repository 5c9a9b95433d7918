"""The files of a project that are copied into an image."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass

from mlspec.lock.image_facts import ImageFacts
from mlspec.plan.build_context import BuildContext
from mlspec.plan.ignore_file import (
    find_beginning,
    find_outside,
    ignore_lines,
    include_entry,
    include_line,
    line_in_context,
)
from mlspec.plan.nested_paths import list_outer
from mlspec.plan.packages import PackagesPlan
from mlspec.plan.run_steps import steps_at
from mlspec.plan.system import SystemPlan
from mlspec.plan.wheels import list_wheel_lines
from mlspec.spec.files import Files
from mlspec.spec.nested_build_keys import RunStep
from mlspec.spec.spec import Image
from mlspec.spec.targets import ALWAYS, TARGETS


@dataclass(frozen=True, slots=True, kw_only=True)
class CodePlan:
    """The lines of the ignore file, the stage that lays out the code, and the user's steps after it.

    ``include`` are the lines for the entries of ``include`` in the spec, or None if the spec includes all files of the
    build context. ``outside`` are the files and folders outside the spec's folder that the build copies, by the literal
    beginning of their paths from there. ``beginnings`` are all files and folders that the build copies, or files of
    which it copies, by the literal beginning of their paths from the spec's folder.
    ``ignore`` are the lines for excluded files, and ``generated`` those for the files that mlspec writes.
    ``copied_locks`` are the paths of the locks and wheels in the image: the packages are already installed from them,
    so nothing needs them there. ``own_folder`` is the folder of the spec in the image, or None if the build certainly
    copies a file to it.
    """

    include: tuple[str, ...] | None
    outside: tuple[str, ...]
    beginnings: tuple[str, ...]
    ignore: tuple[str, ...]
    generated: tuple[str, ...]
    copied_locks: tuple[str, ...]
    own_folder: str | None
    from_stage: str
    steps: tuple[RunStep, ...]

    @property
    def sources(self) -> tuple[str, ...]:
        """The files and folders that the build copies files of, as paths from the spec's folder."""
        return (".", *self.outside)


def plan_code(
    image: Image, files: Files, facts: ImageFacts, system: SystemPlan, packages: PackagesPlan, context: BuildContext
) -> CodePlan:
    """Choose the files of the project to copy into an image."""
    settings, place = image.settings, context.place
    locks = tuple(_installed_locks(files, settings.platforms, packages))
    wheels = tuple(sorted({wheel.path for wheel in facts.wheels}))
    # A context above the spec has other projects, too: without `include`, an image gets the spec's folder alone.
    include = (".",) if settings.include is None and place else settings.include
    if include is not None:
        # First, so that `include` can leave out a part of such a package.
        include = (*_list_outside_packages(facts), *include)
    return CodePlan(
        include=None if include is None else tuple(include_line(entry, place) for entry in include),
        outside=tuple(dict.fromkeys(filter(None, map(find_outside, (*(include or ()), *wheels))))),
        beginnings=(".",) if include is None else list_outer(filter(None, map(find_beginning, include))),
        # Apptainer's file of an image is as large as the image, and stands beside the spec.
        ignore=(*ignore_lines(settings, place), *(["**/*.sif"] if "apptainer" in image.targets else [])),
        generated=(
            *(line_in_context(line, place) for line in _generated_lines(files, image, facts, locks)),
            *list_wheel_lines(facts, context),
        ),
        copied_locks=tuple(posixpath.normpath(f"{settings.working_dir}/{name}") for name in (*locks, *wheels)),
        own_folder=settings.working_dir if place and not locks else None,
        from_stage="native" if len(settings.platforms) > 1 else system.stage,
        steps=steps_at(settings, "after_code"),
    )


def _list_outside_packages(facts: ImageFacts) -> Iterator[str]:
    """Yield the entries of ``include`` for the packages of the project that are outside the spec's folder."""
    return (include_entry(package.path) for package in facts.local if package.path.startswith(".."))


def _installed_locks(files: Files, platforms: tuple[str, ...], packages: PackagesPlan) -> Iterator[str]:
    """Yield the names of the locks that a build installs packages from."""
    each = tuple(files.on(platform, platforms) for platform in platforms)
    yield from (own.requirements_lock for own in each if packages.layers)
    yield from (own.vcs_lock for own in each if packages.git)
    yield from (own.build_lock for own in each if packages.has_build_lock)


def _generated_lines(files: Files, image: Image, facts: ImageFacts, locks: tuple[str, ...]) -> Iterator[str]:
    """Yield the lines of the ignore file that exclude the files mlspec reads and writes, except ``locks``."""
    yield from (files.spec, ".dockerignore", "mlspec.schema.json")
    names = tuple(_generated_names(image, facts))
    for name in names:
        yield from (name, f"*.{name}") if "/" not in name else ()
    # A generated file in a folder: other specs have theirs in subfolders, so exclude the whole folder.
    yield from dict.fromkeys(posixpath.dirname(name) for name in names if "/" in name)
    yield from (f"!{name}" for name in locks)


def _generated_names(image: Image, facts: ImageFacts) -> Iterator[str]:
    yield from (TARGETS[name].file for name in (*ALWAYS, *image.targets))
    yield from ("mlspec.lock", "requirements.lock", "requirements.vcs.lock")
    if facts.has_build_locks:
        yield "requirements.build.lock"
    if facts.has_dev_locks:
        yield "requirements.dev.lock"
        yield from (f"requirements.dev.{name}.lock" for name in facts.architectures)
    for name in facts.architectures:
        yield from (f"{stem}.{name}.lock" for stem in ("requirements", "requirements.vcs", "requirements.build"))
