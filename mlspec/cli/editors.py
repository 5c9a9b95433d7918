"""The schema beside a spec, for editors: written once, and kept that of this mlspec."""

from __future__ import annotations

from pathlib import Path

from mlspec.cli.terminal import say, show


def write_schema(folder: Path) -> Path | None:
    """Write the schema into a folder and return its path; a file that mlspec did not write stays, with a warning."""
    from dataclasses import replace
    from importlib.metadata import version

    from mlspec.errors import SpecError
    from mlspec.host.files import write as writing
    from mlspec.spec import schema

    path = folder / schema.FILE
    try:
        writing.renew(path, schema.text("2020-12", version("mlspec")), schema.MARK)
    except SpecError as error:
        for problem in error.problems:
            show(replace(problem, severity="warning", hint="move it away, then: mlspec schema --output " + schema.FILE))
        return None
    return path


def renew_schema(folder: Path) -> None:
    """Write the schema anew where the one in a folder is that of another mlspec; where there is none, none is made."""
    from mlspec.host.files import read as disk

    there = disk.text_of(folder / "mlspec.schema.json")
    if there is None:
        return
    from importlib.metadata import version

    from mlspec.spec import schema

    if schema.MARK in there and not schema.is_of(there, version("mlspec")):
        write_schema(folder)
        say(f"{(folder / schema.FILE).as_posix()}: now that of this mlspec, for your editor")
