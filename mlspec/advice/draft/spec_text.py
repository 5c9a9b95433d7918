"""The text of a first spec, written from choices."""

from __future__ import annotations

from collections.abc import Iterable

from mlspec.advice.draft.folder import Choice
from mlspec.spec import schema
from mlspec.spec.fields import Starter, example, notes
from mlspec.spec.keys import Settings, TopKeys
from mlspec.spec.plain_yaml import scalar

_HEAD = (
    schema.MODELINE
    + "# The image's environment. `mlspec render` compiles this file to a Dockerfile, an ignore file and run.sh.\n"
)
_STARTERS = {**notes(TopKeys, Starter), **notes(Settings, Starter)}


def spec_text(choices: Iterable[Choice]) -> str:
    """Return the text of the spec with the chosen values; a key without a value becomes a comment."""
    chosen = {choice.key: choice for choice in choices}
    return _HEAD + "".join(_lines(chosen[key], starter) for key, starter in _STARTERS.items() if key in chosen)


def _lines(choice: Choice, starter: Starter) -> str:
    key, value = choice.key, choice.value
    comment = f"# {starter.comment}\n" if starter.comment else ""
    if not value:
        return f"{comment}# {starter.example or example(Settings, key)}\n"
    if isinstance(value, str):
        return f"{comment}{key}: {scalar(value)}\n"
    if key == "entrypoint":
        return f"{comment}{key}: [{', '.join(map(scalar, value))}]\n"
    return f"{comment}{key}:\n" + "".join(f"  - {scalar(item)}\n" for item in value)
