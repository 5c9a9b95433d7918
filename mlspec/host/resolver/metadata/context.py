"""The folder that the script for metadata is given, and the one with what came of it."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from mlspec.host.resolver.metadata.unpacked_source import UnpackedSource


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataResult:
    """Core metadata, what the backend asked for, or the words of what failed."""

    text: str = ""
    asked: tuple[str, ...] = ()
    error: str = ""


def write_context(
    folder: Path, source: UnpackedSource, requirements: tuple[str, ...], limits: tuple[str, ...] | None
) -> None:
    """Write all that the script needs beside the files that are there already.

    With ``limits``, pip resolves the requirements itself, within them; without, it takes the files alone.
    """
    # With times of now, not those of the archive: BuildKit takes a file as unchanged if its size and time are those of
    # the file at this path in an earlier build, which may be that of another source.
    shutil.copytree(source.folder, folder / "source", symlinks=True, copy_function=shutil.copy)
    shutil.copyfile(Path(__file__).with_name("script.py"), folder / "script.py")
    options = ["--no-index", "--no-deps", "--find-links", "CONTEXT/files"]
    if limits is not None:
        (folder / "limits.txt").write_text("\n".join((*limits, "")), encoding="utf-8")
        options = ["--constraint", "CONTEXT/limits.txt"]
    job = {
        "backend": source.backend,
        "backend_path": list(source.backend_path),
        "requirements": list(requirements),
        "pip": options,
    }
    (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")


def read_result(out: Path) -> MetadataResult:
    """Return what the script left."""

    def text(name: str) -> str:
        path = out / name
        return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""

    asked = text("requires.json") or text("asked.json")
    return MetadataResult(
        text=text("METADATA"), asked=tuple(json.loads(asked)) if asked else (), error=text("error.txt")
    )
