"""The world of a lock on this host: files beside the spec, registries, logins of this user, and pip's resolver."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlspec.host.files import reading
from mlspec.lock.requirements.other_files import Neighbour
from mlspec.lock.source_layers import SourceLayer
from mlspec.lock.world import BuildBase, Compiled, CompileRequest, RegistryImage

if TYPE_CHECKING:
    from mlspec.plan.source_builds import MetadataStage
from mlspec.spec.nested_keys import Secret
from mlspec.spec.place import Place


@dataclass(frozen=True, slots=True)
class LocalWorld:
    """The folder of a spec on this host, with access to the network; a :class:`mlspec.lock.world.World`."""

    path: Path
    tell: Callable[[str], None] = lambda _: None

    @property
    def folder(self) -> str:
        """The path of the folder for messages; empty for the current folder."""
        return "" if self.path == Path() else self.path.as_posix()

    def folder_name(self) -> str:
        """Return the folder's real name, also if its path is a link or ``.``."""
        return reading.name_of(self.path)

    def say(self, message: str) -> None:
        """Report progress to the user."""
        self.tell(message)

    def read_file(self, path: str) -> str:
        """Return the text of a file; raises OSError, or SpecError if the file is not text."""
        return reading.make_reader(self.path)(path)

    def read_bytes(self, path: str) -> bytes:
        """Return the bytes of a file of any size; raises OSError."""
        return reading.bytes_of(self.path / path, sys.maxsize)

    def look_at(self, path: str) -> Neighbour:
        """Return the kind of a path, and the names in it if the path is a folder."""
        return reading.make_looker(self.path)(path)

    def read_generated(self, path: str) -> str | None:
        """Return the unchanged text of a generated file; None if the file does not exist."""
        return reading.text_of(self.path / path)

    def read_lock(self, path: str) -> str | None:
        """Return the text of a lock with LF line ends; None if the lock does not exist."""
        return reading.lock_text(self.path / path)

    def read_login(self, url: str, name: str, secret: Secret, place: Place) -> tuple[str, str]:
        """Return user and password for an index from a secret; raises SpecError if the secret has none."""
        from mlspec.host.network.logins import login

        return login(url, name, secret, self.path, place)

    def look_up_image(self, reference: str, platform: str, place: Place) -> RegistryImage:
        """Return the current image of a reference from its registry; raises ToolError."""
        from mlspec.host.network import registry

        return registry.resolve(reference, platform, place)

    def compile_requirements(self, request: CompileRequest) -> Compiled:
        """Return the pins of requirements.

        Some sources have no metadata before a build: the engine builds them in the same stage as the image does. Raises
        LockError if no versions fit or an index does not answer.
        """
        from mlspec.host.resolver.compile import Resolver
        from mlspec.host.resolver.metadata.maker import MetadataMaker
        from mlspec.host.resolver.upload_limit import limit_uploads

        stage, limit = _stage_of(request.build_base), limit_uploads(request.cooldown)
        maker = MetadataMaker(
            request.target, request.indexes, request.build_constraints, stage, self.say, self.path, limit
        )
        resolver = Resolver(
            request.target,
            request.indexes,
            maker,
            inspects_wheels=request.inspects_wheels,
            programs=request.programs,
            uploads=limit,
        )
        return resolver.compile(
            request.requirements,
            previous=request.previous,
            upgrade=request.upgrade,
            upgrade_packages=request.upgrade_packages,
        )


def _stage_of(base: BuildBase) -> Callable[[SourceLayer], MetadataStage]:
    """Return a function that plans the stage in which the image builds the sources of a layer."""
    from mlspec.plan.source_builds import CompilerFacts, plan_metadata_stage

    facts = CompilerFacts(base.settings, base.codename)
    user = None if base.is_official else "0:0"
    return lambda source: plan_metadata_stage(facts, base.reference, user, source)
