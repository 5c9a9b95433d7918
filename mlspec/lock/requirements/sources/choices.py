"""Choose the sources of a project that apply to an image: addresses, index routes, or problems."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from packaging.markers import InvalidMarker
from packaging.requirements import Requirement as Pep508

from mlspec.errors import Problem
from mlspec.facts.accelerator import Accelerator, from_label
from mlspec.facts.torch import torch_packages
from mlspec.lock.requirements.indexes import Index
from mlspec.lock.requirements.markers import is_true, machine_of
from mlspec.lock.requirements.sources.source_tables import Conditions, PackageSource, ProjectIndex, Tables
from mlspec.spec.place import Place
from mlspec.spec.values import Refused, index_url
from mlspec.text import without_login

_PYPI = re.compile(r"https://pypi\.org/simple/?|https://pypi\.python\.org/simple/?")
_TORCH = re.compile(r"https?://download\.pytorch\.org/whl/(cpu|cu\d{3}|rocm\d+(?:\.\d+)+)/?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A package (or pattern) and its only index, with the place that names both; an empty name is all others."""

    name: str
    url: str
    place: Place


def is_pypi(url: str) -> bool:
    """Return whether an index is pypi.org, which pip asks in any case."""
    return bool(_PYPI.fullmatch(url))


def torch_accelerator(url: str) -> Accelerator | None:
    """Return the accelerator of one of PyTorch's own indexes; None for another index."""
    found = _TORCH.fullmatch(url)
    return from_label(found[1]) if found else None


# Markers


def fitting_platforms(marker: str, conditions: Conditions) -> tuple[str, ...]:
    """Return the platforms of the image on which a marker is true; raises InvalidMarker."""
    if not marker:
        return conditions.platforms
    return tuple(p for p in conditions.platforms if is_true(marker, conditions.python, p))


# Sources


def active_sources(
    tables: Tables, conditions: Conditions, extras: Iterable[str], groups: Iterable[str]
) -> Iterator[tuple[PackageSource, tuple[str, ...]] | Problem]:
    """Yield the sources that apply to the image with the given extras and groups, each with its platforms."""
    extras, groups = frozenset(extras), frozenset(groups)
    for source in tables.sources:
        if (source.extra and source.extra not in extras) or (source.group and source.group not in groups):
            continue
        try:
            platforms = fitting_platforms(source.marker, conditions)
        except InvalidMarker:
            yield source.place.problem("MLS203", f'"{source.marker}" is not a marker', "write one as pip has it")
            continue
        if platforms:
            yield source, platforms


def sourced_lines(
    text: str, sources: Iterable[tuple[PackageSource, tuple[str, ...]]], conditions: Conditions
) -> Iterator[tuple[str, Place] | Problem]:
    """Yield a requirement at the addresses of its ``sources``, as lines with their places.

    Yields nothing if the sources only name an index. A line for some platforms only has a marker for them.
    """
    parsed = Pep508(text)
    covered: list[str] = []
    for source, platforms in sources:
        if source.problem:
            yield source.problem
        elif source.address:
            machines = " or ".join(f'platform_machine == "{machine_of(p)}"' for p in platforms)
            marker = "" if platforms == conditions.platforms else machines
            yield _at_address(parsed, source.address, marker), source.place
        covered += platforms
    is_elsewhere = any(source.address for source, _ in sources)
    if is_elsewhere and (rest := [p for p in conditions.platforms if p not in covered]):
        machines = " or ".join(f'platform_machine == "{machine_of(p)}"' for p in rest)
        own = f"({parsed.marker}) and ({machines})" if parsed.marker else machines
        parsed.marker = None
        yield f"{parsed} ; {own}", Place()


def _at_address(parsed: Pep508, address: str, machines: str) -> str:
    extras = f"[{','.join(sorted(parsed.extras))}]" if parsed.extras else ""
    both = [f"({parsed.marker})" if machines else str(parsed.marker)] if parsed.marker else []
    both += [f"({machines})" if both else machines] if machines else []
    return f"{parsed.name}{extras} @ {address}" + (f" ; {' and '.join(both)}" if both else "")


# Indexes


def find_routes(
    sources: Iterable[tuple[PackageSource, tuple[str, ...]]], tables: Tables, conditions: Conditions
) -> Iterator[Route | Problem]:
    """Yield the packages that an index of the project serves, and a problem for each impossible route."""
    named: dict[str, list[str]] = {}
    has_default = any(index.reach == "rest" and not is_pypi(index.url) for index in tables.indexes)
    for source, platforms in sources:
        if not source.index or source.problem or (is_pypi(source.index) and not has_default):
            continue
        named.setdefault(source.index, []).append(source.name)
        if platforms != conditions.platforms:
            message = f"{source.name} comes from this index on {' and '.join(platforms)} only"
            yield source.place.problem("MLS217", message, "take it from one index on all platforms of the image")
        else:
            yield from check_route(Route(name=source.name, url=source.index, place=source.place), conditions)
    for index in tables.indexes:
        yield from _index_routes(index, named.get(index.url, []), conditions)


def _index_routes(index: ProjectIndex, named: list[str], conditions: Conditions) -> Iterator[Route | Problem]:
    for pattern in index.packages:
        yield from check_route(Route(name=pattern, url=index.url, place=index.place), conditions)
    if index.reach == "named" or is_pypi(index.url) or (index.reach == "any" and _is_in_spec(index.url, conditions)):
        return
    if accelerator := torch_accelerator(index.url):
        if not conditions.accelerator.covers(accelerator):
            yield _other_accelerator("torch", accelerator, index.place, conditions)
    elif index.reach == "rest":
        yield from check_route(Route(name="", url=index.url, place=index.place), conditions)
    else:
        listed = ", ".join(dict.fromkeys(named)) or "NAME, ..."
        message = f"any package may come from {without_login(index.url)}, even if its name belongs to someone else"
        hint = f"list its packages under `indexes` of the spec:\n- url: {without_login(index.url)}"
        yield index.place.problem("MLS217", message, f"{hint}\n  packages: [{listed}]")


def check_route(route: Route, conditions: Conditions) -> Iterator[Route | Problem]:
    """Yield a route, or its problem; yield nothing if the image has the route already."""
    if route.url.startswith("file:"):
        message = f"{route.url} is a folder of this machine, but the image must build on any machine"
        yield route.place.problem("MLS217", message, "name an index that a build reaches: https://...")
        return
    try:
        index_url(route.url)
    except Refused as refused:
        hint = "write https://HOST/PATH" if "://" not in route.url or "@" not in route.url else "remove the login"
        yield route.place.problem("MLS210" if "login" in refused.message else "MLS217", refused.message, hint)
        return
    own = next((index for index in conditions.indexes if index.packages and index.serves(route.name)), None)
    if route.name and own and not _is_same(own.url, route.url):
        message = f"{route.name} comes from {route.url} here, and from {own.url} by `indexes` of the spec"
        yield route.place.problem("MLS217", message, "name one of them in both")
    elif accelerator := torch_accelerator(route.url):
        if not conditions.accelerator.covers(accelerator):
            yield _other_accelerator(route.name, accelerator, route.place, conditions)
        elif conditions.accelerator.is_any_cuda or route.name not in torch_packages():
            yield route
    elif not own:
        yield route


def _is_same(one: str, other: str) -> bool:
    return one.rstrip("/") == other.rstrip("/")


def _is_in_spec(url: str, conditions: Conditions) -> bool:
    return any(_is_same(index.url, url) for index in conditions.indexes)


def _other_accelerator(name: str, accelerator: Accelerator, place: Place, conditions: Conditions) -> Problem:
    message = f"{name} comes from PyTorch's index for {accelerator} here, but the image is for {conditions.accelerator}"
    return place.problem("MLS217", message, f"write in the spec: accelerator: {accelerator}")


def group_routes(routes: Iterable[Route]) -> Iterator[Index | Problem]:
    """Yield the indexes that serve ``routes``; a package of two indexes is a problem."""
    by_url: dict[str, list[str]] = {}
    known: dict[str, Route] = {}
    for route in routes:
        former = known.setdefault(route.name, route)
        if not _is_same(former.url, route.url):
            what = route.name or "every other package"
            message = f"{what} comes from {route.url} here, and from {former.url} in {former.place.file}"
            yield route.place.problem("MLS217", message, "name one of them in both")
            continue
        by_url.setdefault(former.url, []).append(route.name)
    yield from _order_indexes(by_url)


def _order_indexes(by_url: Mapping[str, list[str]]) -> Iterator[Index]:
    for url, names in by_url.items():
        if named := tuple(dict.fromkeys(filter(None, names))):
            yield Index(url=url, packages=named)
    # The index of all other packages comes last: the first index that fits serves a package.
    for url, names in by_url.items():
        if "" in names:
            yield Index(url=url)
