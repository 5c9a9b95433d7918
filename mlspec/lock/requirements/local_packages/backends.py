"""What the build backends of Python require and read to install a package that stays in its folder (PEP 660)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Pep508
from packaging.utils import canonicalize_name

from mlspec.lock.requirements.sources.source_tables import TomlText

SETUPTOOLS = "setuptools"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """A build backend: the beginning of the name of its module, what it requires in addition, and what it reads.

    ``also`` are the requirements that the backend adds for such an installation (``get_requires_for_build_editable``).
    ``read`` yields the files that its tables name.
    """

    module: str
    also: tuple[str, ...] = ()
    read: Callable[[TomlText], Iterator[str]]


def _read_nothing(_: TomlText) -> Iterator[str]:
    yield from ()


def _read_setuptools(toml: TomlText) -> Iterator[str]:
    rows = toml.table("tool", "setuptools", "dynamic")
    extras = toml.table("tool", "setuptools", "dynamic", "optional-dependencies")
    for row in (*rows.values(), *extras.values()):
        if isinstance(row, dict) and "file" in row:
            yield from _texts(row["file"])
        elif isinstance(row, dict) and isinstance(attribute := row.get("attr"), str):
            yield from _modules(toml, attribute.rpartition(".")[0])


def _read_hatch(toml: TomlText) -> Iterator[str]:
    yield from _texts(toml.value("tool", "hatch", "version", "path"))
    for table in (("tool", "hatch", "build", "hooks"), ("tool", "hatch", "metadata", "hooks")):
        for name, row in toml.table(*table).items():
            if name == "custom":
                yield str(row.get("path", "hatch_build.py")) if isinstance(row, dict) else "hatch_build.py"


def _read_flit(toml: TomlText) -> Iterator[str]:
    if {"version", "description"} & set(_texts(toml.value("project", "dynamic"))):
        module = str(toml.value("tool", "flit", "module", "name") or toml.name.replace("-", "_"))
        yield from _modules(toml, module)


def _read_pdm(toml: TomlText) -> Iterator[str]:
    if toml.value("tool", "pdm", "version", "source") == "file":
        yield from _texts(toml.value("tool", "pdm", "version", "path"))


def _texts(value: object) -> Iterator[str]:
    yield from (item for item in (value if isinstance(value, list) else [value]) if isinstance(item, str))


def _modules(toml: TomlText, module: str) -> Iterator[str]:
    """Yield the files that may be a module, in the layouts that backends look for."""
    roots = ["", "src/"]
    roots += [f"{root}/" for root in toml.table("tool", "setuptools", "package-dir").values() if isinstance(root, str)]
    path = module.replace(".", "/")
    for root in dict.fromkeys(roots):
        yield from (f"{root}{path}.py", f"{root}{path}/__init__.py")


_BACKENDS = (
    Backend(module="setuptools", read=_read_setuptools),
    # hatchling/build.py, 1.27: the backend writes a path or, with `dev-mode-exact`, imports this.
    Backend(module="hatchling", also=("editables",), read=_read_hatch),
    Backend(module="flit_core", read=_read_flit),
    Backend(module="poetry.core", read=_read_nothing),
    Backend(module="pdm.backend", read=_read_pdm),
    Backend(module="uv_build", read=_read_nothing),
)

# PEP 518 and pip: a project without this table is built by setuptools.
_DEFAULT_REQUIRES = ("setuptools>=40.8.0",)


def find_backend(toml: TomlText) -> Backend | None:
    """Return the backend of a project; None if its name is none of those that mlspec knows."""
    module = str(toml.value("build-system", "build-backend") or SETUPTOOLS)
    return next((row for row in _BACKENDS if f"{module}.:".startswith((f"{row.module}.", f"{row.module}:"))), None)


def known_backends() -> tuple[str, ...]:
    """Return the names of the known backends, as people write them."""
    return tuple(row.module for row in _BACKENDS)


def list_build_requires(toml: TomlText, backend: Backend | None) -> tuple[str, ...]:
    """Return the requirements of the build of a project; without a known backend, those that it writes."""
    written = toml.value("build-system", "requires")
    texts = tuple(_texts(written)) if isinstance(written, list) else _DEFAULT_REQUIRES
    if backend is None:
        return texts
    return tuple(dict.fromkeys((*texts, *_legacy_wheel(texts, backend), *backend.also, *_list_hook_requires(toml))))


def _legacy_wheel(texts: tuple[str, ...], backend: Backend) -> Iterator[str]:
    """Yield ``wheel`` for a setuptools that is held below 70.1, which has no command of its own for wheels."""
    for text in texts if backend.module == SETUPTOOLS else ():
        try:
            parsed = Pep508(text)
        except InvalidRequirement:
            continue
        if canonicalize_name(parsed.name) == SETUPTOOLS and not parsed.specifier.contains("9999"):
            yield "wheel"


def _list_hook_requires(toml: TomlText) -> Iterator[str]:
    """Yield the requirements of hatchling's hooks, which its tables list apart from those of the build."""
    tables: list[Mapping[str, object]] = [toml.table("tool", "hatch", "build", "hooks")]
    tables.append(toml.table("tool", "hatch", "build", "targets", "wheel", "hooks"))
    for row in (row for table in tables for row in table.values() if isinstance(row, dict)):
        yield from _texts(row.get("dependencies", []))
    yield from _texts(toml.value("tool", "hatch", "build", "targets", "wheel", "dependencies") or [])
