"""The preparation of a build: a plan becomes a :class:`PreparedBuild`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from mlspec.build.prepared import METADATA_MARK, PROGRESS_MARK, PreparedBuild
from mlspec.build.report.contents import contents_of, describe_base
from mlspec.build.steps import Step
from mlspec.lock.pins import RequirementsLock
from mlspec.plan.plan import Plan
from mlspec.targets.build_options import BuildOptions
from mlspec.targets.run_script import build_command


def prepare_image(
    plan: Plan, options: BuildOptions, dockerfile: str, steps: Iterable[Step], packages: RequirementsLock
) -> PreparedBuild:
    """Prepare the build of an image with ``options``, except their progress and their metadata file.

    ``steps`` are the steps of ``dockerfile``.
    """
    known = tuple(steps)
    return PreparedBuild(
        key=plan.key,
        image=plan.image,
        platform=plan.platform,
        command=build_command(plan, replace(options, progress=PROGRESS_MARK, metadata_file=METADATA_MARK)),
        steps=known,
        base=describe_base(plan),
        contents=contents_of(plan, dockerfile, known, packages),
        sources=plan.code.sources,
        own_labels=tuple(name for name, _ in plan.container.labels),
    )
