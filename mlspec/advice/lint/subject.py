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
from mlspec.lock.requirements.requirement_types import Requirement
from mlspec.plan.compiled_spec import CompiledSpec
from mlspec.plan.planned_image import PlannedImage
from mlspec.spec.place import Place
from mlspec.text import slip


@dataclass(frozen=True, kw_only=True)
class Subject(PlannedImage):
    """An image with its plan, its lock and the day of the check.

    ``today`` is an ISO date; if it is empty, no rule compares the ends of support with a date. ``programs`` maps the
    name of a program to the locked package whose wheel has it; the package is empty if no locked wheel has the program.
    A rule leaves the code of a problem empty: the table of rules fills it in.
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
        """Whether the base is a slim variant of the official image: such an image is known to hold only Python."""
        return self.is_official and "-slim" in self.base.reference

    @property
    def words(self) -> tuple[str, ...]:
        """The words of the command of a container: the entrypoint and the command."""
        return (*(self.settings.entrypoint or ()), *(self.settings.command or ()))

    # Rules read these properties once for each requirement, and a file may have ten thousand requirements.
    @cached_property
    def packages(self) -> frozenset[str]:
        """The normalised names of all locked packages, and of the wheels of the project."""
        return frozenset((*(pin.name for pin in self.pins), *(wheel.name for wheel in self.requirements.wheels)))

    @cached_property
    def own_commands(self) -> frozenset[str]:
        """The names of the programs that the packages and wheels of the project install."""
        return frozenset(command for package in self.requirements.own for command in package.commands)

    @cached_property
    def named_packages(self) -> frozenset[str]:
        """The normalised names of all packages that are locked or required."""
        return self.packages | {requirement.name for requirement in self.requirements.requirements}

    @property
    def accelerator(self) -> Accelerator:
        """The accelerator of the image."""
        return self.settings.accelerator

    @property
    def kind(self) -> str:
        """The kind of the accelerator: cpu, cuda or rocm."""
        return self.accelerator.kind

    @property
    def cuda_major(self) -> str:
        """The major version of the image's CUDA; empty if the image has no CUDA, or its version is unknown."""
        return major_version(self.plan.packages.cuda)

    def version(self, name: str) -> str:
        """Return the locked version of a package, or else its required version; empty if neither is known.

        A required version has at least the minor version: 2.9 of ==2.9.*.
        """
        locked = next((pin.version for pin in self.pins if pin.name == name and pin.version), "")
        return locked or next((_find_exact_version(r) for r in self.requirements.requirements if r.name == name), "")

    def installs(self, package: str) -> bool:
        """Return whether the spec names this Debian package below ``apt`` or in a build step."""
        named = {re.split("[:=]", entry)[0] for entry in self.settings.apt}
        steps = (step.command for step in self.settings.run)
        return package in named or any(re.search(rf"(?<![\w-]){re.escape(package)}(?![\w-])", s) for s in steps)

    def warn(self, message: str, hint: str, *path: str | int) -> Problem:
        """Return a warning about the value at ``path`` of the image."""
        return self.image.warning("", message, hint, *path)

    def warn_at(self, source: Requirement | Place, message: str, hint: str) -> Problem:
        """Return a warning that points at a requirement, in the spec or in a file."""
        return source.problem("", message, hint, severity="warning")

    def warn_of_package(self, name: str, message: str, hint: str) -> Problem:
        """Return a warning at the requirement that brings the package ``name``, directly or through others."""
        by_name = {pin.name: pin for pin in self.pins}
        if requirement := promises.find_requirement(name, by_name, self.requirements):
            return self.warn_at(requirement, message, hint)
        return self.warn(message, hint, "requirements")


def with_slip(warning: Problem, written: str, known: Iterable[str]) -> Problem:
    """Add a repair to a warning about an unknown name, if the name is a known name with a typo."""
    meant = slip(written, known)
    return dataclasses.replace(warning, repairs=(Replace(warning.path, written, meant),)) if meant else warning


def _find_exact_version(requirement: Requirement) -> str:
    specifiers = list(Pep508(requirement.text).specifier) if requirement.kind == "index" else []
    # These specifiers fix the minor version: ==2.9.1, ==2.9.*, ~=2.9.0. ~=2.9 does not: 2.10 matches it too.
    least = {"==": 2, "===": 2, "~=": 3}
    exact = (s.version for s in specifiers if len(parse_release(s.version)) >= least.get(s.operator, 99))
    return next(exact, "")


@dataclass(frozen=True, slots=True)
class Weight:
    """The weight of a file or folder in an image: bytes and number of files.

    Unless ``is_whole`` is set, not all files were counted, and both numbers are lower bounds.
    """

    size: int = 0
    files: int = 0
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class Look:
    """One looked-up path of the project: its kind, whether it is copied into the image, and the start of its text."""

    is_file: bool
    is_kept: bool = False
    is_executable: bool = False
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The part of a project's folder that would be copied into its image, as far as it was scanned.

    - ``weights``: weights of the files and folders near the top, by path.
    - ``texts``: texts of the files that a rule may read, by path; ``data_texts``: texts of small files of settings.
    - ``pointers``: files that git-lfs has yet to fetch.
    - ``private``: paths that lead to a private file of the spec under another name, with the file's name in the spec.
    - ``looks``: the paths that rules look up; None for a path that does not exist.
    - ``kept``: paths of all files that were found; ``links``: targets of the links among them, as written.
    - ``names``: names of all files and folders directly beside the spec, copied or not.
    - ``home``: names in the path of the user's home folder.
    - ``is_whole``: whether the scan found every file.
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
    home: tuple[str, ...] = ()
    is_whole: bool = True
    programs: dict[object, object] = field(default_factory=dict, compare=False, repr=False)
    """Cache of the programs that were parsed from the texts: a program is parsed once for all rules."""

    def below(self, folder: str) -> Iterable[str]:
        """Return the paths directly in ``folder`` whose weight is known, the heaviest first."""
        prefix = f"{folder}/" if folder else ""
        inside = (path for path in self.weights if path.startswith(prefix) and "/" not in path[len(prefix) :])
        return sorted(inside, key=lambda path: (-self.weights[path].size, path))


def subjects_of(compiled: CompiledSpec, today: str, *, is_locked: bool) -> Iterator[Subject]:
    """Yield a subject for each image of a spec on each of its platforms."""
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
