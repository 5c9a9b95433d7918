"""Wishes that no release fits, in words: who asks for what, and what there is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from packaging.requirements import Requirement as Pep508
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from mlspec.errors import Problem
from mlspec.host.resolver.names import INSTALL_NAMES, close_name
from mlspec.host.resolver.wording import problem_at
from mlspec.lock.pins import Target
from mlspec.lock.requirements.values import Requirement, Requirements
from mlspec.printable import without_login

NO_WHEEL = "MLS245"
"""The code of a release that has wheels, and none for the target."""
_NOT_MEANT = frozenset({"it is a pre-release", "it was withdrawn"})
UNFIT = frozenset({"MLS242", "MLS243", "MLS244", NO_WHEEL, "MLS246"})
"""The codes of wishes that no release fits: any other failure is one of an index, of git, or of what was written."""


@dataclass(frozen=True)
class Conflict:
    """The wishes that cannot be met together, the releases of the packages they are about, and what was asked for."""

    requirements: Requirements
    target: Target
    error: Mapping[str, Any]

    def problems(self) -> Iterator[Problem]:
        """Yield what a person should read."""
        causes = [_Cause(**cause) for cause in self.error["causes"]]
        pythons = [cause for cause in causes if not cause.name and not _contains(cause.specifier, self.target.python)]
        wishes = [cause for cause in causes if cause.name]
        names = list(dict.fromkeys(cause.name for cause in wishes))
        for name in names:
            releases = self.error["releases"].get(name, [])
            if not releases and not self._is_at_address(name):
                yield self._unknown(name, causes)
                return
        if pythons:
            yield from (self._wrong_python(cause) for cause in pythons)
        elif len(wishes) == 1 and not self._constraints(names[0]):
            yield self._nothing_fits(wishes[0])
        else:
            for name in names:
                yield self._disagreement(name, [cause for cause in wishes if cause.name == name])

    def without_wheel(self, name: str) -> Problem | None:
        """Return that the newest release of a package that was asked for has wheels, and none for the target."""
        place = self._asked(name)
        specifier = str(Pep508(place.text).specifier) if place else ""
        releases = [(version, reason) for version, reason in self.error["releases"].get(name, [])]
        wanted = ((v, reason) for v, reason in releases if _contains(specifier, v) and reason not in _NOT_MEANT)
        version, reason = next(wanted, ("", ""))
        return problem_at(*self._unfit(name, version, reason, releases), place) if "no wheel" in reason else None

    def _unknown(self, name: str, causes: Sequence[_Cause]) -> Problem:
        wanting = next(cause for cause in causes if cause.name == name)
        who = f", which {wanting.parent} {wanting.parent_version} asks for" if wanting.parent else ""
        hint = f"did you mean: {INSTALL_NAMES[name]}" if name in INSTALL_NAMES else self._close_name(name)
        notes = [without_login(str(note)) for note in self.error.get("notes", ())]
        if any("not a trusted or secure host" in note for note in notes):
            message = f"the index for {name} is asked over http, where anyone on the way could answer"
            return problem_at("MLS257", message, "write its address with https://", self._asked(wanting.root))
        if odd := next((note for note in notes if f"/{name}/" in note), ""):
            hint = f"the index answered with something else than a package page: {odd}"
        return problem_at("MLS242", f"there is no package {name} on the index{who}", hint, self._asked(wanting.root))

    def _close_name(self, name: str) -> str:
        close = close_name(name, (r.name for r in self.requirements.requirements))
        return f"did you mean: {close}" if close else "correct its name, or name the index that has it under `indexes`"

    def _is_at_address(self, name: str) -> bool:
        """Return whether a package comes from an address, so that no index was asked for it."""
        return any(r.name == name and r.kind != "index" for r in self.requirements.requirements)

    def _asked(self, name: str) -> Requirement | None:
        return self.requirements.named(name) if name else None

    def _wrong_python(self, cause: _Cause) -> Problem:
        message = f"{cause.parent} {cause.parent_version} needs Python {cause.specifier}, and the image has "
        message += self.target.python
        hint = f"move `python`, or ask for another {cause.parent}"
        return problem_at("MLS244", message, hint, self._asked(cause.parent))

    def _nothing_fits(self, cause: _Cause) -> Problem:
        releases = [(version, reason) for version, reason in self.error["releases"][cause.name]]
        wanted = [(v, reason) for v, reason in releases if _contains(cause.specifier, v)]
        who = f"{cause.parent} {cause.parent_version} asks for" if cause.parent else "the spec asks for"
        place = self._asked(cause.root)
        if wanted:
            version, reason = wanted[0]
            return problem_at(*self._unfit(cause.name, version, reason, releases), place)
        newest = ", ".join(version for version, _ in releases[:6])
        more = f" and {len(releases) - 6} older" if len(releases) > 6 else ""
        fitting = next((version for version, reason in releases if not reason), "")
        offer = f"\ntry: {cause.name}=={fitting}" if fitting and not cause.parent else ""
        hint = f"{cause.name} has {newest}{more}{offer}"
        return problem_at("MLS243", f"{who} {cause.name}{cause.specifier}, which no release is", hint, place)

    def _unfit(self, name: str, version: str, reason: str, releases: Sequence[tuple[str, str]]) -> tuple[str, str, str]:
        """Return code, message and hint for a release that is there and cannot be taken."""
        target = self.target
        fitting = [v for v, why in releases if not why]
        other = f"; {name} {fitting[0]} fits" if fitting else ""
        if "needs Python" in reason:
            message = f"{name} {version} needs Python {reason.rpartition(' ')[2]}, and the image has {target.python}"
            return "MLS244", message, f"move `python`, or ask for another {name}{other}"
        if "no wheel" in reason:
            message = f"{name} {version} has no wheel for Python {target.python} on {target.platform}"
            python = f"write: python: {reason.rpartition(' ')[2]}, or " if "but one for Python" in reason else ""
            hint = f"{python}ask for another {name}{other}; or have it compiled: --no-binary {name}"
            return NO_WHEEL, f"{message} with glibc {target.glibc}", hint
        if "pre-release" in reason:
            return (
                "MLS243",
                f"{name} {version} is a pre-release",
                f"ask for it by name: {name}=={version}; or add --pre",
            )
        return (
            "MLS243",
            f"{name} {version} cannot be taken: {reason or 'it was refused'}",
            f"ask for another {name}{other}",
        )

    def _own_wants(self, name: str, causes: Sequence[_Cause]) -> Iterator[str]:
        """Yield what the spec and its files want of a package, each with the line that it was written in."""
        for cause in causes:
            written = [r for r in self.requirements.requirements if r.name == name and _has(r, cause.specifier)]
            wanted = f"{name}{cause.specifier or ' in any version'}"
            yield from (f"{_shown_place(r) or 'the spec'} wants {wanted}" for r in written[:1])
            yield from () if written else (f"the spec wants {wanted}",)

    def _constraints(self, name: str) -> list[Requirement]:
        return [r for r in self.requirements.constraints if r.name == name]

    def _disagreement(self, name: str, causes: Sequence[_Cause]) -> Problem:
        wants = [
            f"{cause.parent} {cause.parent_version} wants {name}{cause.specifier or ' in any version'}"
            for cause in causes
            if cause.parent
        ]
        wants = [*self._own_wants(name, [cause for cause in causes if not cause.parent]), *wants]
        wants += [f"{_shown_place(r) or 'a constraint'} wants {r.text}" for r in self._constraints(name)]
        root = next((cause.root for cause in causes if self._asked(cause.root)), "")
        hint = "\n".join((*dict.fromkeys(wants), "loosen one of them"))
        return problem_at("MLS246", f"no version of {name} suits all who ask for it", hint, self._asked(root))


@dataclass(frozen=True, slots=True)
class _Cause:
    """One wish of a conflict: a package, what is wanted of it (or of Python, where it has no name), and by whom."""

    name: str
    specifier: str
    parent: str
    parent_version: str

    @property
    def root(self) -> str:
        """The package whose requirement in the spec is nearest to this wish."""
        return self.parent or self.name


def _has(requirement: Requirement, specifier: str) -> bool:
    """Return whether a requirement asks for these versions; one at an address asks for any."""
    if requirement.kind != "index":
        return True
    try:
        return Pep508(requirement.text).specifier == SpecifierSet(specifier)
    except InvalidSpecifier:
        return False


def _shown_place(requirement: Requirement) -> str:
    """Return the file and the line that a requirement was written in; empty for an entry of the spec."""
    place = requirement.place
    return f"{place.file}:{place.span.line}" if place.file and place.span else place.file


def _contains(specifier: str, version: str) -> bool:
    try:
        return SpecifierSet(specifier).contains(version, prereleases=True)
    except InvalidSpecifier:
        return False
