"""The import of pixi's manifest: pixi.toml, or the tables below `[tool.pixi]` of a pyproject.toml."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from mlspec.advice.imports.conda_environment import judge_conda_channel, judge_conda_word
from mlspec.advice.imports.pip_words import read_index, read_requirement
from mlspec.advice.imports.start_words import read_words
from mlspec.advice.imports.toml_values import TomlValue, parse_toml, walk_toml
from mlspec.advice.imports.variables import read_variable
from mlspec.advice.imports.verdicts import ImportSource, LineVerdict
from mlspec.errors import Problem, SpecError
from mlspec.lock.requirements.sources.source_tables import TomlText
from mlspec.spec import values

_PROJECT = {"workspace", "project"}
_TARGETS = {"unix", "linux", "linux-64", "linux-aarch64"}


def read_pixi_manifest(source: ImportSource) -> Iterator[LineVerdict]:
    """Yield the verdicts on a pixi.toml; raise SpecError if it is not TOML."""
    toml = parse_toml(source)
    manifest = PixiManifest(source, toml, ())
    lock = posixpath.join(posixpath.dirname(source.file), "pixi.lock")
    if source.read(lock) is not None:
        why = f"mlspec does not read its pins: it locks the packages of {source.file}"
        yield replace(source.lose(0, "", why), file=lock)
    for one in manifest.rows():
        yield from manifest.read(one)


def refuse_pixi_lock(source: ImportSource) -> Iterator[LineVerdict]:
    """Raise SpecError: the lock lists the files of channels, which pip cannot install."""
    manifest = posixpath.join(posixpath.dirname(source.file), "pixi.toml")
    message = f"{source.file} lists files of conda's channels, which pip cannot install"
    problem = Problem(code="MLS418", message=message, hint=f"import the manifest: mlspec import {manifest}")
    raise SpecError(problem.at(source.file, None))


def lists_conda_packages(toml: TomlText) -> bool:
    """Return whether `[tool.pixi]` of a pyproject.toml takes packages other than Python from conda."""
    below = PixiManifest(ImportSource("", ""), toml, ("tool", "pixi"))
    return any(below.strip_part(one)[:1] == ("dependencies",) and one.names[-1] != "python" for one in below.rows())


@dataclass(frozen=True, slots=True)
class PixiManifest:
    """A manifest in a TOML file, below the tables ``root``."""

    source: ImportSource
    toml: TomlText
    root: tuple[str, ...]

    def rows(self) -> Iterator[TomlValue]:
        """Yield the values of the manifest; the table of a package counts as one value."""
        seen = set[tuple[Any, ...]]()
        for one in walk_toml(self.toml):
            if one.names[: len(self.root)] != self.root:
                continue
            whole = self._find_table(one)
            if whole.path not in seen:
                seen.add(whole.path)
                yield whole

    def _find_table(self, one: TomlValue) -> TomlValue:
        """Return the table of a package or a task, if a value is inside of one."""
        for place, name in enumerate(one.path):
            if name in {"dependencies", "pypi-dependencies", "tasks", "environments"} and len(one.path) > place + 2:
                path = one.path[: place + 2]
                span = self.toml.place(*path).span
                return TomlValue(path, span.line if span else one.number, self.toml.value(*map(str, path)))
        return one

    def strip_part(self, one: TomlValue) -> tuple[str, ...]:
        """Return the keys of a value below its feature and its target; empty if the image has no such part."""
        names = one.names[len(self.root) :]
        if names[:1] == ("feature",) and len(names) > 2:
            if names[1] not in self._default_features():
                return ()
            names = names[2:]
        if names[:1] == ("target",) and len(names) > 2:
            return names[2:] if names[1] in _TARGETS else ()
        return names

    def _default_features(self) -> tuple[str, ...]:
        row = self.toml.value(*self.root, "environments", "default")
        listed = row.get("features") if isinstance(row, dict) else row
        return tuple(map(str, listed)) if isinstance(listed, list) else ()

    def read(self, one: TomlValue) -> Iterator[LineVerdict]:
        """Yield the verdicts on a value."""
        source, names = self.source, self.strip_part(one)
        if not names:
            yield source.carry(one.number, one.text, why="not in pixi's default environment on Linux")
        elif names[0] in {"dependencies", "pypi-dependencies"} and len(names) > 1:
            reader = self._read_conda if names[0] == "dependencies" else self._read_package
            yield from reader(one, names[1])
        elif names[-1] == "channels":
            yield judge_conda_channel(source, one.number, str(one.value))
        elif names[:2] == ("activation", "env"):
            yield read_variable(source, one.number, one.text, names[-1], str(one.value))
        elif names[0] == "tasks":
            yield from self._read_task(one)
        else:
            yield self._judge(one, names)

    def _judge(self, one: TomlValue, names: tuple[str, ...]) -> LineVerdict:
        source, number, text = self.source, one.number, one.text
        if names[0] in _PROJECT and names[-1] == "name":
            slug = values.slug(str(one.value))
            return source.carry(number, text, "name", slug) if slug == one.value else source.change(
                number, text, "name", slug, "changed to a valid image name"
            )  # fmt: skip
        if names[-1] == "platforms":
            is_default = str(one.value) == "linux-64"
            why = "the default platform" if is_default else "an image is for Linux: write its platforms under platforms"
            return source.carry(number, text, why=why) if is_default else source.change(number, text, "", None, why)
        if names == ("system-requirements", "cuda"):
            return source.guess(number, text, "accelerator", "cuda", "the packages need a GPU")
        if names[0] == "pypi-options" or names[1:2] == ("pypi-options",):
            if re.search("index-url", names[-1]):
                return read_index(source, number, text, str(one.value))
            return source.lose(number, text, "an option of pixi's resolver: mlspec has its own")
        if names[0] in {"activation", "host-dependencies", "build-dependencies", "constraints"}:
            return source.lose(number, text, "a spec has no equivalent of this table of pixi")
        return source.carry(number, text, why="about pixi, not about the image")

    def _read_conda(self, one: TomlValue, name: str) -> Iterator[LineVerdict]:
        row = one.value if isinstance(one.value, dict) else {"version": one.value}
        if "path" in row or "git" in row:
            yield self.source.lose(one.number, one.text, "pixi builds it from its source, and pip cannot")
            return
        version = re.sub(r"\s+", "", str(row.get("version", "*")))
        version = "" if version == "*" else version if re.match(r"[<>=!~]", version) else f"={version}"
        text = f"{name} = {one.value}" if isinstance(one.value, str) else one.text
        for verdict in judge_conda_word(self.source, one.number, f"{name}{version}"):
            yield replace(verdict, text=text)

    def _read_package(self, one: TomlValue, name: str) -> Iterator[LineVerdict]:
        row = one.value if isinstance(one.value, dict) else {"version": one.value}
        source, number, text = self.source, one.number, one.text
        extras = f"[{','.join(map(str, row['extras']))}]" if row.get("extras") else ""
        if "git" in row:
            at = next((f"@{row[key]}" for key in ("rev", "tag", "branch") if row.get(key)), "")
            folder = f"&subdirectory={row['subdirectory']}" if row.get("subdirectory") else ""
            word = f"git+{row['git']}{at}#egg={name}{extras}{folder}"
        elif "path" in row and self.root and str(row["path"]) in {".", "./"}:
            why = "mlspec copies the code into the image, and does not install it as a package"
            yield source.change(number, text, "", None, why)
            return
        elif "path" in row:
            word = f"{row['path']}{extras}"
        elif "url" in row:
            word = f"{name}{extras} @ {row['url']}"
        else:
            version = str(row.get("version", "*")).strip()
            word = f"{name}{extras}{'' if version == '*' else version}"
        for verdict in read_requirement(source, number, word, text, is_editable="path" in row):
            is_plain = not verdict.key or word == f"{name}{one.value}" or "path" in row
            yield verdict if is_plain else verdict.worsen("changed", "in pip's notation")
        if row.get("index"):
            yield read_index(source, number, f"index = {row['index']}", str(row["index"]))

    def _read_task(self, one: TomlValue) -> Iterator[LineVerdict]:
        tasks = self.toml.table(*self.root, "tasks")
        command = one.value.get("cmd") if isinstance(one.value, dict) else one.value
        if len(tasks) > 1 or not isinstance(command, str) or "{{" in command:
            why = "one of several tasks: write the one to start into entrypoint"
            yield self.source.carry(one.number, one.text, why=why)
            return
        yield self.source.guess(one.number, one.text, "entrypoint", read_words(command).words, "the only task of pixi")
