"""A writer of YAML that all readers interpret alike: block style, keys in their order, no aliases."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from textwrap import indent

import yaml

from mlspec.targets.sheet import Block, Data, Sheet

# Readers of YAML 1.1 and 1.2 disagree about values that are not text: 0o17, 1e3, 22:22, on, =. All read as text a
# word of letters that is not in _TAKEN: https://yaml.org/type and section 10.3.2 of https://yaml.org/spec/1.2.2.
_PLAIN = re.compile(r"(?:[A-Za-z]|\.{0,2}/)[A-Za-z0-9._/-]*")
_TAKEN = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


def is_plain(value: str) -> bool:
    """Tell whether a text needs no quotes in YAML."""
    return bool(_PLAIN.fullmatch(value)) and value.lower() not in _TAKEN


def text(comment: Iterable[str], sheets: Sequence[Sheet]) -> str:
    """Return the text of a file: the lines of a comment, then the documents with ``---`` between them."""
    heading = "".join(f"# {line}".rstrip() + "\n" for line in comment)
    return heading + "---\n".join(dump(sheet.data) if not sheet.apart else _dump_spaced(sheet) for sheet in sheets)


def _dump_spaced(sheet: Sheet) -> str:
    parts = []
    for key, value in sheet.data.items():
        if key == sheet.apart and isinstance(value, Mapping):
            # dump() writes no folded text, and each line of a block can be indented without a change of meaning.
            inner = "\n".join(indent(dump({name: one}), "  ") for name, one in value.items())
            parts.append(f"{key}:\n{inner}")
        else:
            parts.append(dump({key: value}))
    return "\n".join(parts)


def dump(data: Mapping[str, Data]) -> str:
    """Dump one document: indents of two spaces, indented lists, and double quotes around text that is not plain."""
    # The width never folds a text: text on several lines is hard to compare.
    found = yaml.dump(
        data, Dumper=_Dumper, sort_keys=False, default_flow_style=False, allow_unicode=True, width=_NEVER_FOLDED
    )
    return str(found)


_NEVER_FOLDED = 10**9


class _Dumper(yaml.SafeDumper):
    """PyYAML's dumper, without aliases, and with lists indented below their keys."""

    def ignore_aliases(self, data: object) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, indentless=False)


def _represent_text(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=None if is_plain(value) else '"')


def _represent_block(dumper: _Dumper, value: Block) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", f"{value}\n", style="|")


_Dumper.add_representer(str, _represent_text)
_Dumper.add_representer(Block, _represent_block)
