"""The build context of the metadata script, and the result in its output folder."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from mlspec.host.resolver.metadata.unpacked_source import UnpackedSource


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataResult:
    """The result of the script: core metadata, requirements of the backend, or the text of an error."""

    text: str = ""
    asked: tuple[str, ...] = ()
    error: str = ""


def write_context(
    folder: Path, source: UnpackedSource, requirements: tuple[str, ...], limits: tuple[str, ...] | None
) -> None:
    """Write the context of the script into ``folder``, which already contains the downloaded ``files``.

    With ``limits``, pip resolves the requirements itself, and ``limits`` are its constraints. Without ``limits``, pip
    installs only from the downloaded files.
    """
    # Copy with the current time, not the times of the archive: BuildKit considers a file unchanged if size and time
    # equal those of the file at the same path in an earlier build. That file may belong to another source.
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
    """Read the result of the script from its output folder."""

    def text(name: str) -> str:
        path = out / name
        return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""

    asked = text("requires.json") or text("asked.json")
    return MetadataResult(
        text=text("METADATA"), asked=tuple(json.loads(asked)) if asked else (), error=text("error.txt")
    )
