"""The real world for a lock: files beside the spec, registries, logins of this user, and pip's resolver."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlspec.host.files import read as disk
from mlspec.lock.requirements.other_files import Neighbour
from mlspec.lock.source_layers import SourceLayer
from mlspec.lock.world import BuildBase, Compiled, CompileRequest, RegistryImage

if TYPE_CHECKING:
    from mlspec.plan.source_builds import MetadataStage
from mlspec.spec.nested_keys import Secret


@dataclass(frozen=True, slots=True)
class LocalWorld:
    """The folder of a spec on this host, and what can be reached from here; a :class:`mlspec.lock.world.World`."""

    path: Path
    tell: Callable[[str], None] = lambda _: None

    @property
    def folder(self) -> str:
        """The folder as messages call it; empty for the current one."""
        return "" if self.path == Path() else self.path.as_posix()

    def folder_name(self) -> str:
        """Return the folder's own name, by whatever path it is called."""
        return disk.name_of(self.path)

    def say(self, message: str) -> None:
        """Tell the person what goes on."""
        self.tell(message)

    def read_file(self, path: str) -> str:
        """Return the text of a file; raises OSError, or UnicodeError where it is not text."""
        return disk.make_reader(self.path)(path)

    def look_at(self, path: str) -> Neighbour:
        """Return what is at a path."""
        return disk.make_looker(self.path)(path)

    def read_generated(self, path: str) -> str | None:
        """Return the text of a generated file as it is; None where there is none."""
        return disk.text_of(self.path / path)

    def read_lock(self, path: str) -> str | None:
        """Return the text of a lock with LF line ends; None where there is none."""
        return disk.lock_text(self.path / path)

    def read_login(self, url: str, name: str, secret: Secret) -> tuple[str, str]:
        """Return user and password for an index from a secret; raises SpecError where it has none."""
        from mlspec.host.network.logins import login

        return login(url, name, secret, self.path)

    def look_up_image(self, reference: str, platform: str) -> RegistryImage:
        """Return an image as its registry has it today; raises ToolError."""
        from mlspec.host.network import registry

        return registry.resolve(reference, platform)

    def compile_requirements(self, request: CompileRequest) -> Compiled:
        """Return the pins of requirements; sources that only a build can tell of are built as the image builds them.

        Raises LockError where nothing fits or an index does not answer.
        """
        from mlspec.host.resolver import Resolver
        from mlspec.host.resolver.metadata import MetadataMaker

        stage = _stage_of(request.build_base)
        maker = MetadataMaker(request.target, request.indexes, request.build_constraints, stage, self.say, self.path)
        resolver = Resolver(
            request.target, request.indexes, maker, inspects_wheels=request.inspects_wheels, programs=request.programs
        )
        return resolver.compile(
            request.requirements,
            previous=request.previous,
            upgrade=request.upgrade,
            upgrade_packages=request.upgrade_packages,
        )


def _stage_of(base: BuildBase) -> Callable[[SourceLayer], MetadataStage]:
    """Return a function from the sources of a layer to the stage that the image builds them on."""
    from mlspec.plan.source_builds import CompilerFacts, plan_metadata_stage

    facts = CompilerFacts(base.settings, base.codename)
    user = None if base.is_official else "0:0"
    return lambda source: plan_metadata_stage(facts, base.reference, user, source)
