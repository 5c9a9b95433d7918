"""Convert pydantic's errors to problems with plain messages and suggestions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from mlspec.errors import KeyPath, Problem, Rename, Repair, Replace, Split, quote_value
from mlspec.spec import fields
from mlspec.spec.keys import Settings, TopKeys
from mlspec.spec.values import Refused, step_to
from mlspec.text import did_you_mean, slip


def diagnose(
    error: ValidationError, data: Mapping[str, Any], origin: Callable[[KeyPath], KeyPath] = tuple
) -> list[Problem]:
    """Return the problems that ``error`` found in ``data``; ``origin`` returns the place of a path in the document."""
    found = _distinct([_diagnose_error(details, data) for details in error.errors(include_url=False)])
    return [
        replace(
            problem,
            path=origin(problem.path),
            repairs=tuple(replace(repair, path=origin(repair.path)) for repair in problem.repairs),
        )
        for problem in found
    ]


def _distinct(found: list[Problem]) -> list[Problem]:
    """Return the problems without the ones that only follow from others."""
    # A union reports one error for each of its members; keep the first error that is about more than the type.
    first: dict[tuple[KeyPath, bool, str], Problem] = {}
    for problem in found:
        key = (problem.path, problem.on_key, problem.message if problem.code == "MLS102" else "")
        if key not in first or problem.code == "MLS115":
            first[key] = problem
    # A misspelt key is not also missing, and a list with a wrong entry is not also "not a list".
    meant = {(problem.path[:-1], problem.hint) for problem in found if problem.code == "MLS101"}
    inner = {problem.path[:-1] for problem in found if problem.path and isinstance(problem.path[-1], int)}
    return [
        problem
        for problem in first.values()
        if not (problem.code == "MLS102" and (problem.path, f"did you mean {_missing_name(problem)}?") in meant)
        and not (problem.message.endswith("not a list") and problem.path in inner)
    ]


def _missing_name(problem: Problem) -> str:
    return problem.message.split('"')[1]


def refusal(refused: Refused, path: KeyPath, *, on_key: bool = False) -> Problem:
    """Return the problem of a refused value at ``path``."""
    path = (*path, *refused.path)
    return Problem(
        code=refused.code,
        message=refused.message,
        hint=refused.hint,
        path=path,
        on_key=on_key,
        excerpt=NO_EXCERPT if refused.shows_secret else "",
        repairs=tuple(_list_repairs(refused, path, on_key=on_key)),
    )


def _list_repairs(refused: Refused, path: KeyPath, *, on_key: bool) -> Iterator[Repair]:
    if isinstance(refused.meant, tuple):
        yield Split(path, refused.meant)
    elif refused.meant:
        yield Rename(path, refused.meant) if on_key else Replace(path, refused.value, refused.meant)


NO_EXCERPT = " "
"""The excerpt in place of a line that shows a secret: others may read messages, in the logs of their machines."""

# Pydantic's kinds of errors, and the expected values.
_TYPES = {
    "string_type": "text",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a whole number",
    "tuple_type": "a list",
    "dict_type": "a mapping of names to values",
    "mapping_type": "a mapping of names to values",
    "model_type": "a mapping of keys to values",
    "model_attributes_type": "a mapping of keys to values",
}
# Keys of Compose that make no sense in the description of an image.
_ONLY_COMPOSE = frozenset(
    {"build", "cap_add", "container_name", "depends_on", "deploy", "extra_hosts", "logging", "network_mode"}
    | {"networks", "privileged", "profiles", "pull_policy", "restart", "scale", "security_opt", "version"}
)


def _diagnose_error(error: ErrorDetails, data: Mapping[str, Any]) -> Problem:
    path, on_key = _path_of(error, data)
    kind = error["type"]
    if kind == "extra_forbidden":
        return _unknown_key(path)
    if kind == "missing":
        return _missing_key(path)
    if kind == "value_error" and isinstance(refused := error.get("ctx", {}).get("error"), Refused):
        return refusal(refused, path, on_key=on_key)
    if kind == "literal_error":
        return unknown_value(path, error["input"], _choices(error))
    if kind == "greater_than_equal":
        message = (
            f"{quote_value(str(error['input']))} is too small: at least {error.get('ctx', {}).get('ge')} is expected"
        )
        return Problem(code="MLS115", message=message, hint="write more, or remove the key", path=path)
    if kind in {"too_short", "string_too_short"}:
        hint = _example(path) or "remove it, or write what is meant"
        return Problem(code="MLS103", message="this is empty", hint=hint, path=path, on_key=on_key)
    return _wrong_type(path, error, on_key=on_key)


def _wrong_type(path: KeyPath, error: ErrorDetails, *, on_key: bool) -> Problem:
    value, expected = error["input"], _TYPES.get(error["type"])
    message = f"{expected} is expected here, not {kind_of(value)}" if expected else error["msg"].lower()
    hint = _example(path)
    if expected == "text" and isinstance(value, bool) and not hint:
        hint = f'write it in quotes: "{str(value).lower()}"'
    elif expected == "text" and value is None:
        hint = "remove it, or write what is meant"
    hint = hint or (f"write {expected}" if expected != "text" else "write one text, in quotes where it is not plain")
    repairs = () if on_key else tuple(_convert_value(path, value, expected))
    return Problem(code="MLS103", message=message, hint=hint, path=path, on_key=on_key, repairs=repairs)


# Words that YAML 1.1 and other tools read as true and false, and a spec as text.
_FLAGS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def _convert_value(path: KeyPath, value: object, expected: str | None) -> Iterator[Repair]:
    """Yield the repair of a value to the expected kind, if only one value can be meant."""
    if expected == "true or false" and isinstance(value, str) and value.lower() in _FLAGS:
        yield Replace(path, value, _FLAGS[value.lower()])
    elif expected == "text" and isinstance(value, bool) and len(path) > 1:
        yield Replace(path, str(value).lower(), str(value).lower())
    elif expected == "a list" and isinstance(value, str) and path in {("ports",), ("mounts",), ("run",)}:
        yield Split(path, (value,))


def kind_of(value: object) -> str:
    """Return the kind of a value, in the words of a message."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return quote_value(value)
    return "nothing" if value is None else "a list" if isinstance(value, list | tuple) else "a mapping"


def _example(path: KeyPath) -> str:
    """Return the hint for a key of the spec, or for an entry of its list."""
    is_near = len(path) == 1 or (
        len(path) == 2 and isinstance(path[1], int) and path[0] not in {"entrypoint", "command"}
    )
    return fields.hint(_model_of(path[:1]), str(path[0])) if is_near else ""


def _path_of(error: ErrorDetails, data: object) -> tuple[KeyPath, bool]:
    """Return pydantic's location as a path in the data, and whether it means a key.

    Pydantic's location also names the member of a union and the parts of a short form, which are not in the spec.
    """
    path: list[str | int] = []
    for step in error["loc"]:
        if isinstance(data, list) and isinstance(step, str):
            # Data is the list form of a mapping, or the one request of ``gpus``.
            index = step_to(data, step)
            if index is None and len(data) == 1 and isinstance(data[0], dict) and step in data[0]:
                path += [0, step]
                data = data[0][step]
            elif isinstance(index, int):
                path.append(index)
                data = data[index]  # the text NAME=VALUE, which has no further parts
            continue
        if (isinstance(data, list) and isinstance(step, int)) or (isinstance(data, Mapping) and step in data):
            data = data[step]  # type: ignore[index] # each step fits what was just asked of data
        elif not (isinstance(data, Mapping) and error["type"] == "missing"):
            continue
        path.append(step)
    return tuple(path), "[key]" in error["loc"]


def _model_of(path: KeyPath) -> type[BaseModel]:
    """Return the model that contains the key at ``path``."""
    *above, name = path
    if above:
        return fields.model_below(Settings, str(above[0])) or Settings
    return TopKeys if name in TopKeys.model_fields else Settings


def _unknown_key(path: KeyPath) -> Problem:
    is_top, name = len(path) == 1, str(path[-1])
    model = _model_of(path)
    known = (*TopKeys.model_fields, *Settings.model_fields) if is_top else tuple(model.model_fields)
    others = {**fields.other_names(model), **(fields.other_names(TopKeys) if is_top else {})}
    near = others.get(name.lower())
    meant = slip(name, known) or (near.key if near and near.is_sure else "")
    if name in TopKeys.model_fields:
        hint = "it belongs at the top of the spec, once for all images"
    elif near:
        hint = f"did you mean {near.key}?"
    elif is_top and name in _ONLY_COMPOSE:
        hint = f"it describes services, not an image: remove it, or keep it for yourself as x-{name}"
    else:
        hint = did_you_mean(name, known) or f"known keys: {', '.join(known)}"
    repairs = (Rename(path, meant),) if meant and hint == f"did you mean {meant}?" else ()
    return Problem(
        code="MLS101", message=f"unknown key {quote_value(name)}", hint=hint, path=path, on_key=True, repairs=repairs
    )


def _missing_key(path: KeyPath) -> Problem:
    *above, name = path
    line = fields.example(_model_of(path), str(name)) or f"{name}: ..."
    message = f'the key "{name}" is missing'
    return Problem(code="MLS102", message=message, hint=f"add it, such as: {line}", path=tuple(above))


def unknown_value(path: KeyPath, value: object, known: Sequence[str]) -> Problem:
    """Return the problem of a value that is not in ``known``."""
    code = "MLS106" if path[0] == "platforms" else "MLS103"
    if not isinstance(value, str):
        message = f"text is expected here, not {kind_of(value)}"
    else:
        message = f"{quote_value(value)} is not known here"
    hint = (did_you_mean(value, known) if isinstance(value, str) else "") or _example(path)
    meant = slip(value, known) if isinstance(value, str) else ""
    repairs = (Replace(path, value, meant),) if meant and isinstance(value, str) else ()
    return Problem(code=code, message=message, hint=hint or f"write {' or '.join(known)}", path=path, repairs=repairs)


def _choices(error: ErrorDetails) -> list[str]:
    expected = str(error.get("ctx", {}).get("expected", ""))
    return [word.strip().strip("'") for word in expected.replace(" or ", ",").split(",") if word.strip()]
