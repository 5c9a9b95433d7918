"""An image that ``mlspec build`` is about to build, compiled in this run or in an earlier one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlspec.build.prepared import PreparedBuild
    from mlspec.host.rendered import Rendered
    from mlspec.plan.plan import Plan
    from mlspec.targets.build_options import BuildOptions


@dataclass(frozen=True, slots=True)
class ImageToBuild:
    """An image that is ready to build in a folder, with the options of its command.

    ``find_source`` returns the compiled spec and the plan; a successful build does not need them. ``meanwhile`` is
    called once while docker builds, before its progress is shown.
    """

    folder: Path
    prepared: PreparedBuild
    options: BuildOptions
    find_source: Callable[[], tuple[Rendered, Plan]]
    meanwhile: Callable[[], object] = lambda: None
    labels: tuple[tuple[str, str], ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the image: those of the options, or else the name in the spec."""
        return self.options.tags or (self.prepared.image,)

    def words(self, progress: str) -> tuple[str, ...]:
        """Return the command that builds the image with this kind of progress."""
        return self.prepared.words(progress, self.options.metadata_file or "", self.labels)
