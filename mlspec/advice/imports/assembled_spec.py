"""The assembly of verdicts to a valid spec: a value that mlspec refuses becomes a comment, and its verdict says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mlspec.advice.imports import requirements_file
from mlspec.advice.imports.chosen_versions import Versions, Wheels, choose_versions
from mlspec.advice.imports.settle import settle_keys
from mlspec.advice.imports.spec_lines import SpecLine, text_of, write_spec
from mlspec.advice.imports.verdicts import ImportSource, LineVerdict
from mlspec.errors import Problem, SpecError
from mlspec.facts import base_image
from mlspec.facts.accelerator import parse_accelerator
from mlspec.lock.requirements.collect import RequirementEntry, collect
from mlspec.lock.requirements.other_files import Look
from mlspec.lock.requirements.sources.source_tables import Conditions
from mlspec.spec import document, spec


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportFolder:
    """The folder of the new spec: a reader of its files, which raises OSError, and a lookup of its paths."""

    read: Callable[[str], str]
    look: Look


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedSpec:
    """The text of the spec, the texts of other files to write by name, the final verdicts, and the chosen Python."""

    text: str
    files: Mapping[str, str]
    verdicts: tuple[LineVerdict, ...]
    python: str
    python_why: str


Mark = tuple[str, int, str, str]
"""The identity of a verdict: its file, line, text and key."""
# Each round removes the values that mlspec refuses; it may then refuse other values for other reasons.
_ROUNDS = 8


def build_spec(
    verdicts: Sequence[LineVerdict], sources: Mapping[str, str], folder: ImportFolder, wheels: Wheels, into: str
) -> ImportedSpec:
    """Build the spec from verdicts on the files in ``sources``; raise SpecError if no spec is valid."""
    current = tuple(verdicts)
    by_file = True
    blamed_before = set[tuple[str, str, object]]()
    for _ in range(_ROUNDS):
        versions = choose_versions(settle_keys(_name_files(current, sources, by_file=by_file)), sources, wheels)
        trial = _write(versions, tuple(sources), folder, into)
        problems = _find_problems(trial, folder, into)
        if not problems:
            break
        if by_file and any(problem.file in sources and _is_list(problem.file) for problem in problems):
            by_file = False
            continue
        # A file that the spec names keeps its problems: each is blamed on one line only.
        fresh = tuple(p for p in problems if p.file == into or (p.code, p.message, p.span) not in blamed_before)
        if not fresh:
            break
        blamed_before |= {(problem.code, problem.message, problem.span) for problem in fresh}
        if noted := tuple(_note_problems(fresh, current, sources)):
            current = (*current, *noted)
            continue
        blamed = _blame(trial, fresh, into)
        if not blamed:
            raise SpecError(*problems)
        demoted = tuple(_demote(verdict, blamed) for verdict in current)
        if demoted == current:
            break
        current = demoted
    return ImportedSpec(
        text=trial.text,
        files=trial.files,
        verdicts=versions.verdicts,
        python=versions.python,
        python_why=versions.python_why,
    )


def _note_problems(
    problems: Sequence[Problem], verdicts: Sequence[LineVerdict], sources: Mapping[str, str]
) -> Iterator[LineVerdict]:
    """Yield verdicts for the problems of an imported file on lines without a verdict, such as the header of a table."""
    for problem in problems:
        number = problem.span.line if problem.span and problem.file in sources else 0
        judged = any(v.file == problem.file and v.number <= number <= v.end for v in verdicts)
        if number and not judged and not _is_list(problem.file):
            text = sources[problem.file].split("\n")[number - 1].strip()
            yield ImportSource(problem.file, "").doubt(number, text, "requirements", _reason(problem))


def _reason(problem: Problem) -> str:
    hint = f": {problem.hint.splitlines()[0]}" if problem.hint else ""
    return f"{problem.message}{hint}"


def _is_list(file: str) -> bool:
    return file.endswith((".txt", ".in"))


def _name_files(verdicts: Sequence[LineVerdict], sources: Mapping[str, str], *, by_file: bool) -> Sequence[LineVerdict]:
    """Return the verdicts; the spec names a requirement file as a whole if every line of it is carried."""
    whole = {
        file
        for file in sources
        if by_file
        and _is_list(file)
        and all(verdict.outcome == "carried" for verdict in verdicts if verdict.file == file)
        and not any(verdict.key not in {"", "requirements"} for verdict in verdicts if verdict.file == file)
    }
    return [
        replace(verdict, value=verdict.file, comments=(), remark="")
        if verdict.file in whole and verdict.key == "requirements"
        else verdict
        for verdict in verdicts
    ]


# One round


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trial:
    lines: tuple[SpecLine, ...]
    listed: tuple[SpecLine, ...]
    entries: tuple[str, ...]
    versions: Versions

    @property
    def text(self) -> str:
        return text_of(self.lines)

    @property
    def files(self) -> dict[str, str]:
        return {requirements_file.NAME: text_of(self.listed)} if self.listed else {}


def _write(versions: Versions, sources: Sequence[str], folder: ImportFolder, into: str) -> _Trial:
    verdicts = [verdict for verdict in versions.verdicts if verdict.key not in {"python", "accelerator"}]
    verdicts += [v for v in versions.verdicts if v.key in {"python", "accelerator"} and v.outcome == "unsure"]
    more: dict[str, Any] = {"python": versions.python}
    if versions.accelerator:
        more["accelerator"] = versions.accelerator
    wanted = [verdict for verdict in verdicts if verdict.key == "requirements"]
    entries = tuple(str(verdict.value) for verdict in wanted if verdict.outcome != "unsure")
    listed = tuple[SpecLine, ...]()
    is_free = folder.look(requirements_file.NAME).kind == "" and requirements_file.NAME not in sources
    if requirements_file.has_comments(wanted) and is_free and not any(map(_is_project, entries)):
        listed = requirements_file.write_requirements(wanted)
        verdicts = [verdict for verdict in verdicts if verdict.key != "requirements"]
        if entries:
            more["requirements"] = requirements_file.NAME
    return _Trial(lines=write_spec(verdicts, sources, more), listed=listed, entries=entries, versions=versions)


def _is_project(entry: str) -> bool:
    return entry.partition("[")[0].endswith(".toml")


def _find_problems(trial: _Trial, folder: ImportFolder, into: str) -> tuple[Problem, ...]:
    try:
        settings = spec.validate(document.parse(trial.text, into)).images[0].settings
    except SpecError as error:
        return error.problems
    base = base_image.base_reference(settings.python, settings.base)
    if isinstance(base, base_image.BaseRefusal):
        problem = Problem(code="MLS105", message=base.message, hint=base.hint, path=("base",))
        return (document.parse(trial.text, into).place(problem),)
    accelerator = parse_accelerator(trial.versions.accelerator or "cpu")
    conditions = Conditions(python=settings.python, platforms=settings.platforms, accelerator=accelerator)
    entries = [RequirementEntry(text, ("requirements", number)) for number, text in enumerate(trial.entries)]
    try:
        collect(entries, folder.read, into, folder.look, conditions)
    except SpecError as error:
        return error.problems
    return ()


def _blame(trial: _Trial, problems: Sequence[Problem], into: str) -> dict[Mark, Problem]:
    """Return the marks of the verdicts that cause problems, each with its first problem."""
    found = dict[Mark, Problem]()
    wanted = [v for v in trial.versions.verdicts if v.key == "requirements" and v.outcome != "unsure"]
    for problem in problems:
        verdict = _owner(trial, wanted, problem, into)
        if verdict:
            found.setdefault(_mark(verdict), problem)
    return found


def _owner(trial: _Trial, wanted: Sequence[LineVerdict], problem: Problem, into: str) -> LineVerdict | None:
    number = problem.span.line if problem.span else 0
    if problem.path[:1] == ("requirements",) and len(problem.path) > 1:
        return wanted[int(problem.path[1])]
    if problem.file == into:
        return trial.lines[number - 1].verdict if 1 <= number <= len(trial.lines) else None
    same = [v for v in trial.versions.verdicts if v.file == problem.file and (v.key or v.repeated)]
    here = [verdict for verdict in same if verdict.number <= number <= verdict.end]
    naming = [verdict for verdict in wanted if problem.file and problem.file in str(verdict.value)]
    # A line without a value keeps its verdict: the spec names the file, and the file has the line.
    other = [v for v in trial.versions.verdicts if v.file == problem.file and v.number <= number <= v.end]
    return next(iter((*here, *other, *naming)), None)


def _mark(verdict: LineVerdict) -> Mark:
    # In an image with build steps, compilers move from build_apt to apt.
    return verdict.file, verdict.number, verdict.text, (verdict.key or verdict.repeated).removeprefix("build_")


def _demote(verdict: LineVerdict, blamed: Mapping[Mark, Problem]) -> LineVerdict:
    problem = blamed.get(_mark(verdict))
    if problem is None or not verdict.key:
        return verdict
    return replace(verdict, outcome="unsure", value=None, why=_reason(problem))
