"""The input of the rules: one image with its plan and its lock, and the project's folder."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from packaging.requirements import Requirement as Pep508

from mlspec.errors import Problem, Replace
from mlspec.facts.accelerator import Accelerator
from mlspec.facts.versions import major_version, parse_release
from mlspec.lock import promises
from mlspec.lock.requirements.values import Place, Requirement
from mlspec.plan.compiled_spec import CompiledSpec
from mlspec.plan.planned_image import PlannedImage
from mlspec.text import slip


@dataclass(frozen=True, kw_only=True)
class Subject(PlannedImage):
    """An image with its plan and its lock, and the ISO day it is looked at.

    ``today`` is empty where nobody asks what ends when. ``programs`` are those that locked wheels were looked into for,
    with the packages that bring them, empty where none does. A problem's code is the table's to give.
    """

    programs: Mapping[str, str] = field(default_factory=dict)
    is_locked: bool = True
    today: str = ""

    @property
    def is_official(self) -> bool:
        """Whether the base is the official Python image."""
        return self.plan.base.user is None

    @property
    def is_slim(self) -> bool:
        """Whether the base is known to hold nothing but Python: the slim variants of the official image."""
        return self.is_official and "-slim" in self.base.reference

    @property
    def words(self) -> tuple[str, ...]:
        """The words of the command that a container starts with."""
        return (*(self.settings.entrypoint or ()), *(self.settings.command or ()))

    # Rules ask for these once for each requirement, of which a file may have ten thousand.
    @cached_property
    def packages(self) -> frozenset[str]:
        """The normalised names of all locked packages."""
        return frozenset(pin.name for pin in self.pins)

    @cached_property
    def named_packages(self) -> frozenset[str]:
        """The normalised names of all packages that are locked or required."""
        return self.packages | {requirement.name for requirement in self.requirements.requirements}

    @property
    def accelerator(self) -> Accelerator:
        """The accelerator that the image is for."""
        return self.settings.accelerator

    @property
    def kind(self) -> str:
        """The kind of the accelerator: cpu, cuda or rocm."""
        return self.accelerator.kind

    @property
    def cuda_major(self) -> str:
        """The major version of the image's CUDA; empty where it has none, or none is known."""
        return major_version(self.plan.packages.cuda)

    def version(self, name: str) -> str:
        """Return the version of a package that is locked, or else the one that is required; empty if neither is said.

        What is required says at least the minor version: 2.9 of ==2.9.*.
        """
        locked = next((pin.version for pin in self.pins if pin.name == name and pin.version), "")
        return locked or next((_find_exact_version(r) for r in self.requirements.requirements if r.name == name), "")

    def installs(self, package: str) -> bool:
        """Return whether the image has this Debian package because the spec says so: below ``apt``, or in a step."""
        named = {re.split("[:=]", entry)[0] for entry in self.settings.apt}
        steps = (step.command for step in self.settings.run)
        return package in named or any(re.search(rf"(?<![\w-]){re.escape(package)}(?![\w-])", s) for s in steps)

    def warn(self, message: str, hint: str, *path: str | int) -> Problem:
        """Return a warning about the value at ``path`` of the image."""
        return self.image.warning("", message, hint, *path)

    def warn_at(self, source: Requirement | Place, message: str, hint: str) -> Problem:
        """Return a warning that points at a requirement, in the spec or in a file."""
        return self.image.place(source.problem("", message, hint, severity="warning"))

    def warn_of_package(self, name: str, message: str, hint: str) -> Problem:
        """Return a warning that points at the requirement that brought the package ``name``."""
        by_name = {pin.name: pin for pin in self.pins}
        if requirement := promises.find_requirement(name, by_name, self.requirements):
            return self.warn_at(requirement, message, hint)
        return self.warn(message, hint, "requirements")


def with_slip(warning: Problem, written: str, known: Iterable[str]) -> Problem:
    """Return a warning about an unknown name, with a repair if the name is a known one with a typo."""
    meant = slip(written, known)
    return dataclasses.replace(warning, repairs=(Replace(warning.path, written, meant),)) if meant else warning


def _find_exact_version(requirement: Requirement) -> str:
    specifiers = list(Pep508(requirement.text).specifier) if requirement.kind == "index" else []
    # What says the minor version: ==2.9.1, ==2.9.*, ~=2.9.0; but not ~=2.9, which later ones fit too.
    least = {"==": 2, "===": 2, "~=": 3}
    exact = (s.version for s in specifiers if len(parse_release(s.version)) >= least.get(s.operator, 99))
    return next(exact, "")


@dataclass(frozen=True, slots=True)
class Weight:
    """How much a file or folder would bring into an image: bytes and files, at least, unless all of it was counted."""

    size: int = 0
    files: int = 0
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class Look:
    """A look at one path of the project: what is there, whether it is copied, and how a file begins."""

    is_file: bool
    is_kept: bool = False
    is_executable: bool = False
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What of a project's folder would be copied into its image, as far as was looked.

    ``weights`` are those of files and folders near the top, by their path; ``texts`` what files that may matter say,
    and ``data_texts`` small files of settings; ``looks`` at the paths that were asked for, None where nothing is there;
    ``kept`` every path of a file that was met, and ``links`` what those that are links lead to, as they say; ``names``
    all that stands directly beside the spec, copied or not; ``pointers`` the files that git-lfs has yet to fetch;
    ``private`` what the spec calls the private file that a path leads to under another name.
    """

    weights: Mapping[str, Weight] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    data_texts: Mapping[str, str] = field(default_factory=dict)
    pointers: tuple[str, ...] = ()
    private: Mapping[str, str] = field(default_factory=dict)
    looks: Mapping[str, Look | None] = field(default_factory=dict)
    kept: frozenset[str] = frozenset()
    links: Mapping[str, str] = field(default_factory=dict)
    names: frozenset[str] = frozenset()
    is_whole: bool = True
    programs: dict[object, object] = field(default_factory=dict, compare=False, repr=False)
    """Programs that were read from the texts, so that each is read once for all rules."""

    def below(self, folder: str) -> Iterable[str]:
        """Yield the paths with a weight that stand directly in ``folder``, the heaviest first."""
        prefix = f"{folder}/" if folder else ""
        inside = (path for path in self.weights if path.startswith(prefix) and "/" not in path[len(prefix) :])
        return sorted(inside, key=lambda path: (-self.weights[path].size, path))


def subjects_of(compiled: CompiledSpec, today: str, *, is_locked: bool) -> Iterator[Subject]:
    """Yield the subjects of a spec: each of its images, on each of its platforms."""
    for image, plan in zip(compiled.spec.images, compiled.plans, strict=True):
        found = compiled.locked.contents[image.key]
        for platform, packages in found.packages.items():
            yield Subject(
                image=image,
                plan=dataclasses.replace(plan, platform=platform),
                base=found.base,
                requirements=found.requirements,
                pins=(*packages.pins, *packages.vcs),
                programs=found.programs,
                is_locked=is_locked,
                today=today,
            )
