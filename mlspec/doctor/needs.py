"""A plan to what its image needs of a host."""

from __future__ import annotations

import posixpath

from mlspec import catalog, commands
from mlspec.doctor.facts import Need
from mlspec.plan import Plan
from mlspec.templating import HOME_MARK


def need_of(plan: Plan, accelerator: str, *, wheels: int, folder: str, home: str) -> Need:
    """Return what an image needs; ``wheels`` counts the bytes of its packages, ``folder`` is where its spec stands."""
    label = catalog.torch_label(accelerator) or _locked_label(plan)
    row = catalog.torch_index(label) if label.startswith("cu") else None
    binds = (mount.source for mount in plan.run.mounts if mount.type == "bind")
    return Need(
        image=plan.image,
        platform=plan.platform,
        gpus=plan.run.gpus is not None,
        cuda=row.version if row else "",
        driver=row.driver if row else "",
        devices=plan.run.devices,
        init=plan.run.init,
        as_caller=plan.run.as_caller,
        binds=tuple(_absolute(path, folder, home) for path in binds),
        wheels=wheels,
    )


def _locked_label(plan: Plan) -> str:
    """Return the label of the torch index that the packages were locked from, such as ``cu128``."""
    known = {index.url: index.label for index in catalog.torch_indexes()}
    return next((known[url] for url in plan.index_urls if url in known), "")


def _absolute(path: str, folder: str, home: str) -> str:
    found = commands.host_path(path).replace(HOME_MARK, home)
    is_whole = found.startswith("/") or found[1:3] == ":/"
    return posixpath.normpath(found if is_whole else posixpath.join(folder, found))
