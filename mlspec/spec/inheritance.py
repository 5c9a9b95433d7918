"""Merge the levels of a spec to the data of each image: the top has the defaults, an image overrides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mlspec.errors import KeyPath, Problem
from mlspec.spec.fields import Joined, notes
from mlspec.spec.keys import Settings, TopKeys
from mlspec.spec.messages import refusal
from mlspec.spec.values import Refused, image_key, step_to

INHERITED = "..."
"""The list entry that represents the entries of the level above."""

Origins = dict[KeyPath, KeyPath]
"""The path in the document of each part of an image's data, by its path in that data."""


def levels(data: Mapping[str, Any], problems: list[Problem]) -> Iterator[tuple[str, dict[str, Any], Origins]]:
    """Yield each image's key and its data, with inherited keys, and the origin of each part in the document."""
    above = {key: value for key, value in data.items() if key not in TopKeys.model_fields and not key.startswith("x-")}
    images = data.get("images")
    top, origins = _merge_levels({}, above, (), problems)
    if images is None:
        yield "", top, origins
        return
    if not isinstance(images, dict) or not images:
        hint = "write: images: {train: {...}, serve: {...}}"
        problems.append(
            Problem(code="MLS120", message="images is a mapping of names to keys", hint=hint, path=("images",))
        )
        # Also report the problems of the other keys at once.
        yield "", top, origins
        return
    for key, own in images.items():
        path = ("images", key)
        try:
            image_key(key)
        except Refused as refused:
            problems.append(refusal(refused, path, on_key=True))
            continue
        if not isinstance(own, dict | None):
            hint = f"write: {key}: {{entrypoint: python train.py}}"
            problems.append(Problem(code="MLS120", message="an image is a mapping of keys", hint=hint, path=path))
            continue
        yield key, *_merge_levels(top, own or {}, path, problems)


def _merge_levels(
    above: Mapping[str, Any], own: Mapping[str, Any], path: KeyPath, problems: list[Problem]
) -> tuple[dict[str, Any], Origins]:
    """Return the keys of ``own`` over those of ``above``; lists expand ``...``, and some mappings merge key by key."""
    merged: dict[str, Any] = dict(above)
    origins: Origins = {(): path}
    origins |= {(key,): (key,) for key in merged}
    for key, value in own.items():
        if key.startswith("x-"):
            continue
        place = (*path, key)
        inherited = merged.pop(key, None)
        if value is None and key in Settings.model_fields:
            continue  # an unknown key stays, so that validation refuses it
        origins[(key,)] = place
        if value == INHERITED:
            hint = f"write: {key}: [..., more]" if inherited is not None else "remove it"
            problems.append(Problem(code="MLS120", message="... is only allowed in a list", hint=hint, path=place))
            continue
        if key in _JOINED and (isinstance(value, dict) or (isinstance(inherited, dict) and INHERITED in value)):
            value = _join_names(key, value, inherited, place, origins)
        elif isinstance(value, list):
            value = _splice_list(key, value, inherited, place, origins, problems)
        merged[key] = value
    return merged, origins


# The parts of other mappings, such as those of a health check, belong together and do not merge.
_JOINED = notes(Settings, Joined)


def _join_names(
    key: str, own: dict[str, Any] | list[Any], inherited: object, place: KeyPath, origins: Origins
) -> dict[str, Any]:
    """Return the names of ``own`` over the inherited names; each may be a mapping or its list form."""
    whole: dict[str, Any] = {}
    for level, above in ((inherited, (key,)), (own, place)):
        items = [item for item in level if item != INHERITED] if isinstance(level, list) else level
        named = _JOINED[key].as_mapping(items)
        for name, value in named.items() if isinstance(named, dict) else ():
            whole[name] = value
            step = step_to(level, name)
            origins[(key, name)] = above if step is None else (*above, step)
    return whole


def _splice_list(
    key: str, own: list[Any], inherited: object, place: KeyPath, origins: Origins, problems: list[Problem]
) -> list[Any]:
    whole: list[Any] = []
    for index, item in enumerate(own):
        if item != INHERITED:
            origins[(key, len(whole))] = (*place, index)
            whole.append(item)
        elif inherited is None:
            hint = "remove it" if place[0] == "images" else "it belongs in an image, below images:"
            message = f"there is no {key} above for ... to repeat"
            problems.append(Problem(code="MLS120", message=message, hint=hint, path=(*place, index)))
        else:
            items = inherited if isinstance(inherited, list) else [inherited]
            for source, value in enumerate(items):
                origins[(key, len(whole))] = (key, source) if isinstance(inherited, list) else (key,)
                whole.append(value)
    return whole


def origin_of(origins: Mapping[KeyPath, KeyPath], path: KeyPath) -> KeyPath:
    """Return the path in the document of the value at ``path`` of an image."""
    for length in range(len(path), -1, -1):
        if (start := origins.get(path[:length])) is not None:
            return (*start, *path[length:])
    return path
