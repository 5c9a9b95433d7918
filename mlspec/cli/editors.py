"""The schema file beside a spec, for editors: written once, and updated for each version of mlspec."""

from __future__ import annotations

from pathlib import Path

from mlspec.cli.terminal import say, show


def write_schema(folder: Path) -> Path | None:
    """Write the schema into a folder and return its path.

    If another program wrote the file, keep the file, show a warning, and return None.
    """
    from dataclasses import replace
    from importlib.metadata import version

    from mlspec.errors import SpecError
    from mlspec.host.files import writing
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
    """Update the schema in a folder if another version of mlspec wrote it. Do nothing without a schema there."""
    from mlspec.host.files import reading

    there = reading.text_of(folder / "mlspec.schema.json")
    if there is None:
        return
    from importlib.metadata import version

    from mlspec.spec import schema

    if schema.MARK in there and not schema.is_of(there, version("mlspec")):
        write_schema(folder)
        say(f"{(folder / schema.FILE).as_posix()}: now that of this mlspec, for your editor")
