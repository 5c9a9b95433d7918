"""The Python of the image: what the folder says of it, in all notations, and what its pins have wheels for."""

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
# Names of files and of versions say these too; mlspec locks none of them.
_OLD = ("2.7", *(f"3.{minor}" for minor in range(8)))


@cache
def _list_pythons() -> tuple[str, ...]:
    return tuple(row.python for row in python_versions())


def read_versions(text: str) -> frozenset[str] | None:
    """Return the minor versions that a text allows, old ones included; None where it cannot be read.

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
    """Return one condition as pip writes it, from conda's ``=3.11`` and ``3`` or poetry's ``^3.11`` and ``~3.11``."""
    if found := re.fullmatch(r"\^(\d+)\.?([\d.]*)", part):
        return f">={found[1]}.{found[2] or 0},<{int(found[1]) + 1}"
    if found := re.fullmatch(r"~(\d+\.\d+)(?:\.\d+)*", part):
        return f"~={part[1:] if part.count('.') > 1 else f'{found[1]}.0'}"
    if found := re.fullmatch(r"=?(\d+(?:\.\d+)*)(?:\.\*)?", part):
        return f"=={found[1]}.*"
    return part


@dataclass(frozen=True, slots=True)
class _Bound:
    """What a pin allows, and the words for it."""

    pythons: frozenset[str]
    why: str
    place: Statement


def choose_python(statements: Iterable[Statement], required: Sequence[Required], wanted: DraftOptions) -> Decision:
    """Return the Python: as asked, or as the first of the statements says as far as the others and the pins allow."""
    if wanted.python:
        return Decision((Choice("python", wanted.python, "as asked"),))
    allowed, why, left = frozenset(_list_pythons()), "", list[Statement]()
    for statement in statements:
        said = read_versions(str(statement.value))
        usable = (said or frozenset()) & allowed
        if said is None:
            left.append(statement.leave("it cannot be read as a version of Python{taken}"))
        elif not said & set(_list_pythons()):
            left.append(statement.leave(f"{_age(said)} than any Python that mlspec can lock{{taken}}"))
        elif not usable:
            left.append(statement.leave(f"it does not go with {why}{{taken}}"))
        else:
            # What allows all that was allowed says nothing new, but the first that says something is the reason.
            why = why if why and usable == allowed else f"{why}; {_reason(statement)}" if why else _reason(statement)
            allowed = usable
    for bound in _bounds(required):
        if allowed & bound.pythons:
            is_news = _pick(allowed) not in bound.pythons
            allowed &= bound.pythons
            why = f"{why}; {bound.why}" if is_news and why else bound.why if is_news else why
        else:
            left.append(bound.place.leave(f"{bound.why}{{taken}}"))
    python = _pick(allowed)
    named = {statement.place for statement in left}
    left += (statement for statement in _unmet(required, python) if statement.place not in named)
    taken = f": {python} is taken"
    done = tuple(item.leave(item.why.replace("{taken}", taken)) for item in left)
    return Decision((Choice("python", python, why or BY_DEFAULT),), done)


def _pick(allowed: Iterable[str]) -> str:
    """Return the default where it is allowed, or else the newest that is."""
    return next(python for python in (DEFAULT_PYTHON, *reversed(_list_pythons())) if python in allowed)


def _age(said: Iterable[str]) -> str:
    return "older" if any(python in _OLD for python in said) else "newer"


def _reason(statement: Statement) -> str:
    found = str(statement.value) in statement.text
    return f"{statement.place} says {statement.value if found and len(statement.text) > 30 else statement.text}"


# Pins


def _bounds(required: Iterable[Required]) -> Iterator[_Bound]:
    """Yield what frameworks, wheels and markers among the requirements allow."""
    required = tuple(required)
    for line in required:
        if tag := re.search(r"-cp(3)(\d+)-(?:cp3\d+t?|none)-[\w.]+\.whl", line.text):
            python = f"{tag[1]}.{tag[2]}"
            yield _Bound(frozenset({python}), f"{line.place} is a wheel for Python {python}", line.statement)
        elif bound := _of_framework(line):
            yield bound
    yield from _of_markers(required)


def _of_framework(line: Required) -> _Bound | None:
    # jax and jaxlib are released together, under one version.
    rows = frameworks.releases("jaxlib" if line.name == "jax" else line.name)
    if not rows or not line.specifier:
        return None
    meant = [row for row in rows if any(line.specifier.contains(f"{row.version}.{n}") for n in range(12))]
    why = f"{line.name}{line.specifier} of {line.place}"
    if meant:
        pythons = frozenset(p for p in _list_pythons() if any(row.has(p) for row in meant))
        return _Bound(pythons, f"{why} has wheels for Python {_span(pythons)}", line.statement)
    # A pin below all that is known: its Pythons are no newer than those of the oldest known release.
    oldest = rows[0]
    if any(
        pin.operator in {"==", "~=", "<", "<="} and parse_release(pin.version)[:2] <= parse_release(oldest.version)
        for pin in line.specifier
    ):
        pythons = frozenset(p for p in _list_pythons() if parse_release(p) <= parse_release(oldest.last))
        return _Bound(pythons, f"{why} has no wheels for Python above {oldest.last}", line.statement)
    return None


def _span(pythons: Iterable[str]) -> str:
    known = [python for python in _list_pythons() if python in set(pythons)]
    return f"{known[0]} to {known[-1]}" if len(known) > 1 else "".join(known) or "none that mlspec can lock"


def _of_markers(required: Iterable[Required]) -> Iterator[_Bound]:
    """Yield what markers that name one Python allow, of packages that no other line names for the rest."""
    required = tuple(line for line in required if line.name)
    for name in dict.fromkeys(line.name for line in required if _names_one_python(line)):
        lines = [line for line in required if line.name == name]
        pythons = frozenset(python for python in _list_pythons() if any(_applies(line, python) for line in lines))
        if pythons and DEFAULT_PYTHON not in pythons:
            first = lines[0]
            yield _Bound(pythons, f"{first.place} asks for {name} on Python {_span(pythons)} alone", first.statement)


def _names_one_python(line: Required) -> bool:
    return bool(re.search(r"python(?:_full)?_version\s*==", line.marker))


def _unmet(required: Iterable[Required], python: str) -> Iterator[Statement]:
    """Yield the lines that name one Python, and are not for the one that is taken."""
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
