"""The section ``develop.watch`` of a Compose service: what ``docker compose watch`` does after an edit.

Compose leaves out what the ignore file of the Dockerfile leaves out (pkg/watch/dockerignore.go, seen with 2.40.3). So
no rule can watch the Dockerfile or mlspec.lock, but one can watch the locks of packages, which a build reads.
"""

from __future__ import annotations

import posixpath

from mlspec.plan.ignore_file import path_line
from mlspec.plan.nested_paths import is_within, path_from
from mlspec.plan.plan import Plan
from mlspec.spec.values import is_below_spec
from mlspec.targets.run_script import host_path
from mlspec.targets.sheet import Data, present


def watch_rules(plan: Plan) -> list[Data]:
    """Return the rules of one service: the code is copied into the container, a new lock builds the image again.

    A wheel of the project counts as a lock.
    """
    locks = tuple(posixpath.relpath(path, plan.container.working_dir) for path in plan.code.copied_locks)
    rules = [_code_rule(plan, path, locks) for path in plan.code.beginnings]
    return [*rules, *({"action": "rebuild", "path": host_path(lock)} for lock in locks)]


def _code_rule(plan: Plan, path: str, locks: tuple[str, ...]) -> Data:
    target = posixpath.normpath(posixpath.join(plan.container.working_dir, path))
    written = [mount.source for mount in plan.run.mounts if mount.type == "bind" and is_below_spec(mount.source)]
    ignored = [*map(posixpath.normpath, written), *locks]
    return present(
        {
            # Compose cannot copy into a container whose disk is read-only.
            "action": "rebuild" if plan.run.read_only else "sync+restart",
            "path": host_path(path),
            "target": None if plan.run.read_only else target,
            "ignore": [path_line(path_from(path, name)) for name in ignored if is_within(name, path) and name != path],
        }
    )
