"""The folders that an image makes for every user, and its user's account."""

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
    """Folders that every user may write to, as a run may have any user.

    ``account`` is the line of /etc/passwd for the image's user, or None for root, who has one. ``from_stage`` is the
    stage that the folders are made in.
    """

    paths: tuple[str, ...]
    account: str | None
    from_stage: str

    @property
    def for_steps(self) -> tuple[str, ...]:
        """The folders in which every user may write to what a step leaves; none of them holds the packages."""
        return tuple(folder for folder in self.paths if not f"{VENV}/".startswith(f"{folder.rstrip('/')}/"))


def plan_folders(settings: Settings, facts: ImageFacts, system: SystemPlan) -> FoldersPlan:
    """Return the folders that an image makes."""
    # A new volume takes the mode of the folder it is mounted on, so those folders are made in the image.
    volumes = [mount.target for mount in settings.mounts if mount.type == "volume"]
    uid, _, gid = settings.user.partition(":")
    # The stage on the machine that builds has the names of users that the base has; one that is changed may have more.
    is_same = facts.is_official and not system.is_changed
    return FoldersPlan(
        paths=tuple(sorted({settings.working_dir, HOME, CACHE, *volumes})),
        account=None if uid == "0" else f"app:x:{uid}:{gid}::{HOME}:/bin/sh",
        from_stage="native" if is_same and len(settings.platforms) > 1 else system.stage,
    )
