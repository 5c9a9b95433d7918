"""Packages of the project that a build could not install: it lacks their files, or the login of an index."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from mlspec.errors import Problem, SpecError
from mlspec.lock.requirements.local_packages.local_package import LocalPackage
from mlspec.plan.compiled_spec import CompiledSpec
from mlspec.plan.ignore_file import include_entry
from mlspec.plan.plan import Plan
from mlspec.spec.spec import Image
from mlspec.targets.ignore_patterns import Patterns, matches, parse
from mlspec.targets.registry import emit


def check_local_packages(compiled: CompiledSpec) -> None:
    """Raise SpecError with the problems of the packages in folders of the project that a build could not install."""
    if problems := [*_find_problems(compiled)]:
        raise SpecError(*problems)


def _find_problems(compiled: CompiledSpec) -> Iterator[Problem]:
    for image, plan in zip(compiled.spec.images, compiled.plans, strict=True):
        facts = compiled.locked.facts[image.key]
        if facts.local:
            yield from _find_in_image(image, plan, facts.local)
            yield from _find_logins(image, facts.project_indexes)


def _find_in_image(image: Image, plan: Plan, local: Iterable[LocalPackage]) -> Iterator[Problem]:
    (ignore,) = emit(plan, ["ignore"])
    place = plan.context.place
    whole, fixed = parse(ignore.text, place), parse("\n".join(plan.code.ignore), place)
    hidden = [path for package in local for path in _list_hidden(package, whole)]
    held = [path for path in hidden if fixed.leaves_out(path)]
    if hidden and not held:
        entries = [*(image.settings.include or ["."]), *map(include_entry, dict.fromkeys(hidden))]
        hint = f"add what its build reads: include: [{', '.join(map(_quote_entry, entries))}]"
        key = ("include",) if image.settings.include is not None else ("requirements",)
        yield image.problem("MLS229", f"the package of the project needs {hidden[0]}, which is left out", hint, *key)
    for path in held[:1]:
        yield _refuse_held(image, path)


def _find_logins(image: Image, urls: Iterable[str]) -> Iterator[Problem]:
    """Yield a problem for each index that serves a requirement of the builds and needs a login: they have none."""
    for number, index in enumerate(image.settings.indexes):
        if index.secret and index.url in urls:
            message = "this index has what the package of the project is built with, and that build has no login"
            hint = "leave out of its packages what only the build needs, which then comes from pypi.org"
            yield image.problem("MLS226", message, hint, "indexes", number)


def _refuse_held(image: Image, path: str) -> Problem:
    """Return the problem of a path that no ``include`` brings back."""
    for number, mount in enumerate(image.settings.mounts):
        if mount.type == "bind" and matches(mount.source.removeprefix("./"), [path]):
            message = f"the package of the project needs {path}, but a mounted folder is not in the image"
            hint = f"remove this mount of {mount.source}, or mount only a folder in it that has no package"
            return image.problem("MLS229", message, hint, "mounts", number)
    message = f"the package of the project needs {path}, but no image gets a file of this name"
    return image.problem("MLS229", message, "rename it, or move the package to another folder", "requirements")


def _list_hidden(package: LocalPackage, patterns: Patterns) -> Iterator[str]:
    """Yield the hidden paths of a package: its folder if all of it is hidden, else its files."""
    if package.path != "." and patterns.hides(package.path):
        yield package.path
    else:
        yield from filter(patterns.leaves_out, map(package.path_of, package.files))


def _quote_entry(entry: str) -> str:
    return entry if all(c.isalnum() or c in "./_-" for c in entry) else json.dumps(entry, ensure_ascii=False)
