"""The choice of the image's Python, from versions in the folder's files and from the wheels of pinned packages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from packaging.markers import InvalidMarker, Marker
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from mlspec.advice.draft.folder import Choice, Decision, DraftOptions
from mlspec.advice.draft.readers import Statement
from mlspec.advice.draft.required import Required
from mlspec.facts import frameworks
from mlspec.facts.python import python_versions
from mlspec.facts.versions import parse_release

DEFAULT_PYTHON = "3.12"
BY_DEFAULT = "the default"
# Files may name these versions too; mlspec cannot lock any of them.
_OLD = ("2.7", *(f"3.{minor}" for minor in range(8)))


@cache
def _list_pythons() -> tuple[str, ...]:
    return tuple(row.python for row in python_versions())


def read_versions(text: str) -> frozenset[str] | None:
    """Return the minor versions that a text allows, including old versions; None if the text cannot be parsed.

    Notations: ``3.11``, ``3.11.4``, ``python-3.11``, ``py311``, conda's ``=3.11``, ``3.11.*`` and ``3.10|3.11``,
    and the ranges of pip and poetry.
    """
    bare = re.sub(r"\s+", "", text).lower()
    bare = re.sub(r"^(?:cpython|python|py)-?(?=\d)", "", bare)
    if "|" in bare:
        parts = [read_versions(part) for part in bare.split("|") if part]
        return frozenset[str]().union(*filter(None, parts)) if all(part is not None for part in parts) else None
    if joined := re.fullmatch(r"([23])(\d{1,2})", bare):
        bare = f"{joined[1]}.{joined[2]}"
    if exact := re.fullmatch(r"(?:==?)?(\d+\.\d+)(?:\.(?:\d+\w*|\*|x))?", bare):
        return frozenset({exact[1]})
    try:
        specifier = SpecifierSet(",".join(_pip_range(part) for part in bare.split(",") if part not in {"", "*"}))
    except InvalidSpecifier:
        return None
    return frozenset(p for p in (*_OLD, *_list_pythons()) if any(specifier.contains(f"{p}.{n}") for n in range(40)))


def _pip_range(part: str) -> str:
    """Convert one condition to pip's notation, from conda's ``=3.11`` and ``3`` or poetry's ``^3.11`` and ``~3.11``."""
    if found := re.fullmatch(r"\^(\d+)\.?([\d.]*)", part):
        return f">={found[1]}.{found[2] or 0},<{int(found[1]) + 1}"
    if found := re.fullmatch(r"~(\d+\.\d+)(?:\.\d+)*", part):
        return f"~={part[1:] if part.count('.') > 1 else f'{found[1]}.0'}"
    if found := re.fullmatch(r"=?(\d+(?:\.\d+)*)(?:\.\*)?", part):
        return f"=={found[1]}.*"
    return part


@dataclass(frozen=True, slots=True)
class PythonBound:
    """The Pythons that a pin allows, with the reason and the place of the pin."""

    pythons: frozenset[str]
    why: str
    place: Statement


def choose_python(
    statements: Iterable[Statement],
    required: Sequence[Required],
    wanted: DraftOptions,
    bounds: Iterable[PythonBound] = (),
    order: Sequence[str] = (),
) -> Decision:
    """Return the Python of the caller, or else a Python that the statements and the pins allow.

    An earlier statement wins over a later statement that contradicts it. ``bounds`` are further bounds by pins, besides
    those of the tables. Of several allowed Pythons, the first of ``order`` is taken: without ``order``, the default or
    else the newest.
    """
    if wanted.python:
        return Decision((Choice("python", wanted.python, "your choice"),))
    allowed, why, left = frozenset(_list_pythons()), "", list[Statement]()
    for statement in statements:
        said = read_versions(str(statement.value))
        usable = (said or frozenset()) & allowed
        if said is None:
            left.append(statement.leave("it cannot be read as a version of Python{taken}"))
        elif not said & set(_list_pythons()):
            left.append(statement.leave(f"{_age(said)} than any Python that mlspec can lock{{taken}}"))
        elif not usable:
            left.append(statement.leave(f"it contradicts {why}{{taken}}"))
        else:
            # A statement that excludes nothing is no further reason, but the first statement is always a reason.
            why = why if why and usable == allowed else f"{why}; {_reason(statement)}" if why else _reason(statement)
            allowed = usable
    for bound in (*_bounds(required), *bounds):
        if allowed & bound.pythons:
            is_news = _pick(allowed, order) not in bound.pythons
            allowed &= bound.pythons
            why = f"{why}; {bound.why}" if is_news and why else bound.why if is_news else why
        else:
            left.append(bound.place.leave(f"{bound.why}{{taken}}"))
    python = _pick(allowed, order)
    named = {statement.place for statement in left}
    left += (statement for statement in _unmet(required, python) if statement.place not in named)
    return Decision((Choice("python", python, why or BY_DEFAULT),), tuple(_name_taken(left, python)))


def _name_taken(left: Iterable[Statement], python: str) -> Iterator[Statement]:
    for item in left:
        yield item.leave(item.why.replace("{taken}", f"; mlspec uses {python}"))


def _pick(allowed: Iterable[str], order: Sequence[str]) -> str:
    return next(python for python in (*order, DEFAULT_PYTHON, *reversed(_list_pythons())) if python in allowed)


def order_by_newest() -> tuple[str, ...]:
    """Return the known Pythons, newest first."""
    return tuple(reversed(_list_pythons()))


def order_by_default() -> tuple[str, ...]:
    """Return the known Pythons, the nearest to the default first: packages support a new Python only slowly."""
    known = order_by_newest()
    return tuple(sorted(known, key=lambda python: abs(known.index(python) - known.index(DEFAULT_PYTHON))))


def _age(said: Iterable[str]) -> str:
    return "older" if any(python in _OLD for python in said) else "newer"


def _reason(statement: Statement) -> str:
    found = str(statement.value) in statement.text
    return f"{statement.place} says {statement.value if found and len(statement.text) > 30 else statement.text}"


# Pins


def _bounds(required: Iterable[Required]) -> Iterator[PythonBound]:
    """Yield the Pythons that frameworks, wheels and markers in the requirements allow."""
    required = tuple(required)
    for line in required:
        if tag := re.search(r"-cp(3)(\d+)-(?:cp3\d+t?|none)-[\w.]+\.whl", line.text):
            python = f"{tag[1]}.{tag[2]}"
            yield PythonBound(frozenset({python}), f"{line.place} is a wheel for Python {python}", line.statement)
        elif bound := _of_framework(line):
            yield bound
    yield from _of_markers(required)


def _of_framework(line: Required) -> PythonBound | None:
    # jax and jaxlib have the same versions.
    rows = frameworks.releases("jaxlib" if line.name == "jax" else line.name)
    if not rows or not line.specifier:
        return None
    meant = [row for row in rows if any(line.specifier.contains(f"{row.version}.{n}") for n in range(12))]
    why = f"{line.name}{line.specifier} of {line.place}"
    if meant:
        pythons = frozenset(p for p in _list_pythons() if any(row.has(p) for row in meant))
        return PythonBound(pythons, f"{why} has wheels for Python {describe_pythons(pythons)}", line.statement)
    # A pin below the oldest known release has wheels only for Pythons that this release supports, or for older ones.
    oldest = rows[0]
    if any(
        pin.operator in {"==", "~=", "<", "<="} and parse_release(pin.version)[:2] <= parse_release(oldest.version)
        for pin in line.specifier
    ):
        pythons = frozenset(p for p in _list_pythons() if parse_release(p) <= parse_release(oldest.last))
        return PythonBound(pythons, f"{why} has no wheels for Python above {oldest.last}", line.statement)
    return None


def describe_pythons(pythons: Iterable[str]) -> str:
    """Return the first and the last of some Pythons, as a text."""
    known = [python for python in _list_pythons() if python in set(pythons)]
    return f"{known[0]} to {known[-1]}" if len(known) > 1 else "".join(known) or "none that mlspec can lock"


def _of_markers(required: Iterable[Required]) -> Iterator[PythonBound]:
    """Yield the Pythons that markers with one Python allow, if no other line has the package for the rest."""
    required = tuple(line for line in required if line.name)
    for name in dict.fromkeys(line.name for line in required if _names_one_python(line)):
        lines = [line for line in required if line.name == name]
        pythons = frozenset(python for python in _list_pythons() if any(_applies(line, python) for line in lines))
        if pythons and DEFAULT_PYTHON not in pythons:
            first = lines[0]
            yield PythonBound(
                pythons, f"{first.place} requires {name} on Python {describe_pythons(pythons)} only", first.statement
            )


def _names_one_python(line: Required) -> bool:
    return bool(re.search(r"python(?:_full)?_version\s*==", line.marker))


def _unmet(required: Iterable[Required], python: str) -> Iterator[Statement]:
    """Yield the lines with a marker for one Python that is not the chosen Python."""
    required = tuple(required)
    here = {line.name for line in required if _applies(line, python)}
    for line in required:
        if line.name not in here and _names_one_python(line):
            yield line.statement.leave(f"its marker is not for Python {python}")


def _applies(line: Required, python: str) -> bool:
    if not line.marker:
        return True
    environment = {
        "python_version": python, "python_full_version": f"{python}.0", "implementation_version": f"{python}.0",
        "sys_platform": "linux", "os_name": "posix", "platform_system": "Linux", "platform_machine": "x86_64",
        "implementation_name": "cpython", "platform_python_implementation": "CPython", "extra": "",
        "platform_release": "", "platform_version": "",
    }  # fmt: skip
    try:
        return Marker(line.marker).evaluate(environment)
    except (InvalidMarker, ValueError):
        return True
