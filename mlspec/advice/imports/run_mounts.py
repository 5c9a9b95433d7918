"""The import of a RUN's mounts: a step has caches and secrets, and the context's files are in the image anyway."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from mlspec.advice.draft.readers.instructions import DockerfileInstruction
from mlspec.advice.imports.cog import secret_name
from mlspec.advice.imports.verdicts import ImportSource, LineVerdict

# The caches of apt and pip: mlspec mounts its own caches when it installs packages.
_OF_INSTALLERS = re.compile(
    r"/var/(?:cache|lib)/apt.*|.*/\.cache/(?:pip|uv|pypoetry).*|/root/\.cache/?|/opt/conda/pkgs.*"
)


@dataclass(frozen=True, slots=True)
class RunMounts:
    """The verdicts on the options of a RUN, and further keys of its step."""

    verdicts: tuple[LineVerdict, ...] = ()
    more: Mapping[str, object] = field(default_factory=dict)


def read_mounts(source: ImportSource, line: DockerfileInstruction) -> tuple[RunMounts, str, int]:
    """Return the mounts of a RUN, the rest of the instruction, and the offset of the rest."""
    verdicts, cache, secrets = list[LineVerdict](), list[str](), list[str]()
    rest, offset = line.rest, 0
    while found := re.match(r"--(mount|network|security)=(\S+)\s*", rest):
        number, text = line.line_of(offset), found[0].strip()
        parts = dict(part.partition("=")[::2] for part in found[2].split(","))
        target = parts.get("target") or parts.get("dst") or parts.get("destination") or ""
        kind = parts.get("type", "bind") if found[1] == "mount" else found[1]
        if kind == "cache" and _OF_INSTALLERS.fullmatch(target):
            verdicts.append(source.carry(number, text, why="mlspec caches the downloads"))
        elif kind == "cache":
            cache.append(target)
            verdicts.append(source.carry(number, text, why=f"a cache of the step: {target}"))
        elif kind == "secret":
            name = secret_name(parts.get("id") or target.rpartition("/")[2])
            secrets.append(name)
            verdicts.append(source.change(number, text, "secrets", name, "a variable of the step, not a file"))
        elif kind == "bind" and "from" not in parts:
            verdicts.append(source.carry(number, text, why="the files of the project are there after it is copied"))
        elif kind == "bind" and re.search(r"astral-sh/uv", parts["from"]):
            verdicts.append(source.carry(number, text, why="mlspec has its own installer"))
        else:
            verdicts.append(source.lose(number, text, f"a step has no {kind} of this kind"))
        rest, offset = rest[found.end() :], offset + found.end()
    more = {name: list(dict.fromkeys(listed)) for name, listed in (("cache", cache), ("secrets", secrets)) if listed}
    return RunMounts(tuple(verdicts), more), rest, offset
