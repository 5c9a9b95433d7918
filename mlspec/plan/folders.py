"""The folders of an image that every user may write to, and the account of the image's user."""

from __future__ import annotations

from dataclasses import dataclass

from mlspec.lock.image_facts import ImageFacts
from mlspec.plan.system import SystemPlan
from mlspec.spec.keys import Settings

HOME = "/home/app"
CACHE = "/cache"
VENV = "/opt/venv"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldersPlan:
    """Folders that every user may write to, because a container may run as any user.

    ``account`` is the line of /etc/passwd for the image's user, or None for root, who has a line already.
    ``from_stage`` is the stage that makes the folders.
    """

    paths: tuple[str, ...]
    account: str | None
    from_stage: str

    @property
    def for_steps(self) -> tuple[str, ...]:
        """The folders whose files every user may write to after a step. None of the folders holds the packages."""
        return tuple(folder for folder in self.paths if not f"{VENV}/".startswith(f"{folder.rstrip('/')}/"))


def plan_folders(settings: Settings, facts: ImageFacts, system: SystemPlan) -> FoldersPlan:
    """Return the folders that an image makes."""
    # A new volume takes the mode of the folder it is mounted on, so those folders are made in the image.
    volumes = [mount.target for mount in settings.mounts if mount.type == "volume"]
    uid, _, gid = settings.user.partition(":")
    # The stage for the platform of the build machine has the same users as the base. A changed system may have more.
    is_same = facts.is_official and not system.is_changed
    return FoldersPlan(
        paths=tuple(sorted({settings.working_dir, HOME, CACHE, *volumes})),
        account=None if uid == "0" else f"app:x:{uid}:{gid}::{HOME}:/bin/sh",
        from_stage="native" if is_same and len(settings.platforms) > 1 else system.stage,
    )
