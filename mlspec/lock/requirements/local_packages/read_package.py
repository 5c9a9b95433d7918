"""Read the package in a folder of the project: its name, the requirements of its build, and the files that it reads."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator

from mlspec.errors import Problem
from mlspec.lock.requirements.local_packages.backends import (
    SETUPTOOLS,
    Backend,
    find_backend,
    known_backends,
    list_build_requires,
)
from mlspec.lock.requirements.local_packages.local_package import LocalPackage
from mlspec.lock.requirements.local_packages.other_compilers import advise_wheel, refuse_compiler
from mlspec.lock.requirements.local_packages.own_commands import list_commands
from mlspec.lock.requirements.local_packages.setup_script import is_compiling, list_named_files
from mlspec.lock.requirements.local_packages.version_readers import refuse_version_reader
from mlspec.lock.requirements.other_files import Look
from mlspec.lock.requirements.sources.source_tables import TomlText
from mlspec.spec.place import Place

_LICENSES = ("license", "licence", "copying", "notice", "authors")


def read_local_package(
    toml: TomlText, folder: str, place: Place, look: Look, read: Callable[[str], str]
) -> LocalPackage | Problem:
    """Return the package in ``folder``, whose pyproject.toml is ``toml``; a problem at ``place`` if it cannot be built.

    The folder is relative to the folder of the spec.
    """
    backend = find_backend(toml)
    requires = list_build_requires(toml, backend)
    if problem := refuse_version_reader(toml, requires, folder, look):
        return problem
    if problem := refuse_compiler(toml, requires, folder, place, look):
        return problem
    if backend is None:
        named = toml.value("build-system", "build-backend")
        message = f"mlspec does not know what the build backend {named} reads"
        hint = f"build it with one of: {', '.join(known_backends())}; or {advise_wheel(toml.name, folder, look)}"
        return place.problem("MLS226", message, hint)
    if not toml.name:
        hint = 'write in it: [project] name = "NAME"'
        return place.problem("MLS226", f"{toml.shown} does not name its package", hint)
    setup_cfg, script = _read_setup_files(folder, look, read) if backend.module == SETUPTOOLS else ("", "")
    named = dict.fromkeys((*_named_files(toml, backend), *list_named_files(script)))
    files = (name for name in named if look(posixpath.normpath(posixpath.join(folder, name))).kind == "file")
    licenses = (name for name in look(folder).names if name.lower().startswith(_LICENSES))
    return LocalPackage(
        path=folder,
        name=toml.name,
        requires=requires,
        files=tuple(sorted({*files, *licenses})),
        is_compiled=is_compiling(script) or bool(toml.value("tool", "setuptools", "ext-modules")),
        commands=list_commands(toml, setup_cfg, script),
        version=str(toml.value("project", "version") or toml.value("tool", "poetry", "version") or ""),
        place=place,
    )


def _read_setup_files(folder: str, look: Look, read: Callable[[str], str]) -> tuple[str, str]:
    """Return the texts of setup.cfg and setup.py beside a pyproject.toml; empty for a missing file."""
    paths = (posixpath.normpath(posixpath.join(folder, name)) for name in ("setup.cfg", "setup.py"))
    setup_cfg, setup_py = (read(path) if look(path).kind == "file" else "" for path in paths)
    return setup_cfg, setup_py


def _named_files(toml: TomlText, backend: Backend) -> Iterator[str]:
    """Yield the paths of files whose contents a build reads; not each of them exists."""
    yield from ("pyproject.toml", "setup.py", "setup.cfg", "MANIFEST.in")
    for table in (("project", "readme"), ("project", "license"), ("tool", "poetry", "readme")):
        value = toml.value(*table)
        listed = value if isinstance(value, list) else [value]
        files = (item.get("file") if isinstance(item, dict) else item for item in listed)
        yield from (name for name in files if isinstance(name, str))
    yield from (posixpath.normpath(name) for name in backend.read(toml))
