"""The search for the keys of a spec, and the parts of its lock, that change a field of a plan.

No table says which key changes a line. The plan is a pure function of the settings and the lock. So this module
compiles the image once for each changed key and for each changed part of the lock: a field that differs comes from the
change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from itertools import islice
from typing import Any

from mlspec.advice.explain.origins import Origin, Sources, lock_origins, origin_at
from mlspec.advice.explain.tracing import Field, value_at
from mlspec.errors import KeyPath
from mlspec.lock.image_facts import ImageFacts
from mlspec.plan.plan import Plan, resolve
from mlspec.spec.keys import Settings
from mlspec.targets.registry import template_values
from mlspec.targets.sheet import Data

LOCK = "lock"
"""The first step of a path to a part of the lock: ``("lock", "layers", 0)``. A path to a setting begins with a key."""

_LOCK_PARTS: tuple[KeyPath, ...] = ((LOCK, "project"), (LOCK, "base"), (LOCK, "install_base"), (LOCK, "packages"))

Part = Callable[[Plan], Mapping[str, Data]]
"""A function that returns the part of one image in a file that several images share."""

Test = Callable[[KeyPath, Field], bool]
"""A function that tells whether a part of the settings or of the lock affects a field."""

Values = Mapping[str, object]
"""The variables of the templates, by name: the plan, the run script, and the parts of shared files."""


class Causes:
    """The keys of one image's settings, and the parts of its lock, that change the fields of its plan.

    ``parts`` maps each target of a shared file to the function that returns the image's part in it. A field may lead
    into such a part as well as into the plan.
    """

    def __init__(self, sources: Sources, parts: Mapping[str, Part] | None = None) -> None:
        self.sources = sources
        self.parts = parts or {}
        self.values = self._compile(sources.image.settings, sources.resolved)
        self._variants: dict[KeyPath, Values] = {}
        self._unchanged: dict[tuple[KeyPath, Field], bool] = {}
        self._origins: dict[Field, tuple[Origin, ...]] = {}

    def of(self, path: Field) -> tuple[Origin, ...]:
        """Return the origins of a field's value; empty if the value is the same for every spec."""
        return self._find_once(path, self.changes)

    def of_condition(self, path: Field) -> tuple[Origin, ...]:
        """Return the origins of a condition, ``{% if %}`` in a template: whether a field is empty."""
        return self._find_once(path, self.decides)

    def _find_once(self, path: Field, test: Test) -> tuple[Origin, ...]:
        key = (test.__name__, *path)
        if key not in self._origins:
            self._origins[key] = tuple(dict.fromkeys(self._find(path, test)))
        return self._origins[key]

    def _find(self, path: Field, test: Test) -> Iterator[Origin]:
        keys = [(key,) for key in Settings.model_fields]
        written = [place for place in keys if place[0] in self.sources.image.settings.model_fields_set]
        places = (*written, *_LOCK_PARTS)
        changing = [place for place in places if test(place, path)] or self._without_holder(places, path)
        # If each of two keys is enough for a line, neither key changes the line alone.
        changing = changing or [place for place in written if self._is_enough(place, path)]
        changing = changing or list(islice((p for p in keys if p not in written and test(p, path)), 1))
        for place in changing:
            yield from self._origins_at(place, path, test)

    def _without_holder(self, places: Sequence[KeyPath], path: Field) -> list[KeyPath]:
        """Return the places whose removal removes the holder of a field.

        The nearest holder that some place removes counts.
        """
        for length in range(len(path) - 1, 1, -1):
            if found := [place for place in places if self._removes(place, path[:length])]:
                return found
        return []

    def changes(self, place: KeyPath, path: Field) -> bool:
        """Return whether a field has another value without a part of the settings or the lock, but the same holder.

        A list or a mapping in a shared file counts as its first line: it changes only if it is removed.
        """
        if path[0] in self.parts and not isinstance(value_at(self.values, path), str | int):
            return self._removes(place, path)
        if self._keeps(place, path):
            return False
        values = self._without(place)
        return value_at(values, path[:-1]) is not None and self._differs(values, path)

    def decides(self, place: KeyPath, path: Field) -> bool:
        """Return whether a field becomes empty, or stops being empty, without a part of the settings or the lock."""
        if isinstance(path[-1], int):
            return self.changes(place, path)
        if self._keeps(place, path):
            return False
        values = self._without(place)
        is_held = value_at(values, path[:-1]) is not None
        return is_held and bool(value_at(values, path)) != bool(value_at(self.values, path))

    def _removes(self, place: KeyPath, path: Field) -> bool:
        """Return whether a value, but not its holder, is missing without a part of the settings or the lock."""
        if self._keeps(place, path) and value_at(self.values, path) is not None:
            return False
        values = self._without(place)
        holder, former = value_at(values, path[:-1]), value_at(self.values, path[:-1])
        if isinstance(path[-1], int):
            return (
                holder is not None and len(_items_of(holder)) < len(_items_of(former)) and self._differs(values, path)
            )
        return holder is not None and value_at(values, path) is None

    def _differs(self, values: Values, path: Field) -> bool:
        """Return whether a field has another value there; an item that only moved within its list is the same."""
        if value_at(values, path) == value_at(self.values, path):
            return False
        lists = (length for length, step in enumerate(path) if isinstance(step, int))
        return all(value_at(self.values, path[: n + 1]) not in _items_of(value_at(values, path[:n])) for n in lists)

    def _keeps(self, place: KeyPath, path: Field) -> bool:
        """Return whether all that is near a field is the same without a part of the settings or of the lock.

        Most places change little of a plan: comparing its large parts once saves a search for each field.
        """
        return self._keeps_all(place, path[:2]) or self._keeps_all(place, path[:3])

    def _keeps_all(self, place: KeyPath, part: Field) -> bool:
        key = place, part
        if key not in self._unchanged:
            self._unchanged[key] = value_at(self._without(place), part) == value_at(self.values, part)
        return self._unchanged[key]

    def _is_enough(self, place: KeyPath, path: Field) -> bool:
        """Return whether a key changes a field in a spec that has no other key."""
        alone, bare = value_at(self._with_only(place), path), value_at(self._with_only(("python",)), path)
        return bare is None and alone is not None if path[0] in self.parts else alone != bare

    # Places

    def _origins_at(self, place: KeyPath, path: Field, test: Test) -> Iterator[Origin]:
        """Yield the origins of a key or of a part of the lock; of a list or mapping, only of the items that matter."""
        items = list(self._items(place))
        changing = [item for item in items if test(item, path) or self._without_holder([item], path)]
        is_narrower = bool(changing) and (len(changing) < len(items) or len(items) == 1)
        for one in changing if is_narrower else [place]:
            if one[0] == LOCK:
                yield from lock_origins(self.sources, one[1:])
            else:
                yield origin_at(self.sources, (*one, *_behind_last_index(path)) if is_narrower else one)

    def _items(self, place: KeyPath) -> Iterator[KeyPath]:
        if place == (LOCK, "packages"):
            yield from ((LOCK, "layers", index) for index in range(len(self.sources.resolved.layers)))
            if self.sources.resolved.has_vcs:
                yield LOCK, "vcs"
        elif place[0] not in {LOCK, "platforms"}:
            value = getattr(self.sources.image.settings, str(place[0]))
            if isinstance(value, Mapping):
                yield from ((*place, name) for name in value)
            elif isinstance(value, tuple):
                yield from ((*place, index) for index in range(len(value)))

    # Variants

    def _without(self, place: KeyPath) -> Values:
        """Compile the image without a part of the settings or of the lock, and return the values."""
        if place not in self._variants:
            settings, resolved = self.sources.image.settings, self.sources.resolved
            if place[0] == LOCK:
                self._variants[place] = self._compile(settings, _resolved_without(resolved, place[1:]))
            else:
                self._variants[place] = self._compile(_settings_without(settings, place), resolved)
        return self._variants[place]

    def _with_only(self, place: KeyPath) -> Values:
        """Compile the image with one key and the Python only, and return the values."""
        name = ("only", *place)
        if name not in self._variants:
            settings = self.sources.image.settings
            kept = {"python", place[0]}
            values = {key: getattr(settings, key) if key in kept else _default(key) for key in Settings.model_fields}
            alone = Settings.model_construct(settings.model_fields_set & kept, **values)
            self._variants[name] = self._compile(alone, self.sources.resolved)
        return self._variants[name]

    def _compile(self, settings: Settings, resolved: ImageFacts) -> Values:
        asks_port = settings.healthcheck is not None and settings.healthcheck.path is not None
        if asks_port and not any(port.protocol == "tcp" for port in settings.ports):
            # A health check over HTTP needs a port, so it is removed together with the port.
            settings = _settings_without(settings, ("healthcheck",))
        image = self.sources.image.with_settings(settings)
        plan = resolve(self.sources.document.file, image, resolved)
        parts = {name: part(plan) for name, part in self.parts.items()}
        return {**template_values(plan, names_apptainer=True), **parts}


def _items_of(value: object) -> Sequence[object]:
    return value if isinstance(value, Sequence) and not isinstance(value, str) else ()


def _behind_last_index(path: Field) -> tuple[str, ...]:
    """Return the steps behind the last index in a path: the part of a list's item that a line prints."""
    steps: list[str] = []
    for step in reversed(path):
        if isinstance(step, int):
            return tuple(reversed(steps))
        steps.append(step)
    return ()


def _resolved_without(resolved: ImageFacts, part: KeyPath) -> ImageFacts:
    """Return the lock with another name, with another base, without its packages, or without one layer."""
    if part == ("project",):
        return replace(resolved, project=f"{resolved.project}-")
    if part == ("base",):
        return replace(resolved, base=f"{resolved.base}-", is_official=not resolved.is_official)
    if part == ("install_base",):
        return replace(resolved, install_base=None)
    if part == ("vcs",):
        return replace(resolved, has_vcs=False, uses_ssh=False)
    if part == ("packages",):
        return ImageFacts(project=resolved.project, base=resolved.base, is_official=resolved.is_official)
    gone = resolved.layers[int(part[1])]
    return replace(resolved, layers=tuple(layer for layer in resolved.layers if layer != gone))


def _settings_without(settings: Settings, place: KeyPath) -> Settings:
    """Return settings with another value for a key, or without one item of a list or mapping."""
    key = str(place[0])
    value = getattr(settings, key)
    if len(place) == 1:
        changed = _other(key, value)
    elif isinstance(value, Mapping):
        changed = {name: inner for name, inner in value.items() if name != place[1]}
    else:
        # All equal items go: if an item is written twice, its second copy would have the same effect.
        changed = tuple(item for item in value if item != value[int(place[1])])
    values = {name: getattr(settings, name) for name in Settings.model_fields} | {key: changed}
    return Settings.model_construct(settings.model_fields_set - ({key} if len(place) == 1 else set()), **values)


def _other(key: str, value: object) -> Any:  # noqa: ANN401 - the value of any key
    """Return another value for a key: its default, or an unusual value in place of the default."""
    default = _default(key)
    if value != default and key != "python":
        return default
    if isinstance(value, bool):
        return not value
    if key == "user":
        return "9:9"  # its parts are numbers
    if key == "python":
        return "2.7"  # the plan reads its minor version
    if isinstance(value, tuple) and value:
        return tuple(f"{item}-" for item in value)
    return f"{value}-" if isinstance(value, str) else value


@cache
def _default(key: str) -> Any:  # noqa: ANN401 - the value of any key
    return Settings.model_fields[key].get_default(call_default_factory=True)
