"""The requirements of one image, and the indexes that its packages come from."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from mlspec.errors import Problem, SpecError
from mlspec.facts.torch import torch_index, torch_packages
from mlspec.lock.pins import Layer, Pin
from mlspec.lock.requirements import builds
from mlspec.lock.requirements.collect import RequirementEntry, collect
from mlspec.lock.requirements.indexes import Index
from mlspec.lock.requirements.sources.source_tables import Conditions
from mlspec.lock.requirements.values import Requirements
from mlspec.lock.world import World
from mlspec.spec.spec import Image


def read_requirements(world: World, spec_file: str, image: Image) -> Requirements:
    """Return what an image requires, files followed; raises SpecError with every problem of it."""

    def entries(key: str, texts: Iterable[str]) -> list[RequirementEntry]:
        return [RequirementEntry(text, image.origin(key, index)) for index, text in enumerate(texts)]

    settings, problems, found = image.settings, list[Problem](), Requirements()
    try:
        written = entries("requirements", settings.requirements)
        found = collect(written, world.read_file, spec_file, world.look_at, _conditions(image))
    except SpecError as error:
        problems += error.problems
    try:
        limits = entries("build_constraints", settings.build_constraints)
        found = builds.with_limits(found, collect(limits, world.read_file, spec_file, world.look_at))
    except SpecError as error:
        problems += error.problems
    rows = enumerate(settings.dependency_metadata)
    stated = [builds.read_metadata(row, image.origin("dependency_metadata", index)) for index, row in rows]
    problems += [problem for row in stated if isinstance(row, list) for problem in row]
    if problems:
        raise SpecError(*problems)
    own = tuple(row for row in stated if not isinstance(row, list))
    return dataclasses.replace(found, stated=(*own, *found.stated))


def _conditions(image: Image) -> Conditions:
    settings = image.settings
    return Conditions(
        python=settings.python,
        platforms=tuple(map(str, settings.platforms)),
        indexes=_spec_indexes(image),
        accelerator=settings.accelerator,
    )


def _spec_indexes(image: Image) -> tuple[Index, ...]:
    return tuple(Index(url=index.url, packages=index.packages) for index in image.settings.indexes)


def _project_indexes(image: Image, requirements: Requirements) -> tuple[Index, ...]:
    """Return the indexes of projects; one that the spec has too is spelt as there, where its login is named."""
    known = {index.url.rstrip("/"): index.url for index in image.settings.indexes}
    return tuple(
        dataclasses.replace(index, url=known.get(index.url.rstrip("/"), index.url)) for index in requirements.indexes
    )


def written_indexes(image: Image, requirements: Requirements) -> tuple[Index, ...]:
    """Return the indexes that a spec and the projects in its requirements write, those of the spec first."""
    return (*_spec_indexes(image), *_project_indexes(image, requirements))


def indexes_of(image: Image, requirements: Requirements) -> tuple[Index, ...]:
    """Return the indexes of an image, in the order that they are asked.

    First those of the spec, then those that projects name for some packages, then the one that the accelerator implies
    for torch's family, and last the index that takes the default's place.
    """
    own = _project_indexes(image, requirements)
    label = image.settings.accelerator.label
    torch = () if label is None else (Index(url=torch_index(label).url, packages=torch_packages()),)
    named, rest = (tuple(index for index in own if bool(index.packages) is is_named) for is_named in (True, False))
    return (*_spec_indexes(image), *named, *torch, *rest)


def add_logins(world: World, image: Image, indexes: tuple[Index, ...]) -> tuple[Index, ...]:
    """Return the indexes of an image with the logins that their secrets hold; raises SpecError where one is missing."""
    settings = image.settings
    secrets = {index.url: (place, index.secret) for place, index in enumerate(settings.indexes) if index.secret}

    def add_login(index: Index) -> Index:
        place, secret = secrets.get(index.url, (0, None))
        if not secret:
            return index
        try:
            user, password = world.read_login(index.url, secret, settings.secrets[secret])
        except SpecError as error:
            path = image.origin("indexes", place, "secret")
            raise SpecError(*(dataclasses.replace(problem, path=path) for problem in error.problems)) from None
        return dataclasses.replace(index, username=user, password=password)

    return tuple(map(add_login, indexes))


def used_urls(indexes: Iterable[Index], pins: Iterable[Pin]) -> tuple[str, ...]:
    """Return the addresses of the indexes that serve any of ``pins``: of those that name a package, the first."""
    indexes = tuple(indexes)
    used = {next((index.url for index in indexes if index.serves(pin.name)), "") for pin in pins}
    return tuple(dict.fromkeys(index.url for index in indexes if index.url in used))


def layer_indexes(indexes: Iterable[Index], layers: Iterable[Layer]) -> tuple[tuple[str, str], ...]:
    """Return the layers that come from one of ``indexes``, each with its address; the others are the default's."""
    indexes = tuple(indexes)
    served = ((layer.name, used_urls(indexes, layer.pins)) for layer in layers)
    return tuple((name, urls[0]) for name, urls in served if urls)
