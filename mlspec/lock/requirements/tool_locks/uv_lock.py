"""Convert uv.lock to packages (format 1, as uv 0.13 writes it: crates/uv-resolver/src/lock): walk its graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from packaging.utils import canonicalize_name

from mlspec.lock.requirements.sources.choices import is_pypi
from mlspec.lock.requirements.tool_locks.lock_model import (
    LockChoice,
    LockedFile,
    LockedPackage,
    LockReadError,
    PackageSet,
    ProjectLock,
    normalise,
)

_LOCAL = ("virtual", "editable", "directory", "path")


def read_uv_lock(data: Mapping[str, Any]) -> ProjectLock:
    """Return the lock in a uv.lock; raises LockReadError if it has another format or no root project."""
    if data.get("version") != 1:
        message = f"this uv.lock has format {data.get('version')}, and mlspec reads format 1"
        raise LockReadError("MLS270", ("version",), message, "write it with a uv of 0.5 to 0.13: uv lock")
    graph = _Graph(data)
    root = graph.rows[graph.root]
    return ProjectLock(
        take=graph.take,
        extras=normalise((*root.get("optional-dependencies", ()), *_list_extras(root))),
        groups=normalise((*root.get("dev-dependencies", ()), *root.get("metadata", {}).get("requires-dev", ()))),
        python=str(data.get("requires-python", "")),
        direct=frozenset(str(row["name"]) for row in root.get("dependencies", ())),
    )


def find_root(data: Mapping[str, Any]) -> int | None:
    """Return the number of the project in the folder of a uv.lock; None if that folder has no project."""
    for number, row in enumerate(data.get("package", ())):
        if any(row.get("source", {}).get(kind) == "." for kind in _LOCAL):
            return number
    return None


def _list_extras(root: Mapping[str, Any]) -> list[str]:
    found: list[str] = root.get("metadata", {}).get("provides-extras", [])
    return found


@dataclass(frozen=True)
class _Graph:
    """The packages of a lock, and the dependencies of each."""

    data: Mapping[str, Any]

    @cached_property
    def rows(self) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = self.data.get("package", [])
        return found

    @cached_property
    def root(self) -> int:
        number = find_root(self.data)
        if number is None:
            message = "the root of this uv.lock's workspace is not a project, so the lock does not show what to install"
            hint = "name the pyproject.toml of the member: services/api/pyproject.toml"
            raise LockReadError("MLS271", (), message, hint)
        return number

    @cached_property
    def _by_name(self) -> Mapping[str, list[int]]:
        found: dict[str, list[int]] = {}
        for number, row in enumerate(self.rows):
            found.setdefault(str(row["name"]), []).append(number)
        return found

    def take(self, choice: LockChoice) -> tuple[LockedPackage, ...]:
        """Return the packages that the project needs for a choice; raises LockReadError."""
        self._check_environment(choice)
        self._check_conflicts(choice)
        taken, seen = PackageSet(), set[tuple[int, str, str]]()
        todo = [(self.root, "dependencies", "")]
        todo += [(self.root, "optional-dependencies", name) for name in sorted(choice.extras)]
        todo += [(self.root, "dev-dependencies", name) for name in sorted(choice.groups)]
        while todo:
            step = todo.pop()
            if step in seen:
                continue
            seen.add(step)
            number, table, key = step
            for row in self._dependencies(number, table, key):
                if not choice.fits(str(row.get("marker", "")), self._conflict_extras(choice)):
                    continue
                found = self._find(row, choice, number)
                if found == self.root:
                    continue
                taken.ask(str(row["name"]), str(self.rows[number]["name"]))
                taken.add(_package(self.rows[found], found), ("package", found))
                todo.append((found, "dependencies", ""))
                todo += [(found, "optional-dependencies", str(name)) for name in row.get("extra", ())]
        return taken.finish()

    def _dependencies(self, number: int, table: str, key: str) -> Iterator[Mapping[str, Any]]:
        listed = self.rows[number].get(table, {} if key else [])
        if not key:
            yield from listed
            return
        for name, rows in listed.items():
            if canonicalize_name(name) == canonicalize_name(key):
                yield from rows

    def _find(self, wanted: Mapping[str, Any], choice: LockChoice, parent: int) -> int:
        """Return the number of the package that a dependency names; raises LockReadError."""
        numbers = [
            number
            for number in self._by_name.get(str(wanted["name"]), ())
            if all(self.rows[number].get(key) == wanted[key] for key in ("version", "source") if key in wanted)
        ]
        if len(numbers) > 1:
            numbers = [number for number in numbers if self._is_for(number, choice)]
        if len(numbers) != 1:
            message = f"{wanted['name']} is {'ambiguous' if numbers else 'missing'} in this uv.lock"
            raise LockReadError("MLS270", ("package", parent), message, "write it again: uv lock")
        return numbers[0]

    def _is_for(self, number: int, choice: LockChoice) -> bool:
        markers = self.rows[number].get("resolution-markers")
        return not markers or any(choice.fits(marker, self._conflict_extras(choice)) for marker in markers)

    # The environments of the lock

    def _check_environment(self, choice: LockChoice) -> None:
        markers = self.data.get("supported-markers") or ()
        if markers and not any(choice.fits(str(marker)) for marker in markers):
            message = f"this uv.lock is not for {choice.platform} with Python {choice.python}"
            hint = "add the image's environment to [tool.uv] environments, then: uv lock"
            raise LockReadError("MLS272", ("supported-markers",), message, hint)

    def _check_conflicts(self, choice: LockChoice) -> None:
        own = str(self.rows[self.root]["name"])
        for number, rows in enumerate(self.data.get("conflicts") or ()):
            chosen = [_describe_choice(row) for row in rows if row.get("package") == own and _is_chosen(row, choice)]
            if len(chosen) > 1:
                message = f"{' and '.join(chosen)} exclude each other in this uv.lock"
                raise LockReadError("MLS273", ("conflicts", number), message, "take one of them")

    def _conflict_extras(self, choice: LockChoice) -> frozenset[str]:
        """Return the names that markers use for the chosen extras and groups with conflicts."""
        own = str(self.rows[self.root]["name"])
        kinds = (("extra", choice.extras), ("group", choice.groups))
        return frozenset(f"{kind}-{len(own)}-{own}-{name}" for kind, names in kinds for name in names)


def _is_chosen(row: Mapping[str, Any], choice: LockChoice) -> bool:
    if "extra" in row:
        return canonicalize_name(str(row["extra"])) in choice.extras
    return canonicalize_name(str(row.get("group", ""))) in choice.groups


def _describe_choice(row: Mapping[str, Any]) -> str:
    return f"the extra {row['extra']}" if "extra" in row else f"the group {row.get('group')}"


# Packages


def _package(row: Mapping[str, Any], number: int) -> LockedPackage:
    source: Mapping[str, Any] = row.get("source", {})
    index, address, ref, local = "", "", "", ""
    if url := source.get("registry"):
        local = "" if "://" in url else str(url)
        index = "" if local or is_pypi(str(url)) else str(url)
    elif "git" in source:
        address, ref = _git(str(source["git"]))
    elif "url" in source:
        folder = f"#subdirectory={source['subdirectory']}" if source.get("subdirectory") else ""
        address = f"{source['url']}{folder}"
    else:
        local = next((str(source[kind]) for kind in _LOCAL if kind in source), "")
        if not local:
            raise LockReadError("MLS270", ("package", number), f"the source of {row['name']} is of an unknown kind")
    return LockedPackage(
        name=canonicalize_name(str(row["name"])),
        version=str(row.get("version", "")),
        files=() if "git" in source else tuple(_files(row)),
        index=index,
        address=address,
        ref=ref,
        local=local,
    )


def _files(row: Mapping[str, Any]) -> Iterator[LockedFile]:
    sdist = row.get("sdist")
    for file in ([sdist] if sdist else []) + list(row.get("wheels", ())):
        if "hash" in file:
            url = str(file.get("url") or file.get("path") or "")
            name = str(file.get("filename") or unquote(urlsplit(url).path.rpartition("/")[2]))
            yield LockedFile(
                name=name, hash=str(file["hash"]), size=size if isinstance(size := file.get("size"), int) else None
            )


def _git(text: str) -> tuple[str, str]:
    """Return a git repository at its commit, as an address for pip, and the tag, branch or revision that named it."""
    parts = urlsplit(text)
    query = {key: values[0] for key, values in parse_qs(parts.query).items()}
    folder = f"#subdirectory={query['subdirectory']}" if "subdirectory" in query else ""
    ref = next((query[key] for key in ("tag", "branch", "rev") if key in query), "HEAD")
    base = parts._replace(query="", fragment="").geturl()
    return f"git+{base}@{parts.fragment}{folder}", "" if ref == parts.fragment else ref
