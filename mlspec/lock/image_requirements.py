"""The requirements of one image, and the indexes of its packages."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from mlspec.errors import Problem, SpecError
from mlspec.facts.torch import torch_index, torch_packages
from mlspec.lock.local_names import find_unfit_versions, without_local_names
from mlspec.lock.pins import Layer, Pin
from mlspec.lock.requirements import builds
from mlspec.lock.requirements.collect import RequirementEntry, collect
from mlspec.lock.requirements.indexes import Index
from mlspec.lock.requirements.requirement_types import Requirements
from mlspec.lock.requirements.sources.source_tables import Conditions
from mlspec.lock.world import World
from mlspec.spec.spec import Image


def _entries(image: Image, key: str, texts: Iterable[str]) -> list[RequirementEntry]:
    return [RequirementEntry(text, image.origin(key, index), image.document) for index, text in enumerate(texts)]


def read_requirements(world: World, spec_file: str, image: Image) -> Requirements:
    """Return the requirements of an image, including those in files; raises SpecError with all their problems."""
    settings, problems, found = image.settings, list[Problem](), Requirements()
    try:
        written = _entries(image, "requirements", settings.requirements)
        found = collect(written, world.read_file, spec_file, world.look_at, _conditions(image), world.read_bytes)
    except SpecError as error:
        problems += error.problems
    problems += find_unfit_versions(found)
    try:
        limits = _entries(image, "build_constraints", settings.build_constraints)
        found = builds.with_limits(found, collect(limits, world.read_file, spec_file, world.look_at))
    except SpecError as error:
        problems += error.problems
    rows = enumerate(settings.dependency_metadata)
    stated = [builds.read_metadata(row, image.at("dependency_metadata", index)) for index, row in rows]
    problems += [problem for row in stated if isinstance(row, list) for problem in row]
    if problems:
        raise SpecError(*problems)
    own = tuple(row for row in stated if not isinstance(row, list))
    return dataclasses.replace(without_local_names(found), stated=(*own, *found.stated), place=image.at())


def read_dev_requirements(world: World, spec_file: str, image: Image, requirements: Requirements) -> Requirements:
    """Return the requirements of ``dev``, without packages of the project that the image has.

    ``requirements`` are those of the image. Raises SpecError with all problems.
    """
    written = _entries(image, "dev", image.settings.dev)
    found = collect(written, world.read_file, spec_file, world.look_at, _conditions(image), world.read_bytes)
    if found.own:
        # A dev container has the project mounted at the place where the image has it.
        problems = (
            package.place.problem(
                "MLS145",
                f"{package.path} is a package of the project, which the image has or has not",
                "name it in requirements instead",
            )
            for package in found.own
        )
        raise SpecError(*problems)
    own = dataclasses.replace(found, local=requirements.local, wheels=requirements.wheels)
    return dataclasses.replace(without_local_names(own), place=image.at("dev"))


def _conditions(image: Image) -> Conditions:
    settings = image.settings
    return Conditions(
        python=settings.python,
        platforms=tuple(map(str, settings.platforms)),
        indexes=_spec_indexes(image),
        accelerator=settings.accelerator,
        context=settings.context or ".",
    )


def _spec_indexes(image: Image) -> tuple[Index, ...]:
    return tuple(Index(url=index.url, packages=index.packages) for index in image.settings.indexes)


def _project_indexes(image: Image, requirements: Requirements) -> tuple[Index, ...]:
    """Return the indexes of projects.

    If the spec has the same index, the result has the spec's spelling of the address: the login belongs to that one.
    """
    known = {index.url.rstrip("/"): index.url for index in image.settings.indexes}
    return tuple(
        dataclasses.replace(index, url=known.get(index.url.rstrip("/"), index.url)) for index in requirements.indexes
    )


def written_indexes(image: Image, requirements: Requirements) -> tuple[Index, ...]:
    """Return the indexes that are written in a spec and in the projects it requires, those of the spec first."""
    return (*_spec_indexes(image), *_project_indexes(image, requirements))


def indexes_of(image: Image, requirements: Requirements) -> tuple[Index, ...]:
    """Return the indexes of an image, in the order in which pip asks them.

    The order is: the indexes of the spec, the indexes that projects name for some packages, the index that the
    accelerator implies for torch's family, and the index that replaces the default.
    """
    own = _project_indexes(image, requirements)
    label = image.settings.accelerator.label
    torch = () if label is None else (Index(url=torch_index(label).url, packages=torch_packages()),)
    named, rest = (tuple(index for index in own if bool(index.packages) is is_named) for is_named in (True, False))
    return (*_spec_indexes(image), *named, *torch, *rest)


def add_logins(world: World, image: Image, indexes: tuple[Index, ...]) -> tuple[Index, ...]:
    """Return the indexes of an image with the logins from their secrets; raises SpecError if a secret is missing."""
    settings = image.settings
    secrets = {index.url: (place, index.secret) for place, index in enumerate(settings.indexes) if index.secret}

    def add_login(index: Index) -> Index:
        place, secret = secrets.get(index.url, (0, None))
        if not secret:
            return index
        at = image.at("indexes", place, "secret")
        user, password = world.read_login(index.url, secret, settings.secrets[secret], at)
        return dataclasses.replace(index, username=user, password=password)

    return tuple(map(add_login, indexes))


def used_urls(indexes: Iterable[Index], pins: Iterable[Pin]) -> tuple[str, ...]:
    """Return the addresses of the indexes that serve any of ``pins``; the first index that serves a package counts."""
    indexes = tuple(indexes)
    used = {next((index.url for index in indexes if index.serves(pin.name)), "") for pin in pins}
    return tuple(dict.fromkeys(index.url for index in indexes if index.url in used))


def layer_indexes(indexes: Iterable[Index], layers: Iterable[Layer]) -> tuple[tuple[str, str], ...]:
    """Return the layers whose packages come from one of ``indexes``, each with the address of its index.

    The default index serves the other layers.
    """
    indexes = tuple(indexes)
    served = ((layer.name, used_urls(indexes, layer.pins)) for layer in layers)
    return tuple((name, urls[0]) for name, urls in served if urls)
