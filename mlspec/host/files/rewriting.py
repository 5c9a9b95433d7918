"""The user's own spec, written anew after repairs: whole or not at all, with its encoding, line ends and mode."""

from __future__ import annotations

from pathlib import Path

from mlspec.errors import Problem, SpecError
from mlspec.host.files import read as disk
from mlspec.host.files import write as writing
from mlspec.spec import fixes as repairs
from mlspec.spec.encoding import encoding_of
from mlspec.spec.files import Artifact
from mlspec.spec.fixes import Settled


def rewrite(path: Path, settled: Settled) -> None:
    """Write the spec in ``path`` as it was settled.

    Raises SpecError where the file is not any more what was read, ToolError where the disk refuses.
    """
    if not settled.rounds:
        return
    data = disk.bytes_of(path)
    mark, encoding = encoding_of(data)
    text = repairs.apply_rounds(data.removeprefix(mark).decode(encoding), settled.rounds)
    if text.replace("\r\n", "\n") != settled.document.text:
        message = f"{path.as_posix()} was changed while it was looked at, and is left alone"
        raise SpecError(
            Problem(code="MLS412", message=message, hint="once more: mlspec check --fix").at(str(path), None)
        )
    # A link stays one: the file that it names is written.
    place = path.resolve()
    writing.write([Artifact(place.name, mark.decode(encoding) + text)], place.parent, encoding)
