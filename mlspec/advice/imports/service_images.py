"""The spec of several images: each is built from its own verdicts, and equal keys stand at the top once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from mlspec.advice.imports import requirements_file
from mlspec.advice.imports.assembled_spec import ImportedSpec, ImportFolder, build_spec
from mlspec.advice.imports.chosen_versions import Wheels
from mlspec.advice.imports.verdicts import LineVerdict
from mlspec.lock.requirements.other_files import Neighbour
from mlspec.spec import document, spec

# A spec has these keys at its top alone.
_TOP = {"name"}
_HEAD = 2
"""The number of lines in front of the keys of a spec."""


def build_images(
    verdicts: Sequence[LineVerdict], sources: Mapping[str, str], folder: ImportFolder, wheels: Wheels, into: str
) -> ImportedSpec:
    """Build the spec of all images that the verdicts name; raise SpecError if no spec is valid."""
    names = tuple(dict.fromkeys(verdict.image for verdict in verdicts if verdict.image))
    # One requirements.in cannot hold the requirements of several images.
    own = replace(folder, look=lambda path: _look(folder, path))
    groups = {name: [verdict for verdict in verdicts if verdict.image in {"", name}] for name in names}
    built = {name: build_spec(group, sources, own, wheels, into) for name, group in groups.items()}
    text = join_images({name: one.text for name, one in built.items()})
    spec.validate(document.parse(text, into))
    judged = {
        id(before): after
        for name in reversed(names)
        for before, after in zip(groups[name], built[name].verdicts, strict=True)
    }
    first = built[names[0]]
    return replace(first, text=text, files={}, verdicts=tuple(judged[id(verdict)] for verdict in verdicts))


def _look(folder: ImportFolder, path: str) -> Neighbour:
    return Neighbour("file") if path == requirements_file.NAME else folder.look(path)


def join_images(texts: Mapping[str, str]) -> str:
    """Return one spec from the spec of each image, by name."""
    blocks = {name: dict(_split_keys(text)) for name, text in texts.items()}
    first, *others = blocks.values()
    shared = {key for key, block in first.items() if all(other.get(key) == block for other in others)} | _TOP
    head = next(iter(texts.values())).splitlines(keepends=True)[:_HEAD]
    lines = [*head, *(block for key, block in first.items() if key in shared), "images:\n"]
    for name, own in blocks.items():
        rest = "".join(block for key, block in own.items() if key not in shared)
        lines.append(f"  {name}:{'' if rest else ' {}'}\n" + re.sub(r"(?m)^(?=.)", "    ", rest))
    return "".join(lines)


def _split_keys(text: str) -> Iterator[tuple[str, str]]:
    """Yield each key at the top of a spec with its lines, and with the comments above it."""
    block = ""
    key = ""
    for line in text.splitlines(keepends=True)[_HEAD:]:
        if key and not line.startswith(" "):
            yield key, block
            key, block = "", ""
        found = re.match(r"([a-z_]+):", line)
        key = found[1] if found and not key else key
        block += line
    if block:
        yield key or "#", block
