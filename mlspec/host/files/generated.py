"""Comparison of a spec's artifacts with the files on the disk: stale, edited, left over, or the user's own."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mlspec.errors import Problem, SpecError
from mlspec.host.cache.witness import generated_names
from mlspec.host.files.reading import owner_of, read_heading, text_of
from mlspec.host.files.writing import write
from mlspec.spec.banner import MARK
from mlspec.spec.files import Artifact
from mlspec.spec.targets import TARGETS
from mlspec.targets import edited_files


@dataclass(frozen=True, slots=True)
class GeneratedFiles:
    """The artifacts of a spec and their folder.

    ``spec`` is the path of the spec for messages. ``recorded`` are the fingerprints of the files from the last write.
    """

    folder: Path
    spec: str
    artifacts: tuple[Artifact, ...]
    recorded: Mapping[str, str]

    @property
    def stale(self) -> tuple[Artifact, ...]:
        """The artifacts whose file is missing or has another text."""
        return find_stale(self.artifacts, self.folder)

    @property
    def spec_name(self) -> str:
        """The file name of the spec, as in the headings of generated files."""
        return Path(self.spec).name


def find_stale(artifacts: Iterable[Artifact], folder: Path) -> tuple[Artifact, ...]:
    """Return the artifacts whose file in ``folder`` is missing or has another text."""
    return tuple(artifact for artifact in artifacts if text_of(folder / artifact.path) != artifact.text)


def find_edits(files: GeneratedFiles) -> tuple[Problem, ...]:
    """Return a problem for each stale file that the user has edited since mlspec wrote it."""
    found = (
        edited_files.problem_of(
            place.as_posix(), there, artifact.text, files.recorded.get(artifact.path, ""), files.spec
        )
        for artifact, place, there in _standing(files)
        if not _foreign(place, files.spec_name)
    )
    return tuple(filter(None, found))


def find_line_ends(files: GeneratedFiles) -> tuple[Problem, ...]:
    """Return a warning about files that differ from their artifacts only in line ends; empty without such files."""
    standing = _standing(files)
    places = [place.as_posix() for artifact, place, there in standing if edited_files.has_crlf(there, artifact.text)]
    return (edited_files.line_ends(places, files.spec),) if places else ()


def _standing(files: GeneratedFiles) -> Iterator[tuple[Artifact, Path, str]]:
    """Yield each artifact whose file exists with another text, with the path and the text of the file."""
    for artifact in files.stale:
        place = files.folder / artifact.path
        if (there := text_of(place)) is not None:
            yield artifact, place, there


def write_stale(files: GeneratedFiles, *, force: bool = False) -> tuple[Artifact, ...]:
    """Write the stale files, all or none, and return their artifacts.

    Raises SpecError if one of the files is the user's own or edited; ``force`` overwrites such files.
    """
    stale = files.stale
    if not force:
        foreign = (_foreign(files.folder / artifact.path, files.spec_name) for artifact in stale)
        problems = (*filter(None, foreign), *find_edits(files))
        if problems:
            raise SpecError(*problems)
    write(stale, files.folder)
    return stale


def diff_stale(files: GeneratedFiles) -> Iterator[str]:
    """Yield the lines of a unified diff from the current files to the artifacts."""
    for artifact in files.stale:
        place = files.folder / artifact.path
        before = text_of(place)
        if before is not None and edited_files.has_crlf(before, artifact.text):
            continue  # the removed and the added lines would look the same
        yield from difflib.unified_diff(
            (before or "").splitlines(keepends=True),
            artifact.text.splitlines(keepends=True),
            fromfile=place.as_posix() if before is not None else "/dev/null",
            tofile=place.as_posix(),
        )


def _foreign(path: Path, spec: str) -> Problem | None:
    """Return a problem if mlspec did not write a file for ``spec``; None if mlspec did, or if the file is missing."""
    heading = read_heading(path)
    if not heading or f"{MARK}{spec};" in heading:
        return None
    owner = owner_of(heading)
    who = f"was written for {owner}" if owner else "was not written by mlspec"
    hint = "move it away, or overwrite it with: mlspec render --force"
    return Problem(code="MLS402", message=f"{path.as_posix()} {who}, so it is left unchanged", hint=hint)


# A file in a folder of its own has the prefix as the name of a subfolder.
_NAMES = (re.escape(target.file).replace("/", "/(?:[^/]+/)?") for target in TARGETS.values())
_GENERATED = re.compile(
    rf"(?:^|\.)(?:{'|'.join(_NAMES)}"
    r"|requirements(?:\.vcs|\.build|\.dev)?\.lock)$"
)


def find_leftovers(artifacts: Iterable[Artifact], folder: Path, spec: str) -> tuple[Path, ...]:
    """Return the files beside the spec that mlspec wrote for it earlier and that are no artifact any more."""
    current = {artifact.path for artifact in artifacts}
    stem = Path(spec).stem
    names = generated_names(str(folder), "" if stem == "mlspec" else f"{stem}.")
    others = (name for name in names if name not in current and _GENERATED.search(name))
    return tuple(folder / name for name in others if _is_from(folder / name, spec))


def _is_from(path: Path, spec: str) -> bool:
    try:
        return f"{MARK}{spec};" in read_heading(path)
    except SpecError:  # the path cannot be read, for example because it is a folder
        return False
