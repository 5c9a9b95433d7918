"""Plain data to YAML that every reader reads alike: block style, keys in their order, no aliases."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from textwrap import indent
from typing import NamedTuple, TypeAlias

import yaml

from mlspec.errors import KeyPath

Data: TypeAlias = "str | int | Sequence[Data] | Mapping[str, Data] | None"
"""What is dumped: texts, whole numbers, true and false, nothing, lists and mappings."""


class Sheet(NamedTuple):
    """One YAML document of a file, and the way to it in what the images of a spec bring to the file.

    A blank line stands between its keys, and between the names below ``apart``, where that is said.
    """

    place: KeyPath
    data: Mapping[str, Data]
    apart: str = ""


def present(data: Mapping[str, Data]) -> dict[str, Data]:
    """Return what says something of a mapping: nothing, and what is empty, does not; ``False`` and 0 do."""
    return {key: value for key, value in data.items() if value is not None and value not in ("", (), [], {})}


# Readers of YAML 1.1 and 1.2 disagree about what is no text: 0o17, 1e3, 22:22, on, =. None takes a word of letters that
# is not one of these for anything else: https://yaml.org/type and section 10.3.2 of https://yaml.org/spec/1.2.2.
_PLAIN = re.compile(r"(?:[A-Za-z]|\.{0,2}/)[A-Za-z0-9._/-]*")
_TAKEN = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


def is_plain(value: str) -> bool:
    """Tell whether a text stands without quotes."""
    return bool(_PLAIN.fullmatch(value)) and value.lower() not in _TAKEN


def text(comment: Iterable[str], sheets: Sequence[Sheet]) -> str:
    """Return a file: the lines of a comment, then the documents, three hyphens between them."""
    heading = "".join(f"# {line}".rstrip() + "\n" for line in comment)
    return heading + "---\n".join(dump(sheet.data) if not sheet.apart else _dump_spaced(sheet) for sheet in sheets)


def _dump_spaced(sheet: Sheet) -> str:
    parts = []
    for key, value in sheet.data.items():
        if key == sheet.apart and isinstance(value, Mapping):
            # No text is folded or written as a block, so that a line can be indented as it is.
            inner = "\n".join(indent(dump({name: one}), "  ") for name, one in value.items())
            parts.append(f"{key}:\n{inner}")
        else:
            parts.append(dump({key: value}))
    return "\n".join(parts)


def dump(data: Mapping[str, Data]) -> str:
    """Return one document: two blanks an indent, lists indented, texts in double quotes unless they are plain words."""
    # No width is too large: a text that is folded over several lines is hard to compare.
    found = yaml.dump(
        data, Dumper=_Dumper, sort_keys=False, default_flow_style=False, allow_unicode=True, width=_NEVER_FOLDED
    )
    return str(found)


_NEVER_FOLDED = 10**9


class _Dumper(yaml.SafeDumper):
    """PyYAML's dumper, without aliases, and with lists that are indented below their keys."""

    def ignore_aliases(self, data: object) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, indentless=False)


def _represent_text(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=None if is_plain(value) else '"')


_Dumper.add_representer(str, _represent_text)
