"""The settlement of verdicts on the same key: the first value wins, other verdicts get a reason."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from packaging.utils import canonicalize_name

from mlspec.advice.imports.spec_lines import LISTS, MAPPINGS
from mlspec.advice.imports.verdicts import LineVerdict

# Another module chooses the values of these keys from all lines: chosen_versions.
_CHOSEN = {"python", "accelerator"}


def settle_keys(verdicts: Iterable[LineVerdict]) -> tuple[LineVerdict, ...]:
    """Return the verdicts with each value of the spec once; of two different values, the first one wins."""
    settled = _Settled()
    verdicts = _name_package_once(_replace_command(tuple(verdicts)))
    return tuple(settled.take(verdict) for verdict in _drop_guesses(tuple(_place_compilers(tuple(verdicts)))))


def _replace_command(verdicts: Sequence[LineVerdict]) -> Sequence[LineVerdict]:
    """Return the verdicts; the command of a run replaces a CMD without ENTRYPOINT, which was read as entrypoint."""
    command = next((v for v in verdicts if v.key == "command" and v.value), None)
    default = next((v for v in verdicts if v.key == "entrypoint" and v.text.startswith("CMD ")), None)
    if not command or not default or command.file == default.file:
        return verdicts
    moved = {
        id(default): replace(default, key="", value=None, outcome="carried", why=f"{command.place} replaces it"),
        id(command): replace(command, key="entrypoint"),
    }
    return [moved.get(id(verdict), verdict) for verdict in verdicts]


# Keys with one value, for which a plain statement wins over an earlier guess.
_SINGLE = {"entrypoint", "shm_size", "name", "working_dir", "user", "gpus", "base"}
_OF_PACKAGE = re.compile(r"-e (.+?)(\[.*\])?")


def _name_package_once(verdicts: Sequence[LineVerdict]) -> Sequence[LineVerdict]:
    """Return the verdicts; the requirements of a package that the spec installs come with the package."""
    wanted = [verdict for verdict in verdicts if verdict.key == "requirements" and verdict.outcome != "unsure"]
    found = [(match, verdict) for verdict in wanted if (match := _OF_PACKAGE.fullmatch(str(verdict.value)))]
    parts = {
        f"{posixpath.normpath(posixpath.join(match[1], 'pyproject.toml'))}{extras or ''}": verdict
        for match, verdict in found
        for extras in {match[2], None}
    }
    return [
        replace(verdict, key="", value=None, why=f"with the package, {parts[str(verdict.value)].value}")
        if verdict in wanted and str(verdict.value) in parts
        else verdict
        for verdict in verdicts
    ]


def package_name(requirement: str) -> str:
    """Return the normalised name of the package in a requirement; empty if it names no package."""
    found = re.match(r"[A-Za-z0-9][\w.-]*", requirement)
    return canonicalize_name(found[0]) if found and not requirement.startswith("-") else ""


def _drop_guesses(verdicts: Sequence[LineVerdict]) -> Iterable[LineVerdict]:
    """Yield the verdicts; a guessed package has no key if another line names the package."""
    sure = {
        package_name(str(verdict.value)): verdict
        for verdict in reversed(verdicts)
        if verdict.key == "requirements" and verdict.outcome != "guessed" and verdict.value
    }
    known = {v.key: v for v in reversed(verdicts) if v.key in _SINGLE and v.outcome in {"carried", "changed"}}
    for verdict in verdicts:
        if verdict.outcome == "guessed" and verdict.key in known:
            yield _repeat(verdict, f"{known[verdict.key].place} says it")
            continue
        other = sure.get(package_name(str(verdict.value))) if verdict.key == "requirements" else None
        if other and verdict.outcome == "guessed":
            yield replace(verdict, outcome="carried", key="", value=None, why=f"{other.place} has it")
        else:
            yield verdict


def _place_compilers(verdicts: Sequence[LineVerdict]) -> Iterable[LineVerdict]:
    """Yield the verdicts; compilers move from ``build_apt`` to ``apt`` if the image has build steps."""
    has_steps = any(verdict.key == "run" and verdict.outcome != "unsure" for verdict in verdicts)
    for verdict in verdicts:
        yield replace(verdict, key="apt", why="") if has_steps and verdict.key == "build_apt" else verdict


@dataclass
class _Settled:
    """The first verdict on each value so far, by key and identity of the value."""

    first: dict[tuple[str, str], LineVerdict] = field(default_factory=dict)

    def take(self, verdict: LineVerdict) -> LineVerdict:
        """Return the verdict unchanged if it is the first on its value, or else without a value."""
        if not verdict.key or verdict.outcome == "unsure" or verdict.key in _CHOSEN:
            return verdict
        first = self.first.setdefault((verdict.key, _identity(verdict)), verdict)
        if first is verdict:
            return verdict
        if verdict.value == verdict.file:
            return _repeat(verdict, f"in {verdict.file}, which the spec names")
        if first.value == verdict.value or verdict.key in LISTS:
            return _repeat(verdict, f"as {first.place}")
        if verdict.outcome == "guessed":
            return _repeat(verdict, f"{first.place} says it")
        value = first.value[1] if verdict.key in MAPPINGS else first.value
        return verdict.lose(f"{first.place} says {value}, and the first one counts")


def _repeat(verdict: LineVerdict, why: str) -> LineVerdict:
    return replace(verdict, outcome="carried", key="", value=None, why=why, repeated=verdict.key)


def _identity(verdict: LineVerdict) -> str:
    if verdict.key in MAPPINGS:
        return str(verdict.value[0])
    if verdict.key in {"apt", "build_apt"}:
        return str(verdict.value).partition("=")[0]
    # A key with a single value has one identity. The entries of a list are identified by their value.
    return str(verdict.value) if verdict.key in LISTS else ""
