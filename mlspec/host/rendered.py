"""A compiled spec with its folder: artifacts and warnings, computed on first use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from mlspec.errors import Problem, merge_problems
from mlspec.host.files import reading
from mlspec.host.files.generated import GeneratedFiles
from mlspec.plan.compiled_spec import CompiledSpec
from mlspec.plan.plan import Plan
from mlspec.spec.files import Artifact, files_of
from mlspec.spec.spec import Spec
from mlspec.spec.suppressions import Ignores, join_ignores
from mlspec.targets.registry import emit_all, record_artifacts

if TYPE_CHECKING:
    from mlspec.advice.lint import Subject


@dataclass(frozen=True, kw_only=True)
class Rendered(CompiledSpec):
    """A compiled spec: its lock, a plan for each image, every artifact, and the folder of these files.

    ``targets`` are the kinds of files to draw, ``today`` is the day of the warnings. The artifacts and the warnings are
    computed on first use: ``mlspec run`` with current files needs neither.
    """

    folder: Path
    targets: tuple[str, ...] = ()
    today: str = ""
    is_locked: bool = True

    @cached_property
    def artifacts(self) -> tuple[Artifact, ...]:
        """The files that mlspec writes beside the spec; empty before the spec is locked."""
        if not self.is_locked:
            return ()
        drawn = emit_all(self.plans, self.targets)
        return (*drawn, *record_artifacts(self.locked, self.plans, self.spec.targets, drawn).artifacts)

    @cached_property
    def subjects(self) -> tuple[Subject, ...]:
        """The subjects of the lint rules: each image on each of its platforms."""
        from mlspec.advice import lint

        return tuple(lint.subjects_of(self, self.today, is_locked=self.is_locked))

    @cached_property
    def ignores(self) -> Ignores:
        """The comments that ignore warnings, from the spec and from requirements files."""
        contents = self.locked.contents.values()
        return join_ignores((self.spec.ignores, *(content.requirements.ignores for content in contents)))

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """The warnings of the spec and its lock, without the warnings that comments ignore."""
        return (*(problem for problem in self.ignores.problems if problem.severity == "warning"), *self._split[0])

    @property
    def ignored_warnings(self) -> tuple[Problem, ...]:
        """The warnings that comments ignore."""
        return self._split[1]

    @cached_property
    def _split(self) -> tuple[Sequence[Problem], tuple[Problem, ...]]:
        from mlspec.advice import lint

        found = merge_problems(lint.merged_warnings(self.subjects))
        kept, ignored = self.ignores.split((*self.locked.warnings, *_spec_warnings(self.spec, self.folder), *found))
        return kept, tuple(ignored)

    def lock_text(self, plan: Plan) -> str:
        """Return the text of a plan's lock, with the fingerprints of the current artifacts."""
        return next((artifact.text for artifact in self.artifacts if artifact.path == plan.files.lock), "")

    @property
    def files(self) -> GeneratedFiles:
        """The artifacts, for a comparison with the files on the disk."""
        return GeneratedFiles(self.folder, self.spec.document.file, self.artifacts, self.locked.recorded)


def _spec_warnings(loaded: Spec, folder: Path) -> tuple[Problem, ...]:
    files = files_of(loaded.document.file, loaded.images[0].key)
    return reading.replaced_ignore_file(folder, files.ignore)
