"""The needs of a planned image from its host."""

from __future__ import annotations

import posixpath

from mlspec.advice.doctor.observations import Need
from mlspec.facts.torch import least_driver
from mlspec.plan.plan import Plan
from mlspec.targets import run_script
from mlspec.targets.filters import HOME_MARK


def need_of(plan: Plan, *, wheels: int, folder: str, home: str) -> Need:
    """Return the needs of an image; ``wheels`` is the size of its packages in bytes, ``folder`` its spec's folder."""
    binds = (mount.source for mount in plan.run.mounts if mount.type == "bind")
    return Need(
        image=plan.image,
        platform=plan.platform,
        platforms=plan.platforms,
        gpus=plan.run.wants_nvidia,
        cuda=plan.packages.cuda,
        driver=least_driver(plan.packages.cuda) if plan.packages.cuda else "",
        torch=plan.packages.torch,
        devices=plan.run.devices,
        init=plan.run.init,
        as_caller=plan.run.as_caller,
        binds=tuple(_absolute(path, folder, home) for path in binds),
        wheels=wheels,
    )


def _absolute(path: str, folder: str, home: str) -> str:
    found = run_script.host_path(path).replace(HOME_MARK, home)
    is_whole = found.startswith("/") or found[1:3] == ":/"
    return posixpath.normpath(found if is_whole else posixpath.join(folder, found))
