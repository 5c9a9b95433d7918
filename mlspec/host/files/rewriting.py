"""Writing of a repaired spec: atomically, with its old encoding, line ends and mode."""

from __future__ import annotations

from pathlib import Path

from mlspec.errors import Problem, SpecError
from mlspec.host.files import reading, writing
from mlspec.spec import fixes
from mlspec.spec.encoding import encoding_of
from mlspec.spec.files import Artifact
from mlspec.spec.fixes import Settled


def rewrite(path: Path, settled: Settled) -> None:
    """Write the repairs in ``settled`` into the spec in ``path``.

    Raises SpecError if the file has changed since mlspec read it, ToolError if the disk refuses the write.
    """
    if not settled.rounds:
        return
    data = reading.bytes_of(path)
    mark, encoding = encoding_of(data)
    text = fixes.apply_rounds(data.removeprefix(mark).decode(encoding), settled.rounds)
    if text.replace("\r\n", "\n") != settled.document.text:
        message = f"{path.as_posix()} changed during the check, so it is left unchanged"
        raise SpecError(
            Problem(code="MLS412", message=message, hint="try again: mlspec check --fix").at(str(path), None)
        )
    # If the path is a link, write its target, so that the link stays.
    place = path.resolve()
    writing.write([Artifact(place.name, mark.decode(encoding) + text)], place.parent, encoding)
