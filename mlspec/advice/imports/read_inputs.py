"""The import of other tools' files: reading the files, building the spec, and reporting every line."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from mlspec.advice.imports.account import ImportReport, account
from mlspec.advice.imports.assembled_spec import ImportedSpec, ImportFolder, build_spec
from mlspec.advice.imports.binder_files import imply_notebooks
from mlspec.advice.imports.chosen_versions import Wheels
from mlspec.advice.imports.import_kinds import Read, describe_kinds, kind_of
from mlspec.advice.imports.input_comments import attach_comments
from mlspec.advice.imports.requirement_list import read_requirement_list
from mlspec.advice.imports.service_images import build_images
from mlspec.advice.imports.verdicts import ImportSource, LineVerdict
from mlspec.errors import Problem, SpecError


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportResult:
    """The imported spec, and the report on the lines of its files."""

    spec: ImportedSpec
    report: ImportReport


def import_files(
    texts: Mapping[str, str], folder: ImportFolder, wheels: Wheels, into: str, others: Iterable[str] = ()
) -> ImportResult:
    """Build a spec from the files in ``texts`` and from the files that they name.

    ``others`` are further files that were found; they get a note in the report unless a file names them. Paths are
    relative to the folder of ``into``. Raise SpecError if a file cannot be parsed, or if no reader fits it.
    """
    reading = _Reading(folder, dict(texts))
    verdicts = list[LineVerdict]()
    problems = list[Problem]()
    for file, text in texts.items():
        try:
            verdicts += reading.read_file(file, text)
        except SpecError as error:
            problems += error.problems
    if problems:
        raise SpecError(*problems)
    verdicts += imply_notebooks(tuple(texts))
    verdicts += [_name_unread(file, next(iter(texts)), verdicts) for file in others if file not in reading.seen]
    return _finish(verdicts, reading.seen, folder, wheels, into)


def _name_unread(file: str, first: str, verdicts: Sequence[LineVerdict]) -> LineVerdict:
    if any(verdict.key == "requirements" and str(verdict.value).partition("[")[0] == file for verdict in verdicts):
        return ImportSource(file, "").carry(0, "", why="the spec names it")
    why = f"mlspec reads only {first}: to import this file too, name both"
    return ImportSource(file, "").guess(0, "", "", None, why)


class _Reading:
    """The files that were read so far; each file is read once for an image, even if several files name it."""

    def __init__(self, folder: ImportFolder, texts: Mapping[str, str]) -> None:
        self.folder = folder
        self.texts: dict[str, str | None] = dict(texts)
        self.seen: dict[str, str] = {}
        self.done: set[tuple[str, str]] = set()

    def read(self, path: str) -> str | None:
        """Return the text of a file; None if the file is missing or unreadable, or outside of the folder."""
        path = posixpath.normpath(path)
        if path not in self.texts:
            try:
                is_inside = not path.startswith(("/", ".."))
                self.texts[path] = self.folder.read(path) if is_inside else None
            except (OSError, UnicodeError, SpecError):
                self.texts[path] = None
        return self.texts[path]

    def read_file(self, file: str, text: str) -> Iterator[LineVerdict]:
        """Yield the verdicts on a file and on the files that it names, each file once."""
        kind = kind_of(file, text)
        if kind is None:
            message = f"{file} is none of the files that mlspec imports: {describe_kinds()}"
            raise SpecError(Problem(code="MLS418", message=message, hint="see: mlspec import --help").at(file, None))
        todo = [(ImportSource(file, "", self.read), kind.read, "")]
        while todo:
            source, read, image = todo.pop(0)
            name = source.file
            if (name, image) in self.done or (name, "") in self.done:
                continue
            self.done.add((name, image))
            self.seen[name] = self.read(name) or ""
            found = list(read(replace(source, text=self.seen[name])))
            if image:
                found = [replace(verdict, image=image) for verdict in found]
            yield from attach_comments(found, self.seen[name])
            todo[:0] = [
                (ImportSource(path, "", self.read, verdict.arguments), _reader_of(path), verdict.image)
                for verdict in found
                for path in verdict.reads
            ]


def _reader_of(path: str) -> Read:
    """Return the reader of a file that another file names: by its name, or else the reader of requirement files."""
    kind = kind_of(path, "")
    return kind.read if kind else read_requirement_list


def _finish(
    verdicts: Sequence[LineVerdict], seen: Mapping[str, str], folder: ImportFolder, wheels: Wheels, into: str
) -> ImportResult:
    build = build_images if any(verdict.image for verdict in verdicts) else build_spec
    built = build(verdicts, seen, folder, wheels, into)
    return ImportResult(spec=built, report=account(built.verdicts, seen))
