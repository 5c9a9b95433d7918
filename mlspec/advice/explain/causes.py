"""Fields of a plan to what they come from.

What a line of a spec does is written down nowhere: it is found out by compiling the spec without it. The plan is a pure
function of the settings and the lock, so what is missing from it then came from that line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from mlspec.advice.explain import reasons
from mlspec.advice.explain.origins import Origin, Sources, default_text, locked_at, name_origins, origin_at
from mlspec.advice.explain.tracing import Field, value_at
from mlspec.errors import KeyPath
from mlspec.plan.plan import Plan, resolve
from mlspec.spec.keys import Settings
from mlspec.targets.run_script import run_script
from mlspec.targets.yaml_writer import Data

Part = Callable[[Plan], Mapping[str, Data]]
"""Returns what an image brings to a file that it shares with others."""


class Causes:
    """What of one image's settings decides on the fields of its plan, found out by leaving parts of them out.

    ``parts`` are what it brings to shared files, by their targets; fields lead into those as into the plan.
    """

    def __init__(self, sources: Sources, parts: Mapping[str, Part] | None = None) -> None:
        self.sources = sources
        self.parts = parts or {}
        self.values = self._compiled(sources.image.settings)
        self._variants: dict[KeyPath, Mapping[str, object]] = {}

    def of(self, path: Field) -> tuple[Origin, ...]:
        """Return where the value of a field comes from; nothing where it is the same for every spec."""
        row = row_of(path)
        if row is None:
            return ()
        length = row.name.count(".") + 1
        index = path[length] if len(path) > length and isinstance(path[length], int) else None
        locked = tuple(locked_at(self.sources, row.lock, index)) if row.lock else ()
        if index is None:
            keys = self._whole(path[:length], row.keys)
            return (*keys, *locked)
        rest = tuple(step for step in path[length + 1 :] if isinstance(step, str))
        found = self._item(path[: length + 1], row.keys)
        return (*locked, *(origin_at(self.sources, (*place, *rest)) for place in found))

    def of_part(self, path: Field, length: int, keys: Sequence[str]) -> tuple[Origin, ...]:
        """Return where what stands at a place of a shared file comes from, by the keys that decide on it.

        ``length`` is how much of the path leads to what those decide on as a whole; beyond it are items of that.
        """
        has_items = len(path) > length and keys != ("name",)
        found = self._item(path[: length + 1], keys) if has_items else ()
        return tuple(origin_at(self.sources, place) for place in found) or self._whole(path[:length], keys)

    def _item(self, path: Field, keys: Iterable[str]) -> list[KeyPath]:
        """Return the parts of the settings without which one item of a list or of a mapping is not there."""
        item = value_at(self.values, path)
        places = [place for key in keys for place in self._places(key)]
        return [place for place in places if self._lacks(place, path, item)]

    def _lacks(self, place: KeyPath, path: Field, item: object) -> bool:
        if isinstance(path[-1], str):
            return self.changes(place, path, item)
        return item not in self._list(self._without(place), path[:-1])

    def _list(self, values: Mapping[str, object], path: Field) -> Sequence[object]:
        value = value_at(values, path)
        return value if isinstance(value, Sequence) and not isinstance(value, str) else ()

    def _whole(self, path: Field, keys: Sequence[str]) -> tuple[Origin, ...]:
        """Return the keys that decide on a field: those that change it, or else those that are written."""
        if keys == ("name",):
            return name_origins(self.sources)
        value = value_at(self.values, path)
        written = [key for key in keys if key in self.sources.image.settings.model_fields_set]
        changing = [key for key in keys if self.changes((key,), path, value)]
        # What a default decides is told where nothing that is written does.
        chosen = [key for key in changing if key in written] or written or changing[:1] or list(keys[:1])
        return tuple(origin_at(self.sources, (key,)) for key in chosen if key in written or default_text(key))

    def changes(self, place: KeyPath, path: Field, value: object) -> bool:
        """Tell whether a field has another value without a part of the settings."""
        return value_at(self._without(place), path) != value

    def _places(self, key: str) -> Iterator[KeyPath]:
        value = getattr(self.sources.image.settings, key)
        if key == "platforms" or not isinstance(value, tuple | Mapping):
            yield (key,)
        elif isinstance(value, Mapping):
            yield from ((key, name) for name in value)
        else:
            yield from ((key, index) for index in range(len(value)))

    def _without(self, place: KeyPath) -> Mapping[str, object]:
        """Return the values compiled without a part of the settings."""
        if place not in self._variants:
            settings = _without(self.sources.image.settings, place)
            try:
                self._variants[place] = self._compiled(settings)
            except StopIteration:
                # A health check asks a port: without that, there is none.
                self._variants[place] = self._compiled(_without(settings, ("healthcheck",)))
        return self._variants[place]

    def _compiled(self, settings: Settings) -> Mapping[str, object]:
        image = replace(self.sources.image, settings=settings)
        plan = resolve(self.sources.document.file, image, self.sources.resolved)
        parts = {name: part(plan) for name, part in self.parts.items()}
        return {"plan": plan, "script": run_script(plan.run), **parts}


def row_of(path: Field) -> reasons.FieldRow | None:
    """Return the row for a field, or for the nearest that it is a part of."""
    names = [str(step) for step in path if isinstance(step, str)]
    rows = (reasons.fields().get(".".join(names[:length])) for length in range(len(names), 0, -1))
    return next((row for row in rows if row), None)


def _without(settings: Settings, place: KeyPath) -> Settings:
    """Return settings in which a key has another value, or in which one item of a list or mapping is missing."""
    key = str(place[0])
    value = getattr(settings, key)
    if len(place) == 1:
        changed = _other(key, value)
    elif isinstance(value, Mapping):
        changed = {name: inner for name, inner in value.items() if name != place[1]}
    else:
        # What is written twice would still be there.
        changed = tuple(item for item in value if item != value[int(place[1])])
    values = {name: getattr(settings, name) for name in Settings.model_fields} | {key: changed}
    return Settings.model_construct(settings.model_fields_set - ({key} if len(place) == 1 else set()), **values)


def _other(key: str, value: object) -> Any:  # noqa: ANN401 - the value of any key
    """Return another value for a key: its default, or, where it has that, one that nobody writes."""
    default = Settings.model_fields[key].get_default(call_default_factory=True)
    if value != default and key != "python":
        return default
    if isinstance(value, bool):
        return not value
    if key == "user":
        return "9:9"  # its parts are numbers
    if isinstance(value, tuple) and value:
        return tuple(f"{item}-" for item in value)
    return f"{value}-" if isinstance(value, str) else value
