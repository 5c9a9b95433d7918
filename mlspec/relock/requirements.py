"""What an image requires, and the indexes that it comes from."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from mlspec.errors import Problem, SpecError
from mlspec.facts.torch import torch_index, torch_label, torch_packages
from mlspec.host.files import read as disk
from mlspec.lock.requirements import builds as building
from mlspec.lock.requirements.collect import Entry, collect
from mlspec.lock.requirements.indexes import Index
from mlspec.lock.requirements.sources.values import Conditions
from mlspec.lock.requirements.values import Requirements
from mlspec.relock.work import Work
from mlspec.spec.spec import Image


def requirements_of(work: Work, image: Image) -> Requirements:
    """Return what an image requires, files followed; raises SpecError with every problem of it."""
    reader, file, look = disk.reader(work.folder), work.spec.document.file, disk.looker(work.folder)

    def entries(key: str, texts: Iterable[str]) -> list[Entry]:
        return [Entry(text, image.origin(key, index)) for index, text in enumerate(texts)]

    settings = image.settings
    conditions = Conditions(
        python=settings.python,
        platforms=tuple(map(str, settings.platforms)),
        indexes=_named_indexes(image),
        accelerator=settings.accelerator,
    )
    problems: list[Problem] = []
    found = Requirements()
    try:
        found = collect(entries("requirements", settings.requirements), reader, file, look, conditions)
    except SpecError as error:
        problems += error.problems
    try:
        limits = collect(entries("build_constraints", settings.build_constraints), reader, file, look)
        found = building.with_limits(found, limits)
    except SpecError as error:
        problems += error.problems
    rows = enumerate(settings.dependency_metadata)
    stated = [building.stated(row, image.origin("dependency_metadata", index)) for index, row in rows]
    problems += [problem for row in stated if isinstance(row, list) for problem in row]
    if problems:
        raise SpecError(*problems)
    own = tuple(row for row in stated if not isinstance(row, list))
    return dataclasses.replace(found, stated=(*own, *found.stated))


def _named_indexes(image: Image) -> tuple[Index, ...]:
    return tuple(Index(url=index.url, packages=index.packages) for index in image.settings.indexes)


def _project_indexes(image: Image, requirements: Requirements) -> tuple[Index, ...]:
    """Return the indexes of projects; one that the spec has too is spelt as there, where its login is named."""
    known = {index.url.rstrip("/"): index.url for index in image.settings.indexes}
    return tuple(
        dataclasses.replace(index, url=known.get(index.url.rstrip("/"), index.url)) for index in requirements.indexes
    )


def written_indexes(image: Image, requirements: Requirements) -> tuple[Index, ...]:
    """Return the indexes that a spec and the projects in its requirements write, those of the spec first."""
    return (*_named_indexes(image), *_project_indexes(image, requirements))


def indexes_of(image: Image, requirements: Requirements) -> tuple[Index, ...]:
    """Return the indexes of an image: those of the spec, those of projects for packages that these name, then the one
    its accelerator implies for torch's family, and last what takes the default's place.
    """
    own = _project_indexes(image, requirements)
    label = torch_label(image.settings.accelerator)
    torch = () if label is None else (Index(url=torch_index(label).url, packages=torch_packages()),)
    named, rest = (tuple(index for index in own if bool(index.packages) is is_named) for is_named in (True, False))
    return (*_named_indexes(image), *named, *torch, *rest)


def with_logins(work: Work, image: Image, indexes: tuple[Index, ...]) -> tuple[Index, ...]:
    """Return the indexes of an image with the logins that their secrets hold; raises SpecError where one is missing."""
    from mlspec.host.network.logins import login

    settings = image.settings
    entered = list(indexes)
    secrets = {index.url: (place, index) for place, index in enumerate(settings.indexes) if index.secret}
    for number, given in enumerate(indexes):
        place, index = secrets.get(given.url, (0, None))
        if index and index.secret:
            try:
                user, password = login(index.url, index.secret, settings.secrets[index.secret], work.folder)
            except SpecError as error:
                path = image.origin("indexes", place, "secret")
                raise SpecError(*(dataclasses.replace(problem, path=path) for problem in error.problems)) from None
            entered[number] = dataclasses.replace(indexes[number], username=user, password=password)
    return tuple(entered)
