"""What a pyproject.toml requires: its dependencies, extras and groups, as the lines of a requirements file."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Pep508
from packaging.utils import canonicalize_name

from mlspec.errors import Problem, Span
from mlspec.lock.requirements.lines import Line
from mlspec.lock.requirements.values import Place
from mlspec.text import nearest


@dataclass(frozen=True, slots=True)
class Project:
    """A pyproject.toml: its text and path, what messages call it, and the line that names it."""

    text: str
    path: str
    shown: str
    line: Line

    def _problem(self, code: str, message: str, hint: str = "") -> Problem:
        return self.line.place.problem(code, message, hint)

    def _loaded(self) -> tuple[Mapping[str, Any], tuple[Problem, ...]]:
        try:
            return tomllib.loads(self.text), ()
        except tomllib.TOMLDecodeError as error:
            return {}, (self._problem("MLS208", f"{self.path} is not TOML: {str(error).lower()}"),)

    def dependencies(self, extras: tuple[str, ...]) -> Iterator[Line | Problem]:
        """Yield the dependencies of the project, and those of ``extras``."""
        data, problems = self._loaded()
        yield from problems
        project = data.get("project")
        if not isinstance(project, dict):
            if data:
                poetry = "poetry" in data.get("tool", {})
                hint = "export them: poetry export -o requirements.txt" if poetry else "add: [project] dependencies"
                yield self._problem("MLS208", f"{self.path} has no [project] table with dependencies", hint)
            return
        dynamic = set(project.get("dynamic", ())) & {"dependencies", *(["optional-dependencies"] if extras else [])}
        if dynamic:
            message = f"the {sorted(dynamic)[0]} of {self.path} are dynamic: only its build backend knows them"
            yield self._problem("MLS208", message, "list them in the file itself, or name the file they are read from")
        yield from self._listed(project.get("dependencies", ()), "project.dependencies")
        yield from self._extras(project, extras)

    def _extras(self, project: Mapping[str, Any], extras: tuple[str, ...]) -> Iterator[Line | Problem]:
        table = {canonicalize_name(k): v for k, v in project.get("optional-dependencies", {}).items()}
        own = canonicalize_name(str(project.get("name", "")))
        todo, seen = [canonicalize_name(e) for e in extras], set[str]()
        while todo:
            extra = todo.pop(0)
            if extra in seen:
                continue
            seen.add(extra)
            if extra not in table:
                yield self._problem("MLS209", f'{self.path} has no extra "{extra}"', _choice(extra, table))
                continue
            others = []
            for text in table[extra]:
                # A project's extra may name others by the project's own name: all = ["this[gpu,serve]"].
                parsed = _self_reference(text, own)
                todo.extend(canonicalize_name(e) for e in parsed)
                others.extend([] if parsed else [text])
            yield from self._listed(others, f"project.optional-dependencies.{extra}")

    def group(self, name: str) -> Iterator[Line | Problem]:
        """Yield the requirements of the dependency group ``name``, with those of the groups it includes."""
        data, problems = self._loaded()
        yield from problems
        groups: dict[str, Any] = {canonicalize_name(k): v for k, v in data.get("dependency-groups", {}).items()}
        yield from self._group(groups, canonicalize_name(name), ())

    def _group(self, groups: Mapping[str, Any], name: str, trail: tuple[str, ...]) -> Iterator[Line | Problem]:
        if name in trail:
            way = " -> ".join((*trail, name))
            yield self._problem("MLS202", f'the group "{name}" of {self.path} includes itself: {way}')
        elif name not in groups:
            yield self._problem("MLS209", f'{self.path} has no dependency group "{name}"', _choice(name, groups))
        else:
            for item in groups[name]:
                if isinstance(item, dict) and set(item) == {"include-group"}:
                    yield from self._group(groups, canonicalize_name(str(item["include-group"])), (*trail, name))
                else:
                    yield from self._listed([item], f"dependency-groups.{name}")

    def _listed(self, texts: object, key: str) -> Iterator[Line | Problem]:
        if not isinstance(texts, list | tuple) or not all(isinstance(text, str) for text in texts):
            yield self._problem("MLS208", f"{key} of {self.path} is not a list of texts")
            return
        for text in texts:
            place = self._place(text)
            if text.lstrip().startswith("-"):
                yield place.problem("MLS203", f'"{text}" is not a requirement')
            else:
                yield Line(text.strip(), place, (*self.line.trail, self.path), self.line.is_constraint)

    def _place(self, text: str) -> Place:
        for quoted in (json.dumps(text, ensure_ascii=False), f"'{text}'"):
            if (start := self.text.find(quoted)) >= 0:
                number = self.text.count("\n", 0, start) + 1
                column = start - self.text.rfind("\n", 0, start)
                excerpt = self.text.split("\n")[number - 1]
                return Place(file=self.shown, span=Span(number, column, number, column + len(quoted)), excerpt=excerpt)
        return Place(file=self.shown)


def _self_reference(text: object, own: str) -> tuple[str, ...]:
    """Return the extras that ``text`` asks of the package ``own`` itself."""
    try:
        parsed = Pep508(str(text))
    except InvalidRequirement:
        return ()
    return tuple(sorted(parsed.extras)) if own and canonicalize_name(parsed.name) == own else ()


def _choice(name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    if close := nearest(name, names):
        return f"did you mean: {close[0]}"
    return f"it has: {', '.join(names)}" if names else "it has none"
