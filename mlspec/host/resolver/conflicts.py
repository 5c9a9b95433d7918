"""Problems for requirements that no release satisfies: who requires which version, and which releases exist."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from packaging.requirements import Requirement as Pep508
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from mlspec.errors import Problem
from mlspec.facts.python import python_versions
from mlspec.facts.versions import minor_version
from mlspec.host.resolver.package_names import INSTALL_NAMES, close_name
from mlspec.host.resolver.releases import IndexRelease, describe_common_python, marker_of, parse_releases
from mlspec.lock.pins import LockTarget
from mlspec.lock.requirements.requirement_types import Requirement, Requirements
from mlspec.lock.world import NO_WHEEL
from mlspec.text import without_login

_NOT_MEANT = frozenset({"it is a pre-release", "it was yanked"})


@dataclass(frozen=True)
class Conflict:
    """The requirements of a failed resolution, its target, and the resolver's error with causes and releases."""

    requirements: Requirements
    target: LockTarget
    error: Mapping[str, Any]

    def problems(self) -> Iterator[Problem]:
        """Yield the problems for the user."""
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
            yield from self._other_lacking(names[0])
        else:
            for name in names:
                yield self._disagreement(name, [cause for cause in wishes if cause.name == name])

    def without_wheel(self, name: str) -> Problem | None:
        """Return a problem if the newest wanted release of a package has wheels, but none for the target; else None."""
        place = self._requirement_of(name)
        specifier = str(Pep508(place.text).specifier) if place else ""
        releases = parse_releases(self.error["releases"].get(name, ()))
        wanted = (r for r in releases if _contains(specifier, r.version) and r.reason not in _NOT_MEANT)
        release = next(wanted, None)
        if release is None or not ("no wheel" in release.reason or release.is_elsewhere):
            return None
        return self.requirements.problem(*self._unfit(_Cause(name, specifier, "", ""), release, releases), place)

    def _unknown(self, name: str, causes: Sequence[_Cause]) -> Problem:
        wanting = next(cause for cause in causes if cause.name == name)
        who = f", which {wanting.parent} {wanting.parent_version} asks for" if wanting.parent else ""
        hint = f"did you mean: {INSTALL_NAMES[name]}" if name in INSTALL_NAMES else self._close_name(name)
        notes = [without_login(str(note)) for note in self.error.get("notes", ())]
        if any("not a trusted or secure host" in note for note in notes):
            message = f"the index for {name} uses http, which anyone on the network path could answer"
            return self.requirements.problem(
                "MLS257", message, "write its address with https://", self._requirement_of(wanting.root)
            )
        if odd := next((note for note in notes if f"/{name}/" in note), ""):
            hint = f"the index answered with something other than a package page: {odd}"
        return self.requirements.problem(
            "MLS242", f"there is no package {name} on the index{who}", hint, self._requirement_of(wanting.root)
        )

    def _close_name(self, name: str) -> str:
        close = close_name(name, (r.name for r in self.requirements.requirements))
        return f"did you mean: {close}" if close else "correct its name, or name the index that has it under `indexes`"

    def _is_at_address(self, name: str) -> bool:
        """Return whether a package comes from an address, and not from an index."""
        return any(r.name == name and r.kind != "index" for r in self.requirements.requirements)

    def _requirement_of(self, name: str) -> Requirement | None:
        return self.requirements.find_requirement(name) if name else None

    def _wrong_python(self, cause: _Cause) -> Problem:
        message = f"{cause.parent} {cause.parent_version} needs Python {cause.specifier}, but the image has "
        message += self.target.python
        hint = f"change `python`, or ask for another {cause.parent}"
        return self.requirements.problem("MLS244", message, hint, self._requirement_of(cause.parent))

    def _nothing_fits(self, cause: _Cause) -> Problem:
        releases = parse_releases(self.error["releases"][cause.name])
        wanted = [release for release in releases if _contains(cause.specifier, release.version)]
        who = f"{cause.parent} {cause.parent_version} asks for" if cause.parent else "the spec asks for"
        place = self._requirement_of(cause.root)
        if wanted:
            return self.requirements.problem(*self._unfit(cause, wanted[0], releases), place)
        newest = ", ".join(release.version for release in releases[:6])
        more = f" and {len(releases) - 6} older" if len(releases) > 6 else ""
        fitting = next((release.version for release in releases if _can_be_taken(release)), "")
        offer = f"\ntry: {cause.name}=={fitting}" if fitting and not cause.parent else ""
        hint = f"{cause.name} has {newest}{more}{offer}"
        return self.requirements.problem(
            "MLS243", f"{who} {cause.name}{cause.specifier}, which no release matches", hint, place
        )

    def _unfit(self, cause: _Cause, release: IndexRelease, releases: Sequence[IndexRelease]) -> tuple[str, str, str]:
        """Return code, message and hint for a release that exists but cannot be used."""
        name, target, reason = cause.name, self.target, release.reason
        what = f"{name} {release.version}"
        if release.is_elsewhere:
            return NO_WHEEL, *_elsewhere(what, name, release)
        other = self._another(cause, releases)
        if "needs Python" in reason:
            message = f"{what} needs Python {reason.rpartition(' ')[2]}, but the image has {target.python}"
            return "MLS244", message, f"change `python`, or {other}"
        if "no wheel" in reason:
            message = f"{what} has no wheel for Python {target.python} on {target.platform} with glibc {target.glibc}"
            return NO_WHEEL, message, "; or ".join(filter(None, self._ways(cause, release, other)))
        if "pre-release" in reason:
            return "MLS243", f"{what} is a pre-release", f"ask for it by name: {name}=={release.version}; or add --pre"
        if "cooldown" in reason:
            other = f"{other}; or take it at any age: below cooldown, write exclude: [{name}]"
        return "MLS243", f"{what} cannot be taken: {reason or 'it was refused'}", other

    def _ways(self, cause: _Cause, release: IndexRelease, other: str) -> Iterator[str]:
        """Yield the remedies for a release without a wheel for the target, most likely first."""
        lacking = self.error.get("lacking") or {}
        known = [row.python for row in python_versions()]
        count = int(self.error.get("pinned") or 0)
        short = minor_version(self.target.python)
        common = describe_common_python(lacking, count, known, short)
        if common:
            yield common
        elif "but one for Python" in release.reason:
            yield f"write: python: {release.reason.rpartition(' ')[2]}"
        yield other
        if release.has_source:
            yield f"compile it: --no-binary {cause.name}"

    def _another(self, cause: _Cause, releases: Sequence[IndexRelease]) -> str:
        """Return the hint to require another release; the hint names a release with a wheel if one is allowed."""
        # The user can change the spec's own specifier, but not the specifier of another package.
        allowed = cause.specifier if cause.parent else ""
        suiting = (r.version for r in releases if _can_be_taken(r) and _contains(allowed, r.version))
        if version := next(suiting, ""):
            return f"require {cause.name}=={version}, which has a wheel"
        return f"ask for another {cause.parent or cause.name}"

    def _other_lacking(self, name: str) -> Iterator[Problem]:
        """Yield a problem for every other pinned requirement without a wheel for the target, at the line of its own."""
        short = minor_version(self.target.python)
        for other in (self.error.get("lacking") or {}).get(short, ()):
            if other != name and (place := self._requirement_of(other)):
                message = f"{place.text.partition(';')[0].strip()} has no wheel for Python {self.target.python} either"
                yield self.requirements.problem(NO_WHEEL, message, "", place)

    def _own_wants(self, name: str, causes: Sequence[_Cause]) -> Iterator[str]:
        """Yield a sentence for each specifier of a package in the spec and its files, with file and line."""
        for cause in causes:
            written = [r for r in self.requirements.requirements if r.name == name and _has(r, cause.specifier)]
            wanted = f"{name}{cause.specifier or ' in any version'}"
            yield from (f"{_shown_place(r) or 'the spec'} asks for {wanted}" for r in written[:1])
            yield from () if written else (f"the spec asks for {wanted}",)

    def _constraints(self, name: str) -> list[Requirement]:
        return [r for r in self.requirements.constraints if r.name == name]

    def _disagreement(self, name: str, causes: Sequence[_Cause]) -> Problem:
        wants = [
            f"{cause.parent} {cause.parent_version} asks for {name}{cause.specifier or ' in any version'}"
            for cause in causes
            if cause.parent
        ]
        wants = [*self._own_wants(name, [cause for cause in causes if not cause.parent]), *wants]
        wants += [f"{_shown_place(r) or 'a constraint'} asks for {r.text}" for r in self._constraints(name)]
        root = next((cause.root for cause in causes if self._requirement_of(cause.root)), "")
        hint = "\n".join((*dict.fromkeys(wants), "loosen one of them"))
        return self.requirements.problem(
            "MLS246", f"no version of {name} satisfies all requirements", hint, self._requirement_of(root)
        )


@dataclass(frozen=True, slots=True)
class _Cause:
    """One requirement of a conflict: package, specifier, and the release that requires it.

    A requirement for a version of Python has an empty name; a requirement of the spec has an empty parent.
    """

    name: str
    specifier: str
    parent: str
    parent_version: str

    @property
    def root(self) -> str:
        """The package whose requirement in the spec is nearest to this cause."""
        return self.parent or self.name


def _has(requirement: Requirement, specifier: str) -> bool:
    """Return whether a requirement has this specifier; a requirement at an address matches any specifier."""
    if requirement.kind != "index":
        return True
    try:
        return Pep508(requirement.text).specifier == SpecifierSet(specifier)
    except InvalidSpecifier:
        return False


def _shown_place(requirement: Requirement) -> str:
    """Return file and line of a requirement, as ``FILE:LINE``; only the file, or empty, if the line is unknown."""
    place = requirement.place
    return f"{place.file}:{place.span.line}" if place.file and place.span else place.file


def _can_be_taken(release: IndexRelease) -> bool:
    """Return whether a hint may propose a release: it is a candidate, and it has a wheel for the target."""
    return not release.reason and release.has_wheel


def _elsewhere(what: str, name: str, release: IndexRelease) -> tuple[str, str]:
    """Return message and hint for a release that has wheels only for other systems."""
    systems = " and ".join(release.systems)
    marker = marker_of(release.systems)
    return f"{what} has wheels only for {systems}", f"remove it, or write: {name}=={release.version}; {marker}"


def _contains(specifier: str, version: str) -> bool:
    try:
        return SpecifierSet(specifier).contains(version, prereleases=True)
    except InvalidSpecifier:
        return False
