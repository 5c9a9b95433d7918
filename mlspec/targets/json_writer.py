"""A writer of JSON files. The comment stands under a key of its own, which readers of the configuration ignore."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Mapping, Sequence

from mlspec.targets.sheet import Data, Sheet


def text(comment: Iterable[str], sheets: Sequence[Sheet]) -> str:
    """Return the text of a file: the comment as a list of lines, from line 2 or 3 on, then the only document."""
    (sheet,) = sheets
    return _write_object(list(filter(None, comment)), sheet.comment, sheet.data, "") + "\n"


def _write_object(comment: Sequence[str], place: Sequence[str], data: Mapping[str, Data], margin: str) -> str:
    """Return an object with the comment at ``place`` in it, before all else."""
    first, *rest = place
    start, below = f'{margin}  "{first}": ', data.get(first)
    if rest:
        value = _write_object(comment, rest, below if isinstance(below, Mapping) else {}, f"{margin}  ")
    else:
        between = f",\n{' ' * (len(start) + 1)}"
        value = f"[{between.join(map(_dump, comment))}]"
    others = {key: item for key, item in data.items() if key != first}
    behind = textwrap.indent(_dump(others), margin).removeprefix(f"{margin}{{").lstrip("\n")
    return f"{{\n{start}{value}" + (",\n" if others else f"\n{margin}") + behind


def _dump(data: Data) -> str:
    found = json.dumps(data, indent=2, ensure_ascii=False)
    # Unprintable characters are escaped as in JSON. The line breaks are those of the indentation.
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in found)
